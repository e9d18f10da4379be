"""Cross entropies written by hand: labels times logarithms of probabilities."""

from dataclasses import dataclass

import numpy as np

from .. import _output_findings, _outputs
from .._scores import sums_to_one
from ..report import Finding
from .events import dtype_of, shape_of
from .flow import TRANSPARENT
from .subject import Subject, remember

MOST_TERMS = 24
LARGEST = 2**20  # values
KINDS = 300  # distinct labels beyond which they are no codes of two classes
# What a logarithm's argument may pass through to be kept away from 0.
GUARDS = {"AddV2", "Add", "Maximum", "Minimum", "ClipByValue"}
TURNS = TRANSPARENT | {"Neg", "Transpose"}


@dataclass(frozen=True)
class Term:
    """Labels times the logarithm of probabilities, as an operation of a flow.

    Attributes
    ----------
    op : operation
        Whose first output is the product, or what was picked by the labels.
    labels, inner : tensor
        ``inner`` holds probabilities, or their logarithms if ``logs``.
    logs : bool
    picked : bool
        Whether labels are ids that pick, instead of rows that multiply.
    """

    op: object
    labels: object
    inner: object
    logs: bool
    picked: bool = False


class Formulas(Subject):
    """Watches what cross entropies written by hand are made of, and labels no weight leaves out."""

    def __init__(self):
        self.codes = {}
        self.pending = {}

    def on_loss(self, event, look) -> None:
        """Count the labels of a Keras loss that averages over all of them."""
        loss, tensors = event.subject, event.tensors
        whole = getattr(loss, "reduction", None) in ("sum_over_batch_size", "mean", "sum")
        left_out = tensors.get("sample_weight") is not None or event.info.get("masked")
        plain = type(loss).__name__ in ("BinaryCrossentropy", "BinaryFocalCrossentropy")
        if look is not None and plain and whole and not left_out:
            self._count("Keras", look(tensors["y_true"]), shape_of(tensors["y_pred"]))

    def on_cross_entropy(self, event, look) -> None:
        """Keep losses per example until it shows whether all of them count."""
        result, info = event.tensors.get("result"), event.info
        if look is None or info["ce"] != "binary" or info["metric"] is not None or result is None:
            return
        y = look(event.tensors["y_true"])
        if _codes(y) is not None:
            self.pending = remember(self.pending, result, (result, y), 8)

    def on_flow(self, event, look) -> None:
        flow = event.info["flow"]
        if look is None:
            return
        for result, y in self.pending.values():
            if flow.users(result) and all_count(flow, result):
                self._count("an op", y, shape_of(result))
        self.pending = {}
        if flow.terms is None:
            flow.terms = list(_terms(flow))[:MOST_TERMS]
        for term in flow.terms:
            for finding in _axis(term, look):
                self.recorder.add(finding)
        self._pairs(flow, look)

    def _pairs(self, flow, look) -> None:
        """Count labels y of y · log p + (1 − y) · log(1 − p) that lie outside of 0 … 1."""
        logs = [t for t in flow.terms if not t.logs and not t.picked]
        for other in (t for t in logs if _is_complement(flow, t.inner)):
            for term in logs:
                if term is other or _is_complement(flow, term.inner):
                    continue
                y = look(term.labels)
                if _codes(y) is None or not _complementary(y, look(other.labels)):
                    continue
                if _complementary(look(term.inner), look(other.inner)) and all_count(
                    flow, term.op.outputs[0]
                ):
                    self._count("by hand", y, y.shape)

    def _count(self, route: str, y, shape) -> None:
        kinds = _codes(y, outside=False)
        if kinds is None or not shape:
            return
        several = len(shape) > 1 and shape[-1] != 1
        counts = self.codes.setdefault((route, several), {})
        for kind, count in zip(*kinds, strict=True) if len(counts) <= KINDS else ():
            counts[float(kind)] = counts.get(float(kind), 0) + int(count)

    def findings(self) -> list[Finding]:
        found = []
        for (route, several), counts in self.codes.items():
            kinds = set(counts)
            if len(kinds) > KINDS:
                continue
            if kinds == {-1, 0, 1}:
                found.append(_unknown(counts) if several else _mixed(counts))
            elif route == "by hand" and len(kinds) > 1 and not kinds <= {0, 1}:
                found.append(_outside(counts))
        return found


def _codes(y, outside=True):
    """Return the distinct labels and their counts if all are whole numbers, else None.

    With ``outside`` at least one must lie outside of 0 … 1.
    """
    if y is None or not 2 <= y.size <= LARGEST or y.dtype.kind not in "iuf":
        return None
    if not np.isfinite(y).all() or (outside and y.min() >= 0 and y.max() <= 1):
        return None
    if (y != np.round(y)).any():
        return None
    return np.unique(y, return_counts=True)


def _complementary(a, b) -> bool:
    """Whether two arrays add up to 1 everywhere."""
    if a is None or b is None or a.shape != b.shape or not a.size or a.dtype.kind not in "iuf":
        return False
    return bool(np.isfinite(a).all() and np.allclose(a + b, 1, atol=1e-3))


def all_count(flow, tensor) -> bool:
    """Whether values end in one number, with nothing on the way that could leave some out."""
    for _ in range(24):
        shape = shape_of(tensor)
        if shape == ():
            return True
        following = None
        for op in flow.users(tensor):
            if op.type in ("Select", "SelectV2", "GatherV2", "GatherNd", "DynamicPartition"):
                return False
            if op.type in ("Mul", "RealDiv", "DivNoNan", "MulNoNan"):
                if any(t is not tensor and shape_of(t) != () for t in op.inputs):
                    return False
                following = op
            elif op.type in TRANSPARENT | {"Neg", "AddV2", "Add", "Sub", "AddN", "Mean", "Sum"}:
                following = op
        if following is None:
            return False
        tensor = following.outputs[0]
    return False


def _terms(flow):
    """Yield the products of labels with logarithms, and logarithms that labels pick."""
    for op in flow.of("Mul"):
        for labels, log in (op.inputs, reversed(op.inputs)):
            if flow.learned(labels) or not flow.learned(log):
                continue
            if (inner := _logarithm(flow, log)) is not None:
                yield Term(op, _unsigned(flow, labels), *inner)
    for op in flow.of("GatherV2", "GatherNd"):
        params, ids = op.inputs[:2]
        rows = op.type == "GatherNd" or op.get_attr("batch_dims")
        if not rows or not flow.learned(params) or flow.learned(ids):
            continue
        inner = _logarithm(flow, params) or (_guarded(flow, params), False)
        yield Term(op, ids, *inner, picked=True)


def _logarithm(flow, tensor):
    """Return probabilities and False, or their logarithms and True; None for anything else."""
    given = tensor
    while (op := flow.maker(tensor)) is not None and op.type in TURNS:
        given, tensor = (given if op.type != "Neg" else op.inputs[0]), op.inputs[0]
    if op is None or op.type not in ("Log", "LogSoftmax"):
        return None
    return (_guarded(flow, op.inputs[0]), False) if op.type == "Log" else (given, True)


def _guarded(flow, tensor):
    """Return what stands behind an epsilon that was added, or a clip."""
    while (op := flow.maker(tensor)) is not None and op.type in GUARDS:
        if any(shape_of(t) != () for t in op.inputs[1:]):
            break
        tensor = op.inputs[0]
    return tensor


def _unsigned(flow, tensor):
    op = flow.maker(tensor)
    return op.inputs[0] if op is not None and op.type == "Neg" else tensor


def _is_complement(flow, tensor) -> bool:
    """Whether a tensor is 1 − p."""
    op = flow.maker(tensor)
    return op is not None and op.type == "Sub" and shape_of(op.inputs[0]) == ()


def _axis(term, look) -> list[Finding]:
    """Find probabilities of (B, C) that sum to 1 over the batch, where labels tell classes apart.

    In retrieval within a batch both directions are right: then each column has one label too.
    """
    shape = shape_of(term.inner)
    if shape is None or len(shape) != 2 or 1 in shape:
        return []
    y, p = look(term.labels), look(term.inner)
    if y is None or p is None or p.ndim != 2 or min(p.shape) < 2 or p.size > LARGEST:
        return []
    rows = _one_hot(y, p.shape) if term.picked else y
    if rows is None or rows.shape != p.shape or not _is_distribution(rows.sum(axis=1)):
        return []
    if _is_distribution(rows.sum(axis=0)) or (rows < 0).any():
        return []
    with np.errstate(over="ignore"):
        p = np.exp(p) if term.logs else p
    dtype = dtype_of(term.inner)
    if sums_to_one(p, dtype).all() or _outputs.other_axis(p, dtype) != 1:
        return []
    return [_output_findings.wrong_axis(p.shape, 1, False)]


def _one_hot(ids, shape):
    """Return the rows that ids (B,), (B, 1) or positions (B, 2) pick, or None."""
    if ids.dtype.kind not in "iu":
        return None
    flat = ids[:, 1] if ids.ndim == 2 and ids.shape[1] == 2 else ids.reshape(-1)
    if len(flat) != shape[0] or flat.min() < 0 or flat.max() >= shape[1]:
        return None
    return np.eye(shape[1])[flat]


def _is_distribution(sums) -> bool:
    return bool(np.allclose(sums, 1, atol=1e-3))


def _share(counts, kind) -> float:
    return counts[kind] / sum(counts.values())


def _mixed(counts) -> Finding:
    share, total = _share(counts, -1), sum(counts.values())
    return Finding(
        "mixed-labels",
        "error",
        f"The labels of a binary cross entropy are −1, 0 and 1 ({100 * share:.3g} % of {total} are "
        "−1), and all of them count in its mean. Two codings of the same two classes have been "
        "joined, 0 and 1 with −1 and +1, or −1 means unknown. Cross entropy wants 0 and 1: for −1 "
        "it has no lower bound, and falls the further the nearer the probability comes to 0.",
        {"share of −1": share, "share of 0": _share(counts, 0), "labels": total},
        "Bring each source to 0 and 1 before you join them: (y + 1) / 2 for −1 and +1. Leave "
        "unknown labels out, or give them a weight of 0.",
    )


def _unknown(counts) -> Finding:
    share, total = _share(counts, -1), sum(counts.values())
    return Finding(
        "label-range",
        "error",
        f"The labels of a binary cross entropy are −1, 0 and 1 ({100 * share:.3g} % of {total} are "
        "−1), and all of them count in its mean. Where −1 means unknown, it trains all the same: "
        "for −1 cross entropy has no lower bound, and falls the further the nearer the "
        "probability comes to 0.",
        {"share of −1": share, "labels": total},
        "Multiply the losses by y >= 0 and divide their sum by the number of known labels.",
    )


def _outside(counts) -> Finding:
    kinds = sorted(counts)
    shown = ", ".join(f"{k:.4g}".replace("-", "−") for k in kinds[:4]) + ", …" * (len(kinds) > 4)
    share = sum(n for k, n in counts.items() if k not in (0, 1)) / sum(counts.values())
    return Finding(
        "label-range",
        "error",
        f"The labels of a binary cross entropy written by hand are {shown}; {100 * share:.3g} % of "
        "them are neither 0 nor 1. Outside of 0 … 1 it has no lower bound: the loss falls below 0, "
        "and the probability runs to an end.",
        {"lowest": kinds[0], "highest": kinds[-1], "share outside": share},
        "Map the labels to 0 and 1 first; for more than two classes use softmax.",
    )
