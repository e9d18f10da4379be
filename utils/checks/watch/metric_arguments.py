"""Metrics: whether what they are given is what they compare."""

from .. import _arrays, _metric_rules
from ..report import Finding
from .events import dtype_of
from .subject import Subject, name_of


class MetricArguments(Subject):
    """Watches what is given to update_state."""

    def __init__(self):
        self.names = {}

    def observed(self) -> dict:
        return {"metrics": tuple(self.names)} if self.names else {}

    def on_metric(self, event, look) -> None:
        self.names[name_of(event.subject)] = True
        if look is None or "second" not in event.tensors:
            return
        for finding in rules(event, look):
            self.recorder.add(finding)


def rules(event, look) -> list[Finding]:
    """Return the findings on one update, by the rules that `checks.metric` has too."""
    form = _metric_rules.form_of(event.subject)
    y_true, y_pred = (look(event.tensors[k]) for k in ("first", "second"))
    if not form.family or not numbers(y_true) or not numbers(y_pred):
        return []
    y_true, y_pred = _weighted(y_true, y_pred, look(event.tensors.get("sample_weight")))
    if not len(y_true) or not len(y_pred):
        return []
    y = _arrays.Seen(y_true, dtype_of(event.tensors["first"]), "numbers")
    p = _arrays.Seen(y_pred, dtype_of(event.tensors["second"]), "numbers")
    expected = None
    if len(y_true) == len(y_pred):
        expected = _metric_rules.expected_accuracy(form, y_true, y_pred)
    return _metric_rules.rules(form, y, p, expected=expected)


def numbers(values) -> bool:
    """Whether these are values a rule can read."""
    return values is not None and values.ndim > 0 and values.size and values.dtype.kind in "biuf"


def _weighted(y_true, y_pred, weight):
    """Drop what a sample weight of 0 takes out of the metric."""
    if weight is None or weight.ndim == 0 or not (weight == 0).any():
        return y_true, y_pred
    shape = weight.shape[:-1] if weight.shape[-1:] == (1,) else weight.shape
    keep = weight.reshape(shape) != 0
    if y_true.shape[: len(shape)] == shape and y_pred.shape[: len(shape)] == shape:
        return y_true[keep], y_pred[keep]
    return y_true, y_pred
