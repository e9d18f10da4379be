"""Weights by class that a loop multiplies losses with by its own hand, and their size."""

import numpy as np

from .. import _weights
from ..report import Finding
from .events import shape_of
from .subject import Subject, remember

ENOUGH = 64  # examples that make a mean
LARGE = 1.8  # a mean weight that is no accident of the sample
PLAIN = 1.05  # up to this a class has been left as it is, and others are meant to weigh more
KEPT = 8  # tensors of the last steps


class LookedUp(Subject):
    """Watches products of losses per example with a weight that depends on the class alone."""

    def __init__(self):
        self.results = {}
        self.scalars = []
        self.weights, self.counts = {}, {}  # by class id
        self.by_class = True
        self.total, self.count = 0.0, 0

    def on_cross_entropy(self, event, look) -> None:
        result = event.tensors.get("result")
        if event.info["metric"] is None and result is not None:
            pair = result, event.tensors["y_true"]
            self.results = remember(self.results, result, pair, KEPT)

    def on_loss(self, event, look) -> None:
        self._scalar(event.tensors.get("result"))

    def on_gradient(self, event, look) -> None:
        self._scalar(event.info["target"])

    def _scalar(self, tensor) -> None:
        if shape_of(tensor) == ():
            self.scalars = [*self.scalars[1 - KEPT :], tensor]

    def on_flow(self, event, look) -> None:
        flow = event.info["flow"]
        if look is None or not self.by_class:
            return
        if flow.weighted is None:
            flow.weighted = list(self._products(flow))
        for product, weight, labels in flow.weighted:
            self._take(*(look(t) for t in (product, weight, labels)), look)

    def _products(self, flow):
        """Yield product, weights and labels of losses that are multiplied example by example."""
        for op in flow.of("Mul"):
            for one, other in (op.inputs, reversed(op.inputs)):
                entry = self.results.get(id(one)) or self.results.get(id(flow.behind(one)))
                if entry is not None and not flow.learned(other) and shape_of(other) != ():
                    yield op.outputs[0], other, entry[1]

    def _take(self, product, weight, labels, look) -> None:
        if product is None or weight is None or labels is None or product.size != weight.size:
            return
        ids = _weights.label_ids(labels) if labels.ndim else labels
        if ids is None or np.size(ids) != weight.size or not np.isfinite(product).all():
            return
        scalars = [look(t) for t in self.scalars]
        if not any(s is not None and np.isclose(s, product.mean(), rtol=1e-3) for s in scalars):
            return  # it is divided by something else, such as the sum of the weights
        for kind, value in zip(ids.reshape(-1), weight.reshape(-1), strict=True):
            if not np.isclose(self.weights.setdefault(int(kind), float(value)), value):
                self.by_class = False  # as advantages are, or weights of single examples
                return
            self.counts[int(kind)] = self.counts.get(int(kind), 0) + 1
        self.total += float(weight.sum())
        self.count += weight.size

    def _is_inverse(self) -> bool:
        """Whether weights are n / count, as far as the examples looked at can tell."""
        shares = [(self.weights[k] * n / self.count, n) for k, n in self.counts.items()]
        return all(abs(share - 1) <= max(0.15, 3 / np.sqrt(n)) for share, n in shares)

    def findings(self) -> list[Finding]:
        values = sorted(set(self.weights.values()))
        if not self.by_class or len(values) < 2 or self.count < ENOUGH:
            return []
        mean = self.total / self.count
        inverse = values[0] > PLAIN and self._is_inverse()
        if mean < LARGE or not (inverse or values[0] >= LARGE):
            return []
        why = ", as weights n / count do" if inverse else ", and no class has a weight near 1"
        return [
            Finding(
                "class-weights-scale",
                "warning",
                f"The loss of each example is multiplied by a weight of its class, {values[0]:.3g} "
                f"to {values[-1]:.3g}, and the mean is taken over the examples. The weights of "
                f"{self.count} examples average {mean:.3g}{why}: loss and gradient are {mean:.3g} "
                "times as large, as if the learning rate were.",
                {"mean weight": mean, "examples": self.count, "classes": len(self.weights)},
                "Divide the weights by their mean: n / (C · count) averages to 1. Or divide the "
                "weighted sum by the sum of the weights.",
            )
        ]
