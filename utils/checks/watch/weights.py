"""Weights per class and per example: declared, given, of which size."""

import re
import sys

import numpy as np

from .. import _weights
from ..report import Finding
from .events import dtype_of, shape_of
from .subject import Subject, remember

DECLARED = re.compile(r"^(class|cls)_?weights?$", re.IGNORECASE)
LIBRARIES = ("site-packages", "dist-packages")


class Weights(Subject):
    """Watches sample weights, and class weights that a program declares."""

    def __init__(self):
        self.declared = None
        self.by_fit = False  # declared as fit's argument, which makes weights per example of it
        self.seen_whole = False  # a loss was seen with its arguments, not read out of a graph
        self.applied = False
        self.trained = False
        self.results = {}
        self.read = {}
        self.total = [0.0, 0]
        self.mask = True

    def on_loss(self, event, look) -> None:
        weight = event.tensors.get("sample_weight")
        self._result(event)
        self._look_around()
        self.seen_whole = True
        if weight is None:
            return
        self.applied = True
        self._by_position(event)
        values = look(weight) if look is not None else None
        y = look(event.tensors["y_true"]) if look is not None else None
        if values is None or y is None or not values.size or values.dtype.kind not in "iuf":
            return
        ids = _weights.label_ids(y) if y.ndim else y
        # Policy gradients hand their advantages over as weights, half of them negative.
        for finding in _weights.sample_weight_rules(
            values, dtype_of(weight), y.shape, np.shape(ids), negative="note"
        ):
            if finding.pitfall != "weights-not-in-metric":
                self.recorder.add(finding)
        if not np.isin(values, (0, 1)).all():
            self.mask = False
        self.total[0] += float(values.sum())
        self.total[1] += values.size

    def on_cross_entropy(self, event, look) -> None:
        if event.info["metric"] is None:
            self._result(event)
            self._look_around()
            self.seen_whole |= "read" not in event.info

    def on_gradient(self, event, look) -> None:
        self.trained = True

    def on_fit(self, event, look) -> None:
        given = event.info["kwargs"].get("class_weight")
        if isinstance(given, dict) and (seen := _as_weights(given)):
            self.declared, self.by_fit = {"name": "class_weight", "values": seen}, True

    def _by_position(self, event) -> None:
        """Find labels (B, T) that fit took for one-hot rows when it looked their weights up."""
        y, p = shape_of(event.tensors["y_true"]), shape_of(event.tensors["y_pred"])
        weight = shape_of(event.tensors["sample_weight"])
        sequence = y and p and len(y) >= 2 and len(p) == len(y) + 1 and y[-1] != 1
        if self.by_fit and sequence and weight is not None and len(weight) < len(y):
            self.recorder.add(_taken_for_one_hot(y))

    def on_flow(self, event, look) -> None:
        """See whether losses per example are multiplied, or weights looked up by label."""
        flow = event.info["flow"]
        if self.applied or id(flow) in self.read:
            return
        if event.info["graph"]:
            self.read[id(flow)] = flow
        if any(not flow.learned(op.inputs[0]) for op in flow.of("GatherV2", "ResourceGather")):
            self.applied = True
        for op in flow.of("Mul", "RealDiv"):
            if any(self._is_result(flow, t) for t in op.inputs):
                other = [t for t in op.inputs if not self._is_result(flow, t)]
                if other and shape_of(other[0]):
                    self.applied = True

    def _is_result(self, flow, tensor) -> bool:
        return id(tensor) in self.results or id(flow.behind(tensor)) in self.results

    def _result(self, event) -> None:
        result = event.tensors.get("result")
        if result is not None:
            self.results = remember(self.results, result, result, 9)

    def _look_around(self) -> None:
        """Look for class weights in the program that called the loss, once."""
        if self.declared is not None:
            return
        self.declared = {}
        frame = sys._getframe(1)
        while frame is not None:
            file = frame.f_code.co_filename
            if not any(part in file for part in (*LIBRARIES, "/checks/watch/")):
                for name, value in _declarations(frame):
                    if seen := _as_weights(value):
                        self.declared = {"name": name, "values": seen}
                        return
            frame = frame.f_back

    def findings(self) -> list[Finding]:
        found = []
        if self.declared and self.trained and self.seen_whole and not self.applied:
            found.append(_ignored(**self.declared, by_fit=self.by_fit))
        total, count = self.total
        if count >= 64 and not self.mask and total / count >= 1.8:
            mean = total / count
            found.append(
                Finding(
                    "class-weights-scale",
                    "warning",
                    f"Sample weights average {mean:.3g} over {count} examples. Keras divides by "
                    f"the number of examples, so loss and gradient are {mean:.3g} times as large: "
                    "as if the learning rate were.",
                    {"mean weight": mean, "examples": count},
                    "Divide the weights by their mean: n / (C · count) averages to 1.",
                )
            )
        return found


def _ignored(name: str, values: list[float], by_fit: bool) -> Finding:
    shown = ", ".join(f"{v:.3g}" for v in values[:4]) + ", …" * (len(values) > 4)
    declared = (
        f"fit was given {name} ({shown})" if by_fit else f"The program declares {name} ({shown})"
    )
    why = (
        "fit hands them to train_step as sample_weight, the third part of its data, and train_step "
        "drops it."
        if by_fit
        else "Only fit turns class_weight into weights."
    )
    return Finding(
        "class-weights-ignored",
        "warning",
        f"{declared}, but no loss was given a sample weight, and no loss per example was "
        f"multiplied: the class weights change nothing. {why}",
        {"declared": name, "classes": len(values), "weighted losses": 0},
        "Unpack x, y, sample_weight = data, and pass sample_weight to the loss." if by_fit else "",
    )


def _taken_for_one_hot(shape) -> Finding:
    text = str(shape).replace("None", "batch")
    return Finding(
        "class-weights-ignored",
        "error",
        f"fit was given class_weight, and the labels have shape {text}, one class id per position. "
        "fit takes their last axis for one-hot rows, so that each example gets the weight of "
        "whichever position holds its largest id, and no class is weighted.",
        {"labels": text},
        "Build weights of the labels' shape, weights[y], and pass them as fit(sample_weight=...).",
    )


def _declarations(frame):
    """Yield names and values that look like class weights, in a frame's scope.

    Reading ``f_locals`` copies all locals and keeps the copy with the frame, and so the
    loop's objects alive; it is read only where a name fits.
    """
    code = frame.f_code
    names = (*code.co_varnames, *code.co_cellvars, *code.co_freevars)
    if any(DECLARED.match(name) for name in names):
        yield from ((n, v) for n, v in frame.f_locals.items() if DECLARED.match(n))
    yield from ((n, v) for n, v in list(frame.f_globals.items()) if DECLARED.match(n))


def _as_weights(value) -> list[float]:
    """Return weights per class, if that is what the value holds and they differ."""
    if isinstance(value, dict):
        value = list(value.values())
    try:
        weights = np.asarray(value, dtype=float)
    except (TypeError, ValueError, NotImplementedError):
        return []
    if weights.ndim != 1 or not 2 <= weights.size <= 10000 or np.allclose(weights, weights[0]):
        return []
    return weights.tolist()
