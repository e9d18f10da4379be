"""All that can be said of a model, a loss and a batch before the first step."""

import re
import warnings
from dataclasses import replace

import numpy as np

from . import _arrays, _batches, _gradients, _labels, _losses, _models, _outputs, _weights
from .report import Finding, Report

EXAMPLES = 32  # put through the model
BATCHES = 20  # read for their labels
BOUNDED = ("tanh", "softsign", "hard_sigmoid", "hard_tanh", "relu6", "hard_silu")


def diagnose(model, loss_fn, data, *, metrics=(), num_classes=None) -> Report:
    """Check a model, its loss and its data against each other before training.

    Nothing is trained, and no weight, batch statistic, metric or dataset is moved on. A model
    that is not built yet is built, as by its first call.

    Parameters
    ----------
    model : keras.Model or callable
        With one output of shape (B, …, C).
    loss_fn : str, keras.losses.Loss or callable of (y_true, y_pred)
    data : tuple (x, y) or (x, y, sample_weight) of arrays, or a batched tf.data.Dataset
        Labels of all arrays, or of the first 20 batches, are checked; the first 32 examples
        go through the model, in inference mode.
    metrics : sequence of keras.metrics.Metric, names or functions
        Tried on copies.
    num_classes : int, optional
        The model's number of units unless given.

    Returns
    -------
    Report
        What `labels`, `outputs`, `gradients` and `metric` find, and what only shows when model
        and loss are seen together. An error that the loss would raise becomes a finding.
        Several outputs, and losses whose form cannot be told, are listed as not observed.

    Raises
    ------
    TypeError, ValueError
        If the data cannot be read, or the model does not accept them.
    """
    if num_classes is not None:
        num_classes = _arrays.class_count(num_classes)
    if not callable(model):
        raise TypeError(f"model must be a Keras model or a callable, not {type(model).__name__}.")
    if isinstance(loss_fn, (dict, list, tuple)):
        return Report(not_observed=("losses per output: diagnose one output at a time.",))
    x, y, weight, all_labels = _read_data(data)
    if isinstance(y, (dict, list, tuple)) and not _is_plain_list(y):
        return Report(not_observed=("several sets of labels: diagnose one output at a time.",))
    with _models.untouched(model), warnings.catch_warnings():
        # Keras warns where it repairs a mismatch; the report says it in full.
        warnings.simplefilter("ignore")
        return _examine(model, loss_fn, x, y, weight, all_labels, metrics, num_classes)


def _examine(model, loss_fn, x, y, weight, all_labels, metrics, num_classes) -> Report:
    import tensorflow as tf

    with tf.GradientTape() as tape:
        p = _forward(model, x)
        if isinstance(p, (dict, list, tuple)):
            return Report(not_observed=("a model with several outputs: diagnose them singly.",))
        seen = _arrays.numbers(p, "the model's output")
        form = _losses.read_loss(loss_fn, seen.values.shape[-1])
        if seen.values.ndim < 2 and form.family in ("sparse", "categorical"):
            raise ValueError(
                f"The model's output has shape {seen.values.shape}: it has no class axis. "
                "Expected (batch, classes)."
            )
        value, complaint = _call(form, y, p)
        # A vector is summed by the tape; what is None stays None either way.
        gradients = None if value is None else _tape_gradients(tape, value, model)
    if seen.values.ndim < 2:
        seen = replace(seen, values=seen.values.reshape(-1, 1))
    units = seen.values.shape[-1]
    classes = num_classes or units
    activation = _models.last_activation(model)
    observed = {
        "loss": form.name,
        "units": units,
        "output": _outputs.describe(_outputs.as_rows(seen.values), seen.dtype),
    }
    observed |= {"activation": activation} if activation else {}
    missed = []
    found = _length_findings(y, seen.values)
    found += _positional_findings(form)
    found += _label_findings(form, all_labels, seen.values.shape, units, classes)
    found += _weight_findings(weight, y)
    found += _unit_findings(form, units, classes, num_classes)
    if form.family in ("sparse", "categorical") and form.from_logits is not None:
        origin = _outputs.origin_of(p)
        found += _output_findings(model, form, x, y, p, seen, activation, origin)
    elif form.family == "binary":
        found += _binary_findings(form, seen, activation, _outputs.origin_of(p))
    elif not form.known:
        missed.append(
            f"whether {form.name} wants logits or probabilities: it is no cross-entropy that "
            "this check knows."
        )
    if value is not None:
        loss = float(np.mean(value))
        observed["initial loss"] = loss
        if form.family in ("sparse", "categorical"):
            observed["ln C"] = float(np.log(max(units, 2)))
        found += _value_findings(value, form, y, seen, found)
    elif not any(f.severity == "error" for f in found):
        missed.append(f"the loss: it raised {complaint}")
    if gradients is not None:
        variables = list(model.trainable_variables)
        names = [_gradients.name_of(v, i) for i, v in enumerate(variables)]
        found += _gradients.none_rule(gradients, names)
        found += _gradients.finite_rule([_array_or_none(g) for g in gradients], names)
    found += _mode_notes(model)
    found += _metric_findings(metrics, y, p, missed)
    return Report(tuple(_once(found)), observed, tuple(missed))


def _read_data(data):
    """Return x, y and weight of a first batch, and all labels within reach."""
    if _arrays.is_dataset(data):
        if not isinstance(data.element_spec, tuple) or len(data.element_spec) < 2:
            raise TypeError("data is a dataset without labels. Map it to (x, y).")
        batch, labels = None, []
        for element in _batches.peek(data, "data", BATCHES):
            batch = element if batch is None else batch
            if isinstance(element[1], (dict, tuple)):
                return element[0], element[1], None, None
            labels.append(element[1])
        if getattr(labels[0], "shape", (1,)).rank == 0:
            raise ValueError("data is a dataset of single examples. Batch it: data.batch(32).")
        parts = [np.asarray(part) for part in labels]
        same = len({part.shape[1:] for part in parts}) == 1
        joined = np.concatenate(parts) if same else parts[0]
        x, y, *rest = (_models.first_examples(part, EXAMPLES) for part in batch[:3])
        return x, y, (rest or [None])[0], joined
    if isinstance(data, (str, dict)) or not isinstance(data, (tuple, list)) or len(data) < 2:
        raise TypeError(
            "data must be a tuple (x, y) of arrays or a tf.data.Dataset of batches (x, y), not "
            f"{type(data).__name__}"
            + (f" of length {len(data)}." if hasattr(data, "__len__") else ".")
        )
    x, y, *rest = data[:3]
    if x is None or y is None:
        raise TypeError("data holds None for x or y.")
    if isinstance(y, (dict, tuple)):
        return x, y, None, None
    if np.size(y) == 0:
        raise ValueError("data holds no examples: y is empty.")
    lengths = {_length(x), _length(y)} - {None}
    if len(lengths) > 1:
        raise ValueError(
            f"data holds {_length(x)} examples and {_length(y)} labels. Pass as many of both."
        )
    heads = [_models.first_examples(part, EXAMPLES) for part in (x, y)]
    weight = _models.first_examples(rest[0], EXAMPLES) if rest and rest[0] is not None else None
    return *heads, weight, y


def _length(part):
    """Return the number of examples, or None where there are several inputs."""
    if isinstance(part, (dict, tuple)) or not hasattr(part, "__len__"):
        return None
    return None if isinstance(part, list) and hasattr(part[0], "shape") else len(part)


def _is_plain_list(y) -> bool:
    return isinstance(y, list) and not hasattr(y[0] if y else 0, "shape")


def _forward(model, x):
    try:
        return _models.forward(model, x)
    except Exception as problem:
        raise ValueError(f"The model does not accept this batch: {_first_line(problem)}") from None


def _call(form, y, p):
    """Return the loss as an array-like tensor, or None and what it raised."""
    try:
        import tensorflow as tf

        labels = tf.convert_to_tensor(y)
        return tf.convert_to_tensor(form.call(labels, p)), ""
    except Exception as problem:
        return None, _first_line(problem)


def _tape_gradients(tape, value, model):
    variables = list(getattr(model, "trainable_variables", ()))
    if not variables or not value.dtype.is_floating:
        return None
    return tape.gradient(value, variables)


def _length_findings(y, outputs) -> list[Finding]:
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


def _label_findings(form, labels, shape, units, classes):
    if form.family == "sparse":
        seen = _arrays.read(labels, "y")
        if seen.kind != "numbers":
            return _labels.object_rules(seen)
        if units == 1:
            return []
        # Labels that the named number of classes allows are not to blame for too few units.
        return _labels.rules(seen.values, seen.dtype, max(units, classes), form.ignore_class)
    if form.family == "categorical":
        seen = _arrays.read(labels, "y")
        if seen.kind != "numbers":
            return _labels.object_rules(seen)
        return categorical_rule(seen.values, units, len(shape))
    if form.family == "binary":
        return binary_label_rule(_arrays.numbers(labels, "y").values, units, len(shape))
    return []


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


def _positional_findings(form) -> list[Finding]:
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


def _weight_findings(weight, y) -> list[Finding]:
    if weight is None:
        return []
    given, labels = _arrays.numbers(weight, "sample_weight"), _arrays.numbers(y, "y")
    ids = _weights.label_ids(labels.values)
    return _weights.sample_weight_rules(given.values, given.dtype, labels.values.shape, ids.shape)


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


def _unit_findings(form, units, classes, num_classes):
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


def _output_findings(model, form, x, y, p, seen, activation, origin):
    if origin == "softmax" and form.from_logits and not _repaired(form, y, p):
        origin = ""
    found = _outputs.rules(seen.values, seen.dtype, form.from_logits, origin=origin, route="eager")
    hinted = ("wrong-output-activation", "logits-as-probabilities")
    changed = []
    for finding in found:
        if finding.pitfall == "double-softmax" and (not origin or finding.severity != "note"):
            changed.append(_with_both_routes(finding, model, form, x, y, p, seen, activation))
        elif finding.severity == "note" and finding.pitfall in hinted and activation:
            # What values alone only hint at, the layer proves or clears.
            if activation == "sigmoid" or not form.from_logits:
                changed.append(replace(finding, severity="warning"))
        else:
            changed.append(finding)
    if not any(f.pitfall == "wrong-output-activation" for f in changed):
        changed += _activation_rule(activation, form.from_logits, seen.values.shape[-1])
    return changed


def _activation_rule(activation: str, from_logits: bool, units: int) -> list[Finding]:
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


def _repaired(form, y, p) -> bool:
    """Whether this loss uses the logits that travel with the scores; only Keras' own do."""
    import tensorflow as tf

    value, _ = _call(form, y, p)
    correct, _ = _call(form, y, tf.math.log(tf.cast(p, tf.float32)))
    if value is None or correct is None:
        return form.known
    return bool(np.allclose(value, correct, rtol=1e-3, atol=1e-4))


def _with_both_routes(finding, model, form, x, y, p, seen, activation) -> Finding:
    """Add the loss eagerly, in a graph, and as it should be; the routes may disagree."""
    import tensorflow as tf

    eager, _ = _call(form, y, p)
    correct, _ = _call(form, y, tf.math.log(tf.cast(p, tf.float32)))
    if eager is None or correct is None:
        return finding
    try:
        graph = tf.function(lambda a, b: form.call(b, _models.forward(model, a)), autograph=False)(
            x, tf.convert_to_tensor(y)
        )
    except Exception:
        return finding  # the model does not trace; eager is then its only route
    eager, graph, correct = (float(np.mean(v)) for v in (eager, graph, correct))
    evidence = finding.evidence | {
        "loss, eager": eager,
        "loss, tf.function": graph,
        "true loss": correct,
    }
    floor = finding.evidence["floor"]
    units = seen.values.shape[-1]
    head = (
        "The model's outputs are probabilities"
        + (f" (its last layer ends in {activation})" if activation else "")
        + ", and from_logits=True makes the loss apply softmax again. On this batch the true loss "
        f"is {correct:.3f}. "
    )
    constant = finding.severity == "note"
    if constant:
        severity = "warning" if activation == "softmax" else "note"
        head += (
            "All outputs are still equal, so every route reports the same; once they differ, an "
            "eager loop goes wrong, and inside tf.function Keras repairs tf.nn.softmax."
        )
    elif abs(graph - correct) < 1e-3 * max(1.0, abs(correct)) and abs(graph - eager) > 1e-4:
        severity = "warning"
        head += (
            f"Eagerly the loss reports {eager:.3f}: wrong. Inside tf.function it reports "
            f"{graph:.3f}: Keras sees the softmax there and repairs it."
        )
    else:
        severity = "error"
        head += f"The loss reports {eager:.3f} eagerly and {graph:.3f} inside tf.function."
    end = (
        f" {'The loss' if severity == 'error' else 'An eager loop'} cannot get below "
        f"ln(e + {units - 1}) − 1 = {floor:.3f}, and the gradients shrink; accuracy does not "
        "change."
    )
    return replace(finding, severity=severity, statement=head + end, evidence=evidence)


def _binary_findings(form, seen, activation, origin) -> list[Finding]:
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


def _value_findings(value, form, y, seen, found) -> list[Finding]:
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


def _mode_notes(model) -> list[Finding]:
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


def _metric_findings(metrics, y, p, missed) -> list[Finding]:
    if metrics is None or (isinstance(metrics, (list, tuple)) and not metrics):
        return []
    from ._metrics import metric as check_metric

    if not isinstance(metrics, (list, tuple)):
        metrics = (metrics,)
    found = []
    for each in metrics:
        try:
            found += check_metric(each, y, p).findings
        except (TypeError, ValueError) as problem:
            missed.append(f"metric {getattr(each, 'name', each)}: {_first_line(problem)}")
    return found


def _array_or_none(gradient):
    if gradient is None:
        return None
    gradient = getattr(gradient, "values", gradient) if hasattr(gradient, "indices") else gradient
    return _arrays.read(gradient, "gradient").values


def _once(findings):
    kept = {}
    for finding in findings:
        known = kept.get(finding.pitfall)
        if known is None or known.severity == "note" != finding.severity:
            kept[finding.pitfall] = finding
    return kept.values()


def _first_line(problem: Exception) -> str:
    plain = re.sub(r"\x1b\[\d*m", "", str(problem))
    lines = [line.strip() for line in plain.splitlines() if line.strip()]
    # Keras puts the layer's name first and the reason second.
    wrapped = len(lines) > 1 and lines[0].startswith("Exception encountered")
    text = lines[wrapped] if lines else ""
    return f"{type(problem).__name__}: {text[:160]}"
