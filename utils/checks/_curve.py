"""What a finished loss curve says on its own."""

import numpy as np

from . import _arrays
from ._scores import LARGEST_CLIPPED_LOSS
from .report import Finding, Report

FLAT = 0.02  # relative fall over the last third that counts as standing still
NEAR = 0.02  # relative distance that counts as being at a reference value
ENOUGH = 8  # points that a verdict on shape needs


def curve(losses, *, num_classes, prior=None) -> Report:
    """Check a finished curve of a categorical cross-entropy against its reference lines.

    Parameters
    ----------
    losses : array_like of float, shape (T,)
        Mean losses per epoch or per step, in order, in nats.
    num_classes : int
        C.
    prior : float or array_like of shape (C,), optional
        Entropy of the class frequencies in nats, or the frequencies (or counts) themselves.

    Returns
    -------
    Report
        Observed: first, lowest and last loss and the reference lines ln C, the prior's
        entropy, the double-softmax floor ln(e + C − 1) − 1 and the clip at 16.118. A curve is
        weak evidence: a flat curve also comes from a problem that cannot be learnt, so
        most findings are warnings that name what to look at next.

    Raises
    ------
    TypeError, ValueError
        If the losses are not a numeric vector, or prior is not a distribution.
    """
    classes = _arrays.class_count(num_classes)
    values = _arrays.numbers(losses, "losses").values.astype(np.float64)
    if values.ndim != 1:
        raise ValueError(f"losses has shape {values.shape}; pass one number per epoch or step.")
    entropy = None if prior is None else _entropy(prior, classes)
    lines = {"ln C": float(np.log(classes)), "floor": float(np.log(np.e + classes - 1) - 1)}
    if entropy is not None:
        lines["prior entropy"] = entropy
    observed = {"points": int(values.size), "first": float(values[0]), "last": float(values[-1])}
    with np.errstate(invalid="ignore"):
        observed["lowest"] = float(np.fmin.reduce(values))
    return Report(tuple(rules(values, classes, entropy)), observed | lines)


def rules(values, num_classes: int, entropy=None) -> list[Finding]:
    """Return the findings on a curve of shape (T,); ``entropy`` is the class prior's, in nats."""
    finite = np.isfinite(values)
    found = [] if finite.all() else [_broken(values, finite)]
    values = values[finite]
    if values.size == 0:
        return found
    uniform = float(np.log(num_classes))
    if values.min() < -1e-6:
        found.append(_negative(values))
        return found
    clip = _at_clip(values)
    if clip:
        found.append(clip)
    elif found_start := _high_start(values, uniform):
        found.append(found_start)
    if values.size >= ENOUGH and not clip:
        found += _standing(values, num_classes, uniform, entropy)
    if sudden := _sudden_zero(values, uniform):
        found.append(sudden)
    return found


def _broken(values, finite) -> Finding:
    first = int(np.argmin(finite))
    return Finding(
        "unstable-softmax",
        "error",
        f"The loss is {values[first]} at point {first + 1} of {values.size}"
        + (f", after {values[first - 1]:.4g}" if first else "")
        + ". Usual causes: log or division by hand, labels out of range under XLA, a learning rate "
        "far too large, NaN in the data.",
        {"first bad point": first + 1, "points": int(values.size)},
        "Use the built-in loss on logits; check labels and inputs; then lower the learning rate.",
    )


def _negative(values) -> Finding:
    return Finding(
        "loss-without-anchor",
        "error",
        f"The loss goes down to {values.min():.4g}. A cross-entropy is −log p and never negative: "
        "this curve is something else, or a hand-written formula has a wrong sign or labels "
        "outside 0 … 1.",
        {"lowest": float(values.min())},
        "Check the formula on two examples by hand.",
    )


def _at_clip(values) -> Finding | None:
    stuck = np.abs(values - LARGEST_CLIPPED_LOSS) < 0.01
    if not stuck.any():
        return None
    return Finding(
        "logits-as-probabilities",
        "error" if stuck[-1] else "warning",
        f"The loss stands at {LARGEST_CLIPPED_LOSS:.3f} = −ln 1e-7 in {stuck.sum()} of "
        f"{values.size} points: the value at which Keras clips probabilities. All examples have a "
        "score of 0 or less for the true class, as logits read as probabilities do, or a model "
        "sure of the wrong class. Its gradient is 0 there.",
        {"at the clip": int(stuck.sum()), "points": int(values.size)},
        "Look at the model's output: raw scores need from_logits=True.",
    )


def _high_start(values, uniform: float) -> Finding | None:
    first = float(values[0])
    if not (first > 3 * uniform and 6 <= first <= LARGEST_CLIPPED_LOSS):
        if first > 3 * uniform + 2:
            return _no_anchor(first, uniform)
        return None
    # Logits read as probabilities barely learn; a curve that comes down had another reason.
    learnt = values.min() < uniform / 4
    return Finding(
        "logits-as-probabilities",
        "note" if learnt else "warning",
        f"The loss starts at {first:.2f}; a model that knows nothing has ln C = {uniform:.2f}. "
        "Logits read as probabilities (from_logits=False on raw scores) start at 7 to 16; unscaled "
        "inputs and a summed loss can start there too.",
        {"first": first, "ln C": uniform},
        "Check with checks.outputs(y_pred, from_logits=False): raw scores need from_logits=True.",
    )


def _no_anchor(first: float, uniform: float) -> Finding:
    return Finding(
        "loss-without-anchor",
        "note",
        f"The loss starts at {first:.4g}; a model that knows nothing has ln C = {uniform:.2f}. A "
        "sum instead of a mean, unscaled inputs, or large initial weights give this.",
        {"first": first, "ln C": uniform},
    )


def _standing(values, num_classes: int, uniform: float, entropy) -> list[Finding]:
    """Judge where a curve has come to rest; say nothing of one that still falls."""
    tail = values[-max(len(values) // 3, 4) :]
    half = len(tail) // 2
    level = float(np.median(tail))
    # Compare halves of the tail: single steps are noise.
    fall = float(tail[:half].mean() - tail[half:].mean())
    if abs(fall) > FLAT * max(level, 0.05) or np.std(tail) > 0.1 * max(level, 0.05):
        return []
    floor = float(np.log(np.e + num_classes - 1) - 1)
    if entropy is not None and _near(level, entropy) and entropy < (1 - 2 * NEAR) * uniform:
        return [
            Finding(
                "class-imbalance",
                "warning",
                f"The loss has come to rest at {level:.4f}, the entropy of the class frequencies "
                f"({entropy:.4f}): what a model gets that knows how frequent each class is and "
                "never looks at its input.",
                {"level": level, "prior entropy": entropy},
                "See whether the predictions depend on the input at all, and the recall by class.",
            )
        ]
    if _near(level, uniform):
        return [
            Finding(
                "loss-without-anchor",
                "warning",
                f"The loss has come to rest at {level:.4f}, ln {num_classes} = {uniform:.4f}: "
                "uniform guessing. Nothing is learnt: gradients that do not arrive, one output for "
                "all inputs, a learning rate of nearly 0, or labels that have nothing to do with "
                "the inputs.",
                {"level": level, "ln C": uniform},
                "Check the gradients (checks.gradients), then try to overfit one batch.",
            )
        ]
    above = level >= floor - 1e-3 and values.min() >= floor - 1e-3
    if above and level <= floor * 1.06 and values[0] > level + 0.1 * (uniform - floor):
        return [
            Finding(
                "double-softmax",
                "warning" if level <= floor * (1 + NEAR) else "note",
                f"The loss has come to rest at {level:.4f} and never falls below ln(e + "
                f"{num_classes - 1}) − 1 = {floor:.4f}, the least value when probabilities are "
                "taken for logits. A plateau there by chance is possible; with a high accuracy it "
                "is not.",
                {"level": level, "floor": floor, "lowest": float(values.min())},
            )
        ]
    return []


def _sudden_zero(values, uniform: float) -> Finding | None:
    if values.size < 3 or values[0] < 0.2 * uniform:
        return None
    early = values[1 : max(2, values.size // 4) + 1]
    if not (early.max() < 1e-3 and values[1:].max() < 1e-3):
        return None
    return Finding(
        "fractional-labels",
        "note",
        f"The loss falls from {values[0]:.3g} to {values[1]:.1g} at once and stays near 0. A very "
        "easy problem does so, and so does one in which all labels are class 0, as when labels are "
        "divided by 255, or the labels are among the inputs.",
        {"first": float(values[0]), "second": float(values[1])},
        "Count the labels (np.unique) and look at accuracy on fresh data.",
    )


def _near(level: float, line: float) -> bool:
    return abs(level - line) <= NEAR * max(line, 0.05)


def _entropy(prior, classes: int) -> float:
    values = _arrays.numbers(prior, "prior", finite=True).values.astype(np.float64)
    if values.ndim == 0:
        entropy = float(values)
        if not 0 <= entropy <= np.log(classes) + 1e-6:
            raise ValueError(
                f"prior as an entropy must lie between 0 and ln {classes} = {np.log(classes):.3f}, "
                f"not {entropy:.4g}."
            )
        return entropy
    if values.shape != (classes,):
        raise ValueError(
            f"prior has shape {values.shape}; pass {classes} class frequencies, or their entropy."
        )
    if (values < 0).any() or values.sum() <= 0:
        raise ValueError("prior must be frequencies or counts: at least 0, and not all 0.")
    p = values[values > 0] / values.sum()
    return float(-(p * np.log(p)).sum() + 0.0)
