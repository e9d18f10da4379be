"""Metrics: whether what they are given is what they compare."""

from dataclasses import replace

from .. import _arrays, _metric_rules
from ..report import Finding
from .events import dtype_of, shape_of
from .subject import Subject, name_of


class MetricArguments(Subject):
    """Watches what is given to update_state."""

    def __init__(self):
        self.names = {}
        self.ignored = set()  # labels that a loss was told to leave out

    def observed(self) -> dict:
        return {"metrics": tuple(self.names)} if self.names else {}

    def on_loss(self, event, look) -> None:
        ignored = getattr(event.subject, "_fn_kwargs", {}).get("ignore_class")
        if ignored is not None:
            self.ignored.add(ignored)

    def on_metric(self, event, look) -> None:
        self.names[name_of(event.subject)] = True
        if look is None or "second" not in event.tensors:
            return
        for finding in refused(event) or rules(event, look):
            self.recorder.add(self._surely(finding, event, look))

    def _surely(self, finding, event, look) -> Finding:
        """Make void labels in a metric an alarm, where the loss is told that they are void."""
        if finding.pitfall != "padding-counted" or event.tensors.get("sample_weight") is not None:
            return finding
        void = [k for k in self.ignored if (look(event.tensors["first"]) == k).any()]
        return replace(finding, severity="warning") if void else finding


def refused(event) -> list[Finding]:
    """Tell by shapes alone what made a metric with thresholds raise: class ids for its labels."""
    form = _metric_rules.form_of(event.subject)
    y, p = (shape_of(event.tensors[k]) for k in ("first", "second"))
    if "raised" not in event.info or form.family != "threshold" or not y or not p:
        return []
    ids = len(p) > 1 and p[-1] not in (None, 1) and (len(y) < len(p) or y[-1] == 1)
    return [_ids_to_precision(form.name, y, p)] if ids else []


def _ids_to_precision(name: str, y, p) -> Finding:
    shapes = [str(shape).replace("None", "batch") for shape in (y, p)]
    return Finding(
        "precision-on-sparse-labels",
        "error",
        f"{name} was given labels of shape {shapes[0]} and scores of shape {shapes[1]}: class ids, "
        "where it wants a row of 0 and 1 per example. Its shapes do not fit, and the loop stops.",
        {"y_true": shapes[0], "y_pred": shapes[1]},
    )


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
    if form.family == "exact" and (merged := _merged(event.subject, y_true)):
        return [merged]
    if len(y_true) == len(y_pred):
        expected = _metric_rules.expected_accuracy(form, y_true, y_pred)
    return _metric_rules.rules(form, y, p, expected=expected)


def _merged(metric, ids) -> Finding | None:
    """Find class ids that a metric compares in a dtype which cannot tell them apart."""
    dtype = str(getattr(metric, "dtype", ""))
    limit = _metric_rules.EXACT_IDS.get(dtype)
    if limit is None or ids.dtype.kind not in "iuf" or ids.max() <= limit:
        return None
    above = float((ids > limit).mean())
    return Finding(
        "low-precision-ids",
        "error",
        f"{name_of(metric)} has dtype {dtype}, to which it casts class ids to compare them. "
        f"That is exact up to {limit} only, and {100 * above:.3g} % of {ids.size} labels lie "
        "above: neighbouring classes count as equal.",
        {"dtype": dtype, "exact up to": limit, "largest id": int(ids.max())},
        "Make the metric with dtype='float32'.",
    )


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
