"""What the last layer of a model does to its scores, and why that does not suit the loss."""

import numpy as np

from .._scores import sums_to_one
from ..report import Finding
from .flow import TRANSPARENT

# By the type of TensorFlow's operation; Keras' activations have these names.
OPERATIONS = {
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "Softsign": "softsign",
    "Relu": "relu",
    "Relu6": "relu6",
    "LeakyRelu": "leaky_relu",
    "Elu": "elu",
    "Selu": "selu",
    "Softplus": "softplus",
}
BOUNDED = ("tanh", "softsign")  # to −1 … 1
FLOOR = 0.25  # a loss above 0 that no training gets below
MANY = 200  # values in 0 … 1 that are no accident, if they are of several batches:
LOOKS = 3  # all logits of one batch may be small and above 0, as in a model that begins
RANGE = 0.5  # and so may those of a model that hardly learns, but not of such different size


class Squeezed:
    """Counts scores that a binary loss takes for logits, and whether all of them lie in 0 … 1."""

    def __init__(self):
        self._seen = {}

    def take(self, event, scores) -> None:
        """Count the scores of one cross entropy."""
        info, tensor = event.info, event.tensors["y_pred"]
        if info["ce"] != "binary" or not info["from_logits"] or info["origin"]:
            return
        # Several losses may share one function, so scores are told apart by where they are made.
        place = tensor if hasattr(tensor, "graph") else None
        key = id(event.subject), id(place), scores.shape[-1], info["metric"] is None
        entry = self._seen.setdefault(key, {"looks": 0, "values": 0, "low": np.inf, "high": 0.0})
        entry["looks"] += 1
        entry["values"] += scores.size
        entry["low"] = min(entry["low"], float(scores.min()))
        entry["high"] = max(entry["high"], float(scores.max()))

    def findings(self) -> list[Finding]:
        """Return a finding on the scores that never left 0 … 1."""
        found = []
        for entry in self._seen.values():
            low, high = entry["low"], entry["high"]
            enough = entry["looks"] >= LOOKS and entry["values"] >= MANY
            if enough and low >= 0 and high <= 1 and high - low >= RANGE:
                why = f"In each of {entry['looks']} batches looked at, the scores are in 0 … 1"
                evidence = {"lowest": low, "highest": high}
                found.append(_double_sigmoid(evidence, entry["values"], why))
        return found


def of_model(model) -> str:
    """Return the name of the activation a model ends in, empty if it has none or is not seen.

    The layers of a subclassed model stand in no order of use.
    """
    if len(getattr(model, "outputs", None) or ()) != 1:
        return ""
    last = model.layers[-1]
    return of_model(last) if hasattr(last, "layers") else _name(getattr(last, "activation", None))


def _name(function) -> str:
    return getattr(function, "__name__", "")


def of_tensor(tensor, values) -> str:
    """Return the name of the activation that made a tensor, empty if that cannot be seen.

    A graph shows it; to an eager tensor from Keras' sigmoid or softmax its logits are attached.
    """
    if hasattr(tensor, "_keras_logits"):
        rows = values.reshape(-1, values.shape[-1])
        return "softmax" if sums_to_one(rows, "float16").mean() > 0.5 else "sigmoid"
    while hasattr(tensor, "graph"):
        op = tensor.op
        if op.type not in TRANSPARENT:
            return OPERATIONS.get(op.type, "")
        tensor = op.inputs[0]
    return ""


def judge(findings, head: str, event, scores) -> list[Finding]:
    """Return the findings on scores of a cross entropy, with what the last layer makes certain.

    Parameters
    ----------
    findings : list of Finding
        What the scores alone tell.
    head : str
        The activation that made them.
    """
    if not head:
        return findings
    found = [_surely(f, head, scores, bool(event.info["origin"])) for f in findings]
    logits = bool(event.info["from_logits"])
    if logits and head in BOUNDED and not found and scores.size >= 16:
        binary = event.info["ce"] == "binary"
        floor = np.log1p(np.exp(-1) if binary else (scores.shape[-1] - 1) * np.exp(-2))
        found += [_bounded(head, float(floor), scores)] if floor > FLOOR else []
    return found


def _surely(finding, head: str, scores, repaired: bool) -> Finding:
    suspected = finding.severity == "note" and head == "sigmoid"
    if suspected and finding.pitfall == "wrong-output-activation":
        return _sigmoid(finding)
    if suspected and not repaired and finding.pitfall == "double-softmax":
        return _double_sigmoid(finding.evidence, scores.size, "The scores come from a sigmoid")
    unsuited = head in OPERATIONS.values() and head != "sigmoid"
    if unsuited and finding.pitfall == "logits-as-probabilities" and finding.severity != "note":
        return _unsuited(head, scores)
    return finding


def _sigmoid(finding) -> Finding:
    return Finding(
        "wrong-output-activation",
        "error",
        f"All {finding.evidence['values']} scores lie in 0 … 1: the last layer ends in a sigmoid, "
        "and from_logits=True applies softmax to its outputs. Scores of at most 1 cannot bring the "
        "loss near 0.",
        finding.evidence,
        "Leave the last layer without activation and keep from_logits=True.",
    )


def _double_sigmoid(evidence, values: int, why: str) -> Finding:
    return Finding(
        "double-softmax",
        "error",
        f"{why}: all {values} lie between {evidence['lowest']:.3g} and {evidence['highest']:.3g}, "
        "and a loss on logits applies sigmoid to them again. So it works with probabilities of "
        "0.5 … 0.731 only, and for a label of 0 it cannot fall below ln 2 = 0.693.",
        evidence | {"values": values},
        "Drop the sigmoid from the last layer, or say from_logits=False (with TensorFlow's own "
        "operation: use keras.losses.binary_crossentropy).",
    )


def _unsuited(head: str, scores) -> Finding:
    low, high = float(np.nanmin(scores)), float(np.nanmax(scores))
    outside = float(((scores < 0) | (scores > 1)).mean())
    return Finding(
        "wrong-output-activation",
        "error",
        f"The last layer ends in {head}, and the loss takes its outputs for probabilities. They "
        f"run from {low:.3g} to {high:.3g}, and {100 * outside:.3g} % lie outside of 0 … 1: the "
        "loss clips those, and a clipped score has no gradient.",
        {"activation": head, "lowest": low, "highest": high, "outside 0…1": outside},
        "Give the last layer softmax (sigmoid for yes or no), or no activation and "
        "from_logits=True.",
    )


def _bounded(head: str, floor: float, scores) -> Finding:
    return Finding(
        "wrong-output-activation",
        "warning",
        f"The last layer ends in {head}: its scores lie between −1 and 1 (here {scores.min():.3g} "
        f"to {scores.max():.3g}). Taken for logits they cannot bring the loss below {floor:.3g}, "
        "however well the model tells the classes apart.",
        {"activation": head, "floor": floor},
        "Leave the last layer without activation and keep from_logits=True.",
    )
