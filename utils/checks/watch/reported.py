"""Figures as they are read: stateless metrics, precisions of 0/0, precisions per batch."""

import keras
import numpy as np

from .. import _arrays, _metric_rules
from ..report import Finding
from .events import dtype_of, shape_of
from .metric_arguments import numbers
from .subject import Subject, name_of

RATIOS = (keras.metrics.Precision, keras.metrics.Recall, keras.metrics.FBetaScore)


class Reported(Subject):
    """Watches functional metrics and the reading of ratios."""

    def __init__(self):
        self.functional = {}
        self.passes = 0
        self.last_size = None
        self.undefined = {}
        self.rhythm = {}

    def on_iterate(self, event, look) -> None:
        self.passes += 1

    def on_cross_entropy(self, event, look) -> None:
        shape = shape_of(event.tensors["y_pred"])
        if event.info["metric"] is None and shape:
            self.last_size = shape[0]

    def on_functional(self, event, look) -> None:
        """A metric function was called: check its arguments, and remember when."""
        function, y, p = event.subject, event.tensors["first"], event.tensors["second"]
        if not event.info["taped"]:
            entry = self.functional.setdefault(function.__name__, {"calls": 0, "gaps": [], "at": 0})
            entry["calls"] += 1
            entry["gaps"] = [*entry["gaps"], self.recorder.train_steps - entry["at"]][-50:]
            entry["at"] = self.recorder.train_steps
            entry["size"] = (shape_of(p) or (None,))[0]
        if look is None:
            return
        y_true, y_pred = look(y), look(p)
        if not numbers(y_true) or not numbers(y_pred):
            return
        form = _metric_rules.form_of(function)
        seen = (
            _arrays.Seen(y_true, dtype_of(y), "numbers"),
            _arrays.Seen(y_pred, dtype_of(p), "numbers"),
        )
        expected = None
        if len(y_true) == len(y_pred):
            expected = _metric_rules.expected_accuracy(form, y_true, y_pred)
        for finding in _metric_rules.rules(form, *seen, expected=expected):
            self.recorder.add(finding)

    def on_metric(self, event, look) -> None:
        self.count_call(event, 1)

    def count_call(self, event, times) -> None:
        """Count updates, as many calls of a step made them that were not looked at."""
        if event.kind == "metric" and isinstance(event.subject, RATIOS):
            trains = bool(event.info.get("trains"))
            first = self.recorder.train_steps - (times - 1) * trains
            self._entry(event.subject)["updates"].append(first, times)

    def on_reset(self, event, look) -> None:
        if isinstance(event.subject, RATIOS):
            self._entry(event.subject)["resets"] += 1

    def on_result(self, event, look) -> None:
        metric = event.subject
        if not isinstance(metric, RATIOS) or not hasattr(event.info["value"], "numpy"):
            return
        entry = self._entry(metric)
        entry["reads"] += 1
        if isinstance(metric, keras.metrics.Precision):
            count = np.sum(metric.true_positives.numpy() + metric.false_positives.numpy())
            empty = bool(count == 0 and entry["updates"])
            entry["undefined"] = entry["undefined"] + 1 if empty else 0

    def _entry(self, metric) -> dict:
        if id(metric) not in self.rhythm:
            start = {"metric": metric, "updates": _Steps(), "resets": 0, "reads": 0}
            self.rhythm[id(metric)] = start | {"undefined": 0}
        return self.rhythm[id(metric)]

    def findings(self) -> list[Finding]:
        found = []
        for name, entry in self.functional.items():
            gaps = [g for g in entry["gaps"] if g > 0]
            once = self.passes and entry["calls"] <= self.passes and len(gaps) == entry["calls"]
            if once and min(gaps) >= 2 and entry["size"] == self.last_size:
                found.append(_last_batch(name, entry, min(gaps)))
        for entry in self.rhythm.values():
            if entry["undefined"] and self.recorder.train_steps >= 10:
                found.append(_undefined(entry["metric"], entry["undefined"]))
            count = entry["updates"].count
            every = min(entry["resets"], entry["reads"]) >= 0.8 * count
            if count >= 4 and every and entry["updates"].close >= 0.8 * (count - 1):
                found.append(_per_batch(entry["metric"], count))
        return found


class _Steps:
    """Counts updates, and how many came at most one training step after the last."""

    def __init__(self):
        self.count = self.close = 0
        self._last = None

    def append(self, step: int, times: int) -> None:
        """Add an update at this step and, if several, one at each step that follows."""
        self.close += times - 1 + (self._last is not None and step - self._last <= 1)
        self.count, self._last = self.count + times, step + times - 1

    def __bool__(self) -> bool:
        return self.count > 0


def _last_batch(name, entry, gap) -> Finding:
    return Finding(
        "last-batch-metric",
        "warning",
        f"{name} was called {entry['calls']} time{'s' * (entry['calls'] != 1)}, once per pass, on "
        f"one batch of {entry['size']} examples after at least {gap} training steps. The function "
        "keeps no state: its value is that of the last batch, not of the epoch.",
        {"calls": entry["calls"], "steps between": gap, "examples": entry["size"]},
        "Use the metric object: update_state in every step, result() at the end of the epoch.",
    )


def _undefined(metric, readings: int) -> Finding:
    lasting = readings > 1
    return Finding(
        "undefined-precision",
        "warning" if lasting else "note",
        f"{name_of(metric)} was read as 0, but nothing was predicted positive: precision is 0/0 "
        "and has no value."
        + (f" So it was in the last {readings} readings." if lasting else " It was read once so."),
        {"predicted positive": 0, "readings": readings},
    )


def _per_batch(metric, count) -> Finding:
    return Finding(
        "per-batch-precision",
        "warning",
        f"{name_of(metric)} was updated, read and reset {count} times, once per batch. The mean of "
        "such ratios is not the ratio over all examples.",
        {"updates": count, "read and reset": "after every batch"},
        "Update it in every batch and read it once, at the end of the epoch.",
    )
