"""Weights that have become NaN: the end of a loop whose figures may still look alive."""

import numpy as np
import tensorflow as tf

from .. import _gradients
from ..report import Finding
from .subject import Subject

MOST = 256  # variables kept in sight


class Finite(Subject):
    """Looks, at the end, whether what was trained is still made of numbers."""

    def __init__(self):
        self.trained = {}
        self.by_hand = False
        self._read = {}

    def on_gradient(self, event, look) -> None:
        if len(self.trained) < MOST:
            sources = tf.nest.flatten(event.info["sources"])
            self.trained |= {id(s): s for s in sources if hasattr(s, "numpy")}

    def on_flow(self, event, look) -> None:
        """See whether a softmax is written by hand: exponentials divided by their sum."""
        flow = event.info["flow"]
        if self.by_hand or id(flow) in self._read:
            return
        if event.info["graph"]:
            self._read[id(flow)] = flow
        for op in flow.of("RealDiv"):
            above, below = (flow.maker(flow.behind(t)) for t in op.inputs)
            if above is None or below is None or above.type != "Exp" or below.type != "Sum":
                continue
            self.by_hand |= flow.learned(above.outputs[0])

    def findings(self) -> list[Finding]:
        variables = list(self.trained.values())
        lost = [i for i, v in enumerate(variables) if not np.isfinite(_values(v)).all()]
        if not lost:
            return []
        name = _gradients.name_of(variables[lost[0]], lost[0])
        found = [_lost(len(lost), len(variables), name)]
        return [*found, _overflowed(name)] if self.by_hand else found


def _values(variable) -> np.ndarray:
    values = np.asarray(variable)
    return values.astype(np.float32) if values.dtype.kind != "f" else values


def _lost(count, total, name) -> Finding:
    return Finding(
        "nan-scores",
        "error",
        f"At the end {count} of {total} trained variables hold NaN or infinity ({name}, say). "
        "Every score is NaN then, and comparisons and argmax turn it into an answer all the same, "
        "so that an accuracy goes on to look alive. One NaN or infinite gradient is enough: of the "
        "square root or logarithm of 0, a division by 0, NaN in the data, a learning rate far too "
        "large.",
        {"variables with NaN": count, "of": total, "first": name},
        "Find the first step whose loss or gradient is not finite: "
        "tf.debugging.enable_check_numerics() names the operation.",
    )


def _overflowed(name) -> Finding:
    return Finding(
        "unstable-softmax",
        "error",
        f"A softmax is written by hand, exp(z) / sum(exp(z)), and the weights are NaN at the end "
        f"({name}, say). exp of a score above 88 is infinite in float32, and infinite through "
        "infinite is NaN.",
        {"first": name},
        "Use tf.nn.softmax, or better a built-in loss on logits.",
    )
