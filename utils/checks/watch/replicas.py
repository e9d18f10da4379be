"""The scale of a loss under tf.distribute."""

import keras
import numpy as np
import tensorflow as tf

from ..report import Finding
from .subject import Subject


class Replicas(Subject):
    """Watches what each replica differentiates, and how replicas are put together."""

    def __init__(self):
        self.each = None
        self.scaled = {}
        self.penalties = []
        self.model = None

    def on_cross_entropy(self, event, look) -> None:
        if event.info["metric"] is None and event.tensors.get("result") is not None:
            self.each = event.tensors["result"]

    def on_loss(self, event, look) -> None:
        if event.info.get("replicas", 1) > 1 and event.subject.reduction not in (
            None,
            "none",
            "sum",
        ):
            result = event.tensors.get("result")
            self.scaled = {**dict(list(self.scaled.items())[-7:]), id(result): result}

    def on_model(self, event, look) -> None:
        self.model = event.subject

    def on_gradient(self, event, look) -> None:
        replicas = event.info.get("replicas", 1)
        if replicas < 2 or look is None or self.each is None:
            return
        targets = tf.nest.flatten(event.info["target"])
        value, each = look(targets[0]), look(self.each)
        self.each = None
        if len(targets) != 1 or value is None or each is None or not each.size:
            return
        mean, target = float(each.mean()), float(np.sum(value))
        if not np.isfinite(mean) or mean <= 0 or not np.isfinite(target):
            return
        penalty = _penalty(self.model)
        right = mean / replicas
        parts = {0.0, penalty / replicas}
        if any(_same(target, right + part) for part in parts):
            return
        if penalty > 0.01 * right and _same(target, right + penalty):
            self.recorder.add(_penalised(penalty, replicas))
            return
        for factor, why in (
            (1.0, "each replica averages over its own share of the batch only"),
            (1 / replicas**2, "the loss was divided by the number of replicas twice"),
        ):
            if any(_same(target, mean * factor + p) for p in {penalty, *parts}):
                self.recorder.add(_scale(target, right, replicas, why))
                return

    def on_reduce(self, event, look) -> None:
        if event.info["op"] != "MEAN":
            return
        parts = tf.nest.flatten(event.info["value"], expand_composites=True)
        if any(id(p) in self.scaled for p in parts) and event.info["replicas"] > 1:
            self.recorder.add(_mean(event.info["replicas"]))

    def findings(self) -> list[Finding]:
        return []


def _penalty(model) -> float:
    if model is None:
        return 0.0
    found = [v for v in model.trainable_variables if getattr(v, "regularizer", None) is not None]
    return float(sum(keras.ops.convert_to_numpy(v.regularizer(v)) for v in found))


def _same(a: float, b: float) -> bool:
    """Whether two sums of the same float32 values are one figure."""
    return abs(a - b) <= 1e-3 * max(abs(a), abs(b), 1e-12)


def _scale(target, right, replicas, why) -> Finding:
    return Finding(
        "replica-loss-scale",
        "error",
        f"Each of {replicas} replicas differentiates a loss of {target:.4g}; for gradients that "
        f"are summed over replicas it should be {right:.4g}, the sum over its examples divided by "
        f"the global batch size: {why}.",
        {"loss": target, "should be": right, "replicas": replicas},
    )


def _mean(replicas) -> Finding:
    return Finding(
        "replica-loss-scale",
        "error",
        f"Losses of {replicas} replicas, each already divided by {replicas} by Keras, were put "
        f"together with ReduceOp.MEAN: the figure is {replicas} times too small.",
        {"replicas": replicas, "reduce": "MEAN"},
        "Use strategy.reduce(tf.distribute.ReduceOp.SUM, …).",
    )


def _penalised(penalty, replicas) -> Finding:
    return Finding(
        "replica-regularisation",
        "error",
        f"Each of {replicas} replicas adds the whole penalty of {penalty:.4g}; summed over "
        f"replicas it counts {replicas} times.",
        {"penalty": penalty, "replicas": replicas},
    )
