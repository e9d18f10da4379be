"""Metrics that count what the loss was told to leave out, by sample weights of 0."""

import keras
import numpy as np

from ..report import Finding
from .subject import Subject, name_of

GAP = 0.15  # between the shares of right answers that no chance explains
ENOUGH = 100  # positions with a weight of 0, and without


class Unweighted(Subject):
    """Compares weights of 0 and 1 given to a loss with what an accuracy is given."""

    def __init__(self):
        self._last = None  # labels and weights of the last loss
        self.states = {}

    def on_loss(self, event, look) -> None:
        self._last = None
        weight = event.tensors["sample_weight"]
        if look is None or weight is None:
            return
        y, w = look(event.tensors["y_true"]), look(weight)
        if y is None or w is None or not w.size == y.size > 0 or not np.isin(w, (0, 1)).all():
            return
        if 0.05 < float((w == 0).mean()) < 0.95:
            self._last = y.reshape(-1), w.reshape(-1) > 0

    def on_metric(self, event, look) -> None:
        given = event.tensors
        if self._last is None or look is None or given.get("sample_weight") is not None:
            return
        if event.info.get("masked") or "second" not in given:
            return
        if not isinstance(event.subject, keras.metrics.SparseCategoricalAccuracy):
            return
        y, p = look(given["first"]), look(given["second"])
        labels, counted = self._last
        if y is None or p is None or y.size != labels.size or p.size % labels.size:
            return
        if not np.array_equal(y.reshape(-1), labels):
            return
        right = p.reshape(labels.size, -1).argmax(axis=-1) == labels
        table = self.states.setdefault(id(event.subject), (event.subject, np.zeros((2, 2), int)))[1]
        np.add.at(table, (counted.astype(int), right.astype(int)), 1)

    def findings(self) -> list[Finding]:
        return [f for f in (_unweighted(*state) for state in self.states.values()) if f is not None]


def _unweighted(metric, table) -> Finding | None:
    seen = table.sum(axis=1)
    if seen.min() < ENOUGH:
        return None
    left_out, counted = (float(v) for v in table[:, 1] / seen)
    if counted - left_out < GAP:
        return None
    share = float(seen[0] / seen.sum())
    return Finding(
        "weights-not-in-metric",
        "warning",
        f"{100 * share:.3g} % of the labels have a sample weight of 0 in the loss, and "
        f"{name_of(metric)} counts them all the same: {left_out:.3g} of them are right, and "
        f"{counted:.3g} of those that matter.",
        {"weight 0": share, "right, weight 0": left_out, "right, weight 1": counted},
        "Give the metric the weights too: weighted_metrics= in compile, sample_weight= by hand.",
    )
