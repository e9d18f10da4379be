"""Losses and accuracies written by hand: what their operations show."""

import numpy as np

from ..report import Finding
from .events import shape_of
from .flow import Flow, rows_crossed, same_length
from .subject import Subject

PAIRWISE = {"Equal", "NotEqual", "Sub", "Mul", "SquaredDifference"}
CLIPS = {"ClipByValue", "Maximum", "Minimum", "AddV2", "Add"}


class Handwritten(Subject):
    """Watches comparisons, logarithms and lookups that pass through no Keras object."""

    def on_flow(self, event, look) -> None:
        flow = event.info["flow"]
        flow.open = [
            (rule, op)
            for rule, op in flow.questions(RULES)
            if self._ask(rule, flow, op, look) or look is None
        ]

    def _ask(self, rule, flow, op, look) -> bool:
        """Add what a rule finds; return whether it may answer otherwise at another look.

        Silence that rested on no value stays silence: shapes and attributes do not change.
        """
        asked = getattr(look, "asked", 0)
        findings = rule(flow, op, look)
        for finding in findings:
            self.recorder.add(finding)
        return bool(findings) or getattr(look, "asked", 0) > asked


def _broadcast(flow: Flow, op, look) -> list[Finding]:
    a, b = op.inputs
    if flow.learned(a) == flow.learned(b):
        return []
    if rows_crossed(a, b):
        return [_crossed(shape_of(a), shape_of(b))]
    if not same_length(a, b):
        return []
    if flow.behind(a) is flow.behind(b):
        return []
    shapes = [shape_of(t) for t in (a, b)]
    if any(None in s for s in shapes):
        values = [look(t) if look is not None else None for t in (a, b)]
        if any(v is None for v in values) or len(values[0]) != len(values[1]) or len(values[0]) < 2:
            return []
        shapes = [v.shape for v in values]
    size = shapes[0][0]
    what = {
        "Equal": "A comparison of predictions with labels",
        "Mul": "A product (of losses with weights, or of scores with labels)",
    }.get(op.type, "A difference of predictions and labels")
    return [
        Finding(
            "broadcast-shapes",
            "error",
            f"{what} stands between shapes {shapes[0]} and {shapes[1]}: the result is a "
            f"({size}, {size}) matrix, in which every example meets every other. Its mean is not "
            "the figure of the batch.",
            {"one side": str(shapes[0]), "other side": str(shapes[1]), "result": f"{size}×{size}"},
            "Bring both sides to one shape: y = tf.squeeze(y, axis=-1) or tf.reshape(y, [-1]).",
        )
    ]


def _crossed(a, b) -> Finding:
    size = "batch" if a[0] is None else a[0]
    a, b = (str(shape).replace("None", "batch") for shape in (a, b))
    return Finding(
        "broadcast-shapes",
        "error",
        f"Shapes {a} and {b} meet, one from the labels and one from the scores: the result has "
        f"shape ({size}, {size}, classes), in which every example meets every other. Labels of "
        "shape (B, 1) made it: tf.one_hot gives them (B, 1, C).",
        {"one side": a, "other side": b, "result": f"{size}×{size}×classes"},
        "Flatten the labels first: tf.one_hot(tf.reshape(y, [-1]), C).",
    )


def _argmax(flow: Flow, op, look) -> list[Finding]:
    shape = shape_of(op.inputs[0])
    axis = flow.constant(op.inputs[1])
    if shape is None or len(shape) != 2 or axis is None or int(axis) not in (0, -2):
        return []
    if not flow.learned(op.inputs[0]) or shape[0] == 1 or _classes_first(flow, op, shape, look):
        return []
    text = str(shape).replace("None", "batch")
    return [
        Finding(
            "wrong-axis",
            "error",
            f"argmax was taken over axis 0 of scores of shape {text}: over the examples of the "
            "batch, not over the classes.",
            {"shape": text, "axis": int(axis)},
            "Say tf.argmax(scores, axis=-1); the default axis of tf.argmax is 0.",
        )
    ]


def _classes_first(flow: Flow, op, shape, look) -> bool:
    """Whether scores (C, B) have their examples in columns, as in code that writes W x + b."""
    scores = flow.behind(op.inputs[0])
    if any(flow.behind(turned.inputs[0]) is scores for turned in flow.of("Transpose")):
        return True  # turned round for the loss
    for equal in flow.of("Equal"):
        sides = [flow.behind(side) for side in equal.inputs]
        for side, other in (sides, sides[::-1]):
            maker = flow.maker(other)
            if flow.maker(side) is not op:
                continue
            if maker is not None and maker.type == "ArgMax":
                labels = look(maker.inputs[0]) if look is not None else None
                return labels is not None and bool((labels.sum(axis=0) == 1).all())
            return shape_of(other) == (shape[1],) != (shape[0],)
    return False


def _one_hot(flow: Flow, op, look) -> list[Finding]:
    """Find labels 1 … C of which tf.one_hot makes C columns, and of the last class rows of 0."""
    depth = flow.constant(op.inputs[1])
    ids = look(op.inputs[0]) if look is not None and depth is not None else None
    if ids is None or flow.learned(op.inputs[0]) or ids.dtype.kind not in "iu" or ids.size < 8:
        return []
    classes = int(depth)
    if ids.min() != 1 or ids.max() != classes or len(np.unique(ids)) < max(2, classes / 2):
        return []
    share = float((ids == classes).mean())
    return [
        Finding(
            "label-offset",
            "error",
            f"tf.one_hot was given labels from 1 to {classes} and makes {classes} columns, for the "
            f"classes 0 to {classes - 1}. The labels count from 1: class {classes} "
            f"({100 * share:.3g} % here) becomes a row of zeros, which costs nothing and teaches "
            "nothing, and every other class stands one column too far.",
            {"lowest": 1, "highest": classes, "rows of zeros": share},
            "Subtract 1 from the labels first.",
        )
    ]


def _gather(flow: Flow, op, look) -> list[Finding]:
    if len(op.inputs) < 3 or op.get_attr("batch_dims"):
        return []
    params, indices = op.inputs[:2]
    axis = flow.constant(op.inputs[2])
    scores, chosen = shape_of(params), shape_of(indices)
    if not scores or not chosen or len(scores) != 2 or len(chosen) != 1 or axis is None:
        return []
    maker = flow.maker(params)
    if int(axis) not in (1, -1) or not flow.learned(params) or flow.learned(indices):
        return []
    if maker is not None and maker.type == "ReadVariableOp":
        return []
    if scores[0] != chosen[0] or scores[0] == 1:
        return []
    size = scores[0] if scores[0] is not None else "batch"
    return [
        Finding(
            "broadcast-shapes",
            "error",
            f"tf.gather on axis 1 of scores of shape {scores} picks all {size} labels from every "
            f"row: a ({size}, {size}) matrix instead of one score per example.",
            {"scores": str(scores), "labels": str(chosen)},
            "Say tf.gather(scores, y, axis=1, batch_dims=1).",
        )
    ]


def _log(flow: Flow, op, look) -> list[Finding]:
    source = flow.behind(op.inputs[0])
    if not flow.learned(source):
        return []
    maker = flow.maker(source)
    if look is None or (maker is not None and maker.type in CLIPS):
        return []
    p = look(op.inputs[0])
    if p is None or not p.size or p.dtype.kind != "f" or (p < 0).any():
        return []
    zeros, bad = float((p == 0).mean()), float((~np.isfinite(p)).mean())
    if not zeros and not bad:
        return []
    if bad and maker is not None and maker.type in ("Softmax", "Sigmoid"):
        return [_nan(bad, p.size, maker.type.lower())]
    if bad:
        what = f"{100 * bad:.3g} % of its input is NaN or infinite: exp overflowed before it"
    else:
        what = f"{100 * zeros:.3g} % of its input is exactly 0, and log 0 is −inf"
    return [
        Finding(
            "unstable-softmax",
            "error",
            f"A logarithm of probabilities was written by hand. {what}. Multiplied by a label of 0 "
            "it is NaN, and one NaN in the loss makes every weight NaN.",
            {"exact zeros": zeros, "NaN or infinite": bad, "values": int(p.size)},
            "Use tf.nn.log_softmax(logits), or a built-in cross entropy with from_logits=True.",
        )
    ]


def _nan(share: float, size: int, function: str) -> Finding:
    return Finding(
        "nan-scores",
        "error",
        f"{100 * share:.3g} % of {size} probabilities are NaN before their logarithm is taken. "
        f"{function} gives NaN for NaN or infinite scores only: they come from the inputs or the "
        "weights, and one NaN in an earlier loss makes every weight NaN. The argmax of a NaN row "
        "is 0, so accuracy goes on to look alive: it is the share of class 0.",
        {"NaN": share, "values": size},
    )


RULES = dict.fromkeys(PAIRWISE, _broadcast) | {
    "ArgMax": _argmax,
    "GatherV2": _gather,
    "Log": _log,
    "OneHot": _one_hot,
}
