"""All that can be said of a model, a loss and a batch before the first step."""

import warnings
from dataclasses import replace

import numpy as np

from . import (
    _arrays,
    _batches,
    _gradients,
    _labels,
    _losses,
    _models,
    _outputs,
    _routes,
    _scores,
    _weights,
)
from . import _diagnose_rules as rules
from .report import Finding, Report


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
    x, y, weight, all_labels = _batches.read_data(data)
    if isinstance(y, (dict, list, tuple)) and not _is_plain_list(y):
        return Report(not_observed=("several sets of labels: diagnose one output at a time.",))
    with _models.untouched(model), warnings.catch_warnings():
        # Keras warns where it repairs a mismatch; the report says it in full.
        warnings.simplefilter("ignore")
        return _examine(model, loss_fn, x, y, weight, all_labels, metrics, num_classes)


def _examine(model, loss_fn, x, y, weight, all_labels, metrics, num_classes) -> Report:
    import tensorflow as tf

    with tf.GradientTape() as tape:
        p = _routes.forward(model, x)
        if isinstance(p, (dict, list, tuple)):
            return Report(not_observed=("a model with several outputs: diagnose them singly.",))
        seen = _arrays.numbers(p, "the model's output")
        form = _losses.read_loss(loss_fn, seen.values.shape[-1])
        if seen.values.ndim < 2 and form.family in ("sparse", "categorical"):
            raise ValueError(
                f"The model's output has shape {seen.values.shape}: it has no class axis. "
                "Expected (batch, classes)."
            )
        value, complaint = _routes.call(form, y, p)
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
        "output": _scores.describe(_scores.as_rows(seen.values), seen.dtype),
    }
    observed |= {"activation": activation} if activation else {}
    missed = []
    found = rules.length_rule(y, seen.values)
    found += rules.positional_rule(form) + rules.broadcast_rule(form)
    found += _label_findings(form, all_labels, seen.values.shape, units, classes)
    found += _weight_findings(weight, y)
    found += rules.unit_rule(form, units, classes, num_classes)
    if form.family in ("sparse", "categorical") and form.from_logits is not None:
        origin = _scores.origin_of(p)
        found += _output_findings(model, form, x, y, p, seen, activation, origin)
    elif form.family == "binary":
        found += rules.binary_rule(form, seen, activation, _scores.origin_of(p))
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
        found += rules.value_rule(value, form, y, seen, found)
    elif not any(f.severity == "error" for f in found):
        missed.append(f"the loss: it raised {complaint}")
    if gradients is not None:
        variables = list(model.trainable_variables)
        names = [_gradients.name_of(v, i) for i, v in enumerate(variables)]
        found += _gradients.none_rule(gradients, names)
        if not any(f.pitfall == "nan-scores" for f in found):
            found += _gradients.finite_rule([_array_or_none(g) for g in gradients], names)
    found += rules.mode_notes(model)
    found += _metric_findings(metrics, y, p, missed)
    return Report(tuple(_once(found)), observed, tuple(missed))


def _is_plain_list(y) -> bool:
    return isinstance(y, list) and not hasattr(y[0] if y else 0, "shape")


def _tape_gradients(tape, value, model):
    variables = list(getattr(model, "trainable_variables", ()))
    if not variables or not value.dtype.is_floating:
        return None
    return tape.gradient(value, variables)


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
        return rules.categorical_rule(seen.values, units, len(shape))
    if form.family == "binary":
        return rules.binary_label_rule(_arrays.numbers(labels, "y").values, units, len(shape))
    return []


def _weight_findings(weight, y) -> list[Finding]:
    if weight is None:
        return []
    given, labels = _arrays.numbers(weight, "sample_weight"), _arrays.numbers(y, "y")
    ids = _weights.label_ids(labels.values)
    return _weights.sample_weight_rules(given.values, given.dtype, labels.values.shape, ids.shape)


def _output_findings(model, form, x, y, p, seen, activation, origin):
    if origin == "softmax" and form.from_logits and not _routes.repaired(form, y, p):
        origin = ""
    found = _outputs.rules(seen.values, seen.dtype, form.from_logits, origin=origin, route="eager")
    hinted = ("wrong-output-activation", "logits-as-probabilities")
    changed = []
    for finding in found:
        if finding.pitfall == "double-softmax" and (not origin or finding.severity != "note"):
            changed.append(
                _routes.with_both_routes(finding, model, form, x, y, p, seen, activation)
            )
        elif finding.severity == "note" and finding.pitfall in hinted and activation:
            # What values alone only hint at, the layer proves or clears.
            if activation == "sigmoid" or not form.from_logits:
                changed.append(replace(finding, severity="warning"))
        else:
            changed.append(finding)
    if not any(f.pitfall == "wrong-output-activation" for f in changed):
        changed += rules.activation_rule(activation, form.from_logits, seen.values.shape[-1])
    return changed


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
            missed.append(f"metric {getattr(each, 'name', each)}: {_routes.first_line(problem)}")
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
