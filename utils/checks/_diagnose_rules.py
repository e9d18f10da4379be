"""What only shows when model, loss and labels are seen together."""

import numpy as np

from . import _models
from .report import Finding

BOUNDED = ("tanh", "softsign", "hard_sigmoid", "hard_tanh", "relu6", "hard_silu")


def length_rule(y, outputs) -> list[Finding]:
    """Find labels and outputs of different numbers of examples."""
    count = np.shape(y)[0] if np.ndim(y) else 0
    if count == len(outputs):
        return []
    return [
        Finding(
            "batch-mismatch",
            "error",
            f"There are {count} labels for {len(outputs)} outputs: they are not of the same "
            "examples.",
            {"labels": count, "outputs": len(outputs)},
            "Slice, shuffle and batch inputs and labels together, as one dataset of (x, y).",
        )
    ]


def binary_label_rule(values, units: int, rank: int) -> list[Finding]:
    """Find labels that binary cross-entropy cannot read: class ids, or values outside 0 … 1."""
    evidence = {"shape": str(values.shape), "units": units, "max": float(values.max())}
    if units > 1 and (values.ndim < rank or values.shape[-1] == 1):
        return [
            Finding(
                "sparse-labels-to-categorical",
                "error",
                f"The labels have shape {values.shape}, one number per example; binary "
                f"cross-entropy wants a yes or no for each of the {units} units and raises.",
                evidence,
                "For one class out of many use SparseCategoricalCrossentropy; for several at "
                "once, labels of one 0 or 1 per unit.",
            )
        ]
    if values.min() < 0 or values.max() > 1:
        return [
            Finding(
                "label-range",
                "error",
                f"Binary cross-entropy wants labels from 0 to 1, and these run from "
                f"{values.min():g} to {values.max():g}: the loss is no longer bounded below.",
                evidence,
                "Map −1 and +1 to 0 and 1; for more than two classes use one unit per class and "
                "SparseCategoricalCrossentropy.",
            )
        ]
    return []


def categorical_rule(values, units: int, rank: int) -> list[Finding]:
    """Find class ids where the loss wants a row per example, as many values as units."""
    ids = values.ndim < rank or values.shape[-1] == 1
    if ids and units > 1:
        return [
            Finding(
                "sparse-labels-to-categorical",
                "error",
                f"The labels have shape {values.shape} and run from {values.min():g} to "
                f"{values.max():g}: class ids. CategoricalCrossentropy wants one row of {units} "
                "values per example and raises; CategoricalAccuracy stays silent and counts how "
                "often class 0 is predicted.",
                {"shape": str(values.shape), "units": units},
            )
        ]
    return []


def positional_rule(form) -> list[Finding]:
    """Find a reduction that landed in ``from_logits``."""
    if not form.misplaced:
        return []
    return [
        Finding(
            "positional-reduction",
            "error",
            f"The loss was made with from_logits={form.misplaced}: its first positional argument "
            "is from_logits, not the reduction. Any text counts as True, and the reduction is "
            "still the mean.",
            {"from_logits": form.misplaced},
        )
    ]


def broadcast_rule(form) -> list[Finding]:
    """Find a loss that compares every label with every prediction."""
    if not form.broadcast:
        return []
    return [
        Finding(
            "broadcast-shapes",
            "error",
            f"{form.name}, tried on four examples, gives the loss of a (4, 4) matrix: every label "
            "against every prediction, instead of each against its own. Usual causes: tf.gather "
            "without batch_dims=1, or labels (B, 1) against values (B,).",
            {"loss": form.name},
        )
    ]


def unit_rule(form, units, classes, num_classes):
    """Find more or fewer units than classes."""
    if form.family not in ("sparse", "categorical") or units == 1 or num_classes is None:
        return []
    if units == classes:
        return []
    few = units < classes
    return [
        Finding(
            "output-units",
            "error" if few else "note",
            f"The last layer has {units} units for {classes} classes: "
            + (
                f"classes {units} to {classes - 1} have no score."
                if few
                else f"{units - classes} of them can never be right."
            ),
            {"units": units, "classes": classes},
            f"Give the last layer {classes} units.",
        )
    ]


def activation_rule(activation: str, from_logits: bool, units: int) -> list[Finding]:
    """Find a last activation that bounds the scores."""
    if units < 2 or not (activation in BOUNDED or activation == "relu"):
        return []
    limits = "never negative" if activation.startswith("relu") else "bounded"
    return [
        Finding(
            "wrong-output-activation",
            "warning",
            f"The last layer ends in {activation}: its scores are {limits}, and where it is flat "
            f"no gradient passes. A score for one of {units} classes needs room on both sides.",
            {"activation": activation, "units": units},
            "Leave the last layer without activation and use from_logits=True.",
        )
    ]


def binary_rule(form, seen, activation, origin) -> list[Finding]:
    """Find logits without, or sigmoids with, ``from_logits`` in binary cross-entropy."""
    values = seen.values
    inside = bool((values >= 0).all() and (values <= 1).all())
    if form.from_logits is False and not inside and not origin:
        return [
            Finding(
                "logits-as-probabilities",
                "error",
                f"Binary cross-entropy was told from_logits=False, but the scores run from "
                f"{values.min():.3g} to {values.max():.3g}. They are clipped to 0 … 1 and pass no "
                "gradient beyond.",
                {"lowest": float(values.min()), "highest": float(values.max())},
                "Say from_logits=True, or give the last layer a sigmoid.",
            )
        ]
    if form.from_logits and activation == "sigmoid":
        return [
            Finding(
                "wrong-output-activation",
                "note" if origin else "warning",
                "The last layer ends in a sigmoid and from_logits=True makes the loss apply it "
                "again. "
                + (
                    "Keras repairs its own sigmoid today; predict and NumPy lose the repair."
                    if origin
                    else "Eagerly nothing repairs it: the loss is wrong."
                ),
                {"activation": activation},
                "Drop the sigmoid, or say from_logits=False.",
            )
        ]
    return []


def value_rule(value, form, y, seen, found) -> list[Finding]:
    """Find what the first batch's loss shows: NaN, a vector, a value far above ln C."""
    numbers = np.asarray(value, np.float64)
    if not np.isfinite(numbers).all() and not any(f.severity == "error" for f in found):
        return [
            Finding(
                "unstable-softmax",
                "error",
                "The loss of the first batch is NaN or infinite, though the outputs are finite.",
                {"loss": str(numbers.mean())},
            )
        ]
    if any(f.severity != "note" for f in found) or form.family not in ("sparse", "categorical"):
        return []
    notes, units = [], seen.values.shape[-1]
    if numbers.ndim and numbers.size > 1:
        notes.append(
            Finding(
                "vector-loss",
                "note",
                f"The loss returns {numbers.size} values, of shape {numbers.shape}. A tape adds "
                "them up: the gradient grows with the batch size unless you divide.",
                {"values": int(numbers.size)},
            )
        )
    elif numbers.mean() > 3 * np.log(units) + 2:
        notes.append(
            Finding(
                "loss-without-anchor",
                "note",
                f"The loss starts at {numbers.mean():.2f}; a model that knows nothing has "
                f"ln {units} = {np.log(units):.2f}. A summed loss, unscaled inputs, or large "
                "initial weights give this; so does a model trained on other labels.",
                {"initial loss": float(numbers.mean()), "ln C": float(np.log(units))},
            )
        )
    return notes


def mode_notes(model) -> list[Finding]:
    """Note layers that need the training flag, and penalties a loop must add."""
    kinds = _models.layer_kinds(model)
    special = sorted(
        {k for k in kinds if k == "BatchNormalization" or k.startswith(_models.STOCHASTIC)}
    )
    notes = []
    if special:
        notes.append(
            Finding(
                "training-flag",
                "note",
                f"The model has {', '.join(special)}: the training step must call "
                "model(x, training=True), evaluation training=False. Plain model(x) means False.",
                {"layers": ", ".join(special)},
            )
        )
    penalties = list(getattr(model, "losses", ()) or ())
    if penalties:
        total = float(sum(float(np.asarray(v)) for v in penalties))
        notes.append(
            Finding(
                "missing-regularisation",
                "note",
                f"The model has {len(penalties)} regularisation term"
                f"{'s' * (len(penalties) != 1)} worth {total:.4g} now. A custom loop must add "
                "sum(model.losses) to its loss; nobody else does.",
                {"terms": len(penalties), "total": total},
            )
        )
    return notes
