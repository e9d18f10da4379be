"""The findings on outputs, each a pure function of rows of scores: words and numbers."""

import numpy as np

from . import _arrays
from ._scores import CLIP, LARGEST_CLIPPED_LOSS, sums_to_one
from .report import Finding

MANY_ROWS = 4096  # of tied rows, beyond which the rest are taken as they are
EXP_OVERFLOW = {"float16": 11.0, "float64": 709.0}  # exp() is infinite above; float32: 88


def one_unit(rows) -> Finding:
    """Find a single score for all classes."""
    constant = bool((rows == 1).all())
    return Finding(
        "output-units",
        "error",
        "The last axis has length 1: one score for all classes. A softmax over one score is always "
        "1"
        + (", as all of these are" if constant else "")
        + ": the loss learns nothing and argmax "
        "is always class 0.",
        {"units": 1, "rows": len(rows)},
    )


def double_softmax(rows, dtype: str, origin: str, route: str) -> Finding:
    """Find probabilities where logits were promised; the route decides how grave it is."""
    width = rows.shape[-1]
    floor = float(np.log(np.e + width - 1) - 1)
    evidence = {
        "row sum": float(rows.sum(axis=-1).mean()),
        "lowest": float(rows.min()),
        "highest": float(rows.max()),
        "floor": floor,
    }
    statement = (
        f"Each row of {width} scores is non-negative and sums to 1: these are probabilities, and "
        "from_logits=True makes the loss apply softmax again."
    )
    lasting = (
        f" Then it cannot fall below ln(e + {width - 1}) − 1 = {floor:.3f}, even for a perfect "
        "model, and its gradients shrink; accuracy does not change."
    )
    # One row may sum to 1 by accident, the likelier the coarser the dtype.
    sure = len(rows) * -np.log10(_arrays.sum_tolerance(dtype)) >= 3.5
    if rows.max() - rows.min() <= _arrays.sum_tolerance(dtype) / width:
        severity = "note"
        statement += (
            " All of them are equal, as in a model that has not learnt yet, so this is weak "
            "evidence: check again with outputs that differ."
        )
    elif dtype in _arrays.HALF:
        severity = "error" if sure else "warning"
        statement += lasting + f" In {dtype} Keras cannot repair it: the cast drops the logits."
    elif origin:
        severity = "note"
        statement += (
            f" Keras repairs this today: the tensor still carries the logits of its {origin}, and "
            "the loss uses those. The repair is lost by predict, NumPy, a reshape, any other "
            f"operation, and mixed precision: the loss is wrong there.{lasting}"
        )
    elif route == "eager":
        severity = "error" if sure else "warning"
        statement += lasting
    elif route == "graph":
        severity = "note"
        statement += (
            " In this graph Keras sees the softmax operation and takes the logits before it. "
            f"Called eagerly, the same code is wrong.{lasting}"
        )
    else:
        severity = "warning"
        statement += (
            f"{lasting} Whether it does so depends on the route, which an array does not show: "
            "eagerly, with tf.nn.softmax, or after NumPy, predict or a reshape, the loss is wrong; "
            "inside tf.function Keras repairs tf.nn.softmax, and on both routes its own softmax."
        )
    return Finding(
        "double-softmax",
        severity,
        statement,
        evidence,
        "Drop the softmax from the last layer and keep from_logits=True (best), or keep the "
        "softmax and say from_logits=False.",
    )


def half_precision(rows, dtype: str) -> Finding:
    """Find probabilities in a dtype that underflows."""
    zeros = float((rows == 0).mean())
    return Finding(
        "half-precision-softmax",
        "warning",
        f"The probabilities are {dtype}: {_arrays.percent(zeros)} of them are exactly 0, and a row "
        f"sums to 1 only within {np.abs(rows.sum(axis=-1) - 1).max():.1g}. The loss clips what is "
        f"under 1e-7 (at most {LARGEST_CLIPPED_LOSS:.3f}) and such an example gets no gradient.",
        {"dtype": dtype, "exact zeros": zeros, "smallest above 0": smallest(rows)},
        "Give the last layer dtype='float32', or output logits and use from_logits=True.",
    )


def saturated(rows) -> Finding | None:
    """Note probabilities that are exactly 0, whose logarithm only the clip keeps finite."""
    zero = float((rows == 0).any(axis=-1).mean())
    if zero < 0.5 or len(rows) < 4:
        return None
    return Finding(
        "unstable-softmax",
        "note",
        f"In {_arrays.percent(zero)} of the rows some probability is exactly 0. A logarithm by "
        f"hand is infinite there; Keras clips at 1e-7, so such a class costs at most "
        f"{LARGEST_CLIPPED_LOSS:.3f} and, from the probabilities alone, has no gradient. Confident "
        "models look like this; nothing is wrong while they are right.",
        {"rows with a 0": zero, "clip": CLIP},
        "Logits with from_logits=True lose nothing, however confident the model.",
    )


def all_zero(rows) -> Finding:
    """Note scores that are all 0, which say nothing yet."""
    return Finding(
        "logits-as-probabilities",
        "note",
        f"from_logits=False promises probabilities, but all {rows.size} scores are 0. A last layer "
        "without activation that starts from zeros gives this: check again after a step.",
        {"row sum": 0.0, "values": int(rows.size)},
    )


def logits(rows, distribution, origin: str) -> Finding:
    """Find raw scores or log-probabilities where probabilities were promised."""
    outside = float(((rows < 0) | (rows > 1)).mean())
    logs = bool((rows <= 0).all() and sums_to_one(np.exp(rows), "float16").all())
    evidence = {
        "lowest": float(rows.min()),
        "highest": float(rows.max()),
        "outside 0…1": outside,
        "row sum": float(rows.sum(axis=-1).mean()),
    }
    if logs:
        what = "They are log-probabilities. "
        remedy = "Say from_logits=True: log-probabilities are logits too."
    else:
        what = ""
        remedy = "Say from_logits=True, or give the last layer a softmax activation."
    off = float((~distribution).mean())
    return Finding(
        "logits-as-probabilities",
        "error" if not origin else "warning",
        f"from_logits=False promises probabilities, but the scores run from {rows.min():.3g} to "
        f"{rows.max():.3g}, and {_arrays.percent(off)} of the rows do not sum to 1. {what}The loss "
        f"clips them to 1e-7 … 1: it starts near 7 to 16 instead of ln {rows.shape[-1]} = "
        f"{np.log(rows.shape[-1]):.2f}, and each of the {_arrays.percent(outside)} of the scores "
        "outside 0 … 1 has no gradient.",
        evidence,
        remedy,
    )


def partial(rows, origin: str) -> Finding:
    """Find values in 0 … 1 whose rows do not sum to 1."""
    sums = rows.sum(axis=-1)
    evidence = {
        "lowest row sum": float(sums.min()),
        "highest row sum": float(sums.max()),
        "values": int(rows.size),
    }
    source = (
        "They come from a sigmoid, which scores each class by itself."
        if origin == "sigmoid" or rows.size >= 20
        else "A sigmoid per class gives this; so do raw scores that happen to lie in 0 … 1."
    )
    sure = rows.size >= 20 and not origin
    repaired = (
        " Keras' loss uses the logits that travel with the sigmoid, as if it were a softmax; after "
        "predict or NumPy the same loss gives another figure."
        if origin
        else ""
    )
    return Finding(
        "wrong-output-activation",
        "error" if sure else "warning",
        f"from_logits=False promises probabilities over {rows.shape[-1]} classes. All values lie "
        f"in 0 … 1, but the rows sum to {sums.min():.3g} … {sums.max():.3g} instead of 1. {source}"
        + repaired,
        evidence,
        "For one class out of many, use softmax with from_logits=False, or no activation with "
        "from_logits=True. (Several classes at once: sigmoid with BinaryCrossentropy.)",
    )


def maybe_sigmoid(rows, origin: str) -> Finding | None:
    """Scaled logits can lie in 0 … 1 by right, so values alone are no alarm."""
    if origin != "sigmoid" and (rows.size < 20 or rows.min() == 0):
        return None
    known = origin == "sigmoid"
    return Finding(
        "wrong-output-activation",
        "warning" if known else "note",
        f"All {rows.size} scores lie in 0 … 1 and rows sum to {rows.sum(axis=-1).mean():.3g} on "
        "average. "
        + (
            "They come from a sigmoid: as logits for one class out of many they are squeezed "
            "into 0 … 1. Keras repairs its own sigmoid by taking the logits before it; predict, "
            "NumPy and mixed precision lose that."
            if known
            else "A sigmoid gives this; logits with from_logits=True may take any value, and "
            "these may just be small. If the last layer has a sigmoid, it is one too many."
        ),
        {"lowest": float(rows.min()), "highest": float(rows.max()), "values": int(rows.size)},
        "With from_logits=True the last layer needs no activation.",
    )


def relu(rows, values) -> Finding | None:
    """Find scores that a relu has cut off at 0."""
    zeros = float((rows == 0).mean())
    whole = values.dtype.kind in "biu" or bool((rows == np.round(rows)).all())
    varied = (rows == 0).any(axis=0).sum() >= 2 or rows.shape[-1] == 2
    if rows.min() < 0 or whole or not 0.1 <= zeros < 1 or rows.size < 20 or not varied:
        return None
    dead = float((rows == 0).all(axis=-1).mean())
    return Finding(
        "wrong-output-activation",
        "warning",
        f"No score is negative and {_arrays.percent(zeros)} are exactly 0: the last layer ends in "
        "a relu. A score of 0 passes no gradient back, so a class can be lost for an example, and "
        f"{_arrays.percent(dead)} of the rows are all zeros, a tie that argmax gives to class 0.",
        {"exact zeros": zeros, "rows of zeros": dead, "lowest": float(rows.min())},
        "Leave the last layer without activation and use from_logits=True.",
    )


def extreme(rows, dtype: str) -> Finding | None:
    """Note logits whose exp overflows."""
    limit = EXP_OVERFLOW.get(dtype, 88.0)
    if np.abs(rows).max() <= limit:
        return None
    return Finding(
        "unstable-softmax",
        "note",
        f"Logits reach {rows[np.unravel_index(np.abs(rows).argmax(), rows.shape)]:.4g}. exp() of "
        f"more than {limit:.0f} is infinite in {dtype}: a softmax or log written by hand gives NaN "
        "here. Keras' losses with from_logits=True subtract the maximum first and stay exact.",
        {"largest": float(np.abs(rows).max()), "exp overflows above": limit},
        "Keep to the built-in losses on logits; such large logits may also mean unscaled inputs.",
    )


def ties_rule(scores) -> list[Finding]:
    """Find rows whose highest score is shared: argmax then takes the first of them."""
    rows = scores.reshape(-1, scores.shape[-1])
    highest, tied = _ties(rows)
    if _few(tied) or bool((rows == np.round(rows)).all()):
        return []
    if len(rows) >= 8:
        rows = np.unique(rows, axis=1)  # classes with equal scores everywhere are one class
        highest, tied = _ties(rows)
        tied &= ~_between_twins(rows, highest, tied) & _counting(rows, highest)
    if _few(tied) or not _pressed(rows, highest[tied]):
        return []
    return [
        Finding(
            "saturated-ties",
            "warning",
            f"In {_arrays.percent(tied.mean())} of {len(rows)} rows the highest score "
            f"({highest[tied][0, 0]:.4g}, say) belongs to several classes. argmax takes the first, "
            "so accuracy depends on the order of the classes: scores were rounded or saturated on "
            "the way.",
            {"tied rows": int(tied.sum()), "rows": len(rows)},
        )
    ]


def _ties(rows):
    """Return the highest score of each row, (N, 1), and whether it is shared, (N,)."""
    highest = rows.max(axis=-1, keepdims=True)
    varied = rows.min(axis=-1) < highest[:, 0]
    return highest, varied & ((rows == highest).sum(axis=-1) > 1)


def _counting(rows, highest):
    """Return which rows count, (N,): of equal ones the first, as padding gives the same row often.

    All count whose score stands at the limit that scores are pressed against.
    """
    _, first = np.unique(rows, axis=0, return_index=True)
    counting = highest[:, 0] == rows.max()
    counting[first] = True
    return counting


def _between_twins(rows, highest, tied):
    """Return which ties are between columns that are one class, equal in most rows, (N,).

    An item that is twice among the candidates of a batch gives such columns, equal but where a
    mask was added to one of them. Scores that were pressed together are equal at few values.
    """
    twins, known = np.zeros(len(rows), bool), {}
    for row in np.flatnonzero(tied)[:MANY_ROWS]:
        pair = tuple(np.flatnonzero(rows[row] == highest[row])[:2])
        if pair not in known:
            first, second = rows[:, pair[0]], rows[:, pair[1]]
            same = first == second
            varied = len(np.unique(first[same])) > len(np.unique(first)) / 2
            known[pair] = bool(same.mean() >= 0.5 and varied)
        twins[row] = known[pair]
    return twins


def _few(tied) -> bool:
    return tied.sum() < 3 or tied.mean() < 0.05


def _pressed(rows, tops) -> bool:
    """Whether scores met at a limit or on a coarse grid.

    Two classes may also share a score because they are one and the same: a word that was drawn
    twice as a negative example, say. Then each such row has a value of its own.
    """
    _, counts = np.unique(tops, return_counts=True)
    if 2 * counts.max() > len(tops) or 2 * len(np.unique(rows)) <= rows.size:
        return True
    with np.errstate(over="ignore"):
        half = rows.astype(np.float16).astype(rows.dtype) == rows
    brain = (np.ascontiguousarray(rows, np.float32).view(np.uint32) & 0xFFFF) == 0
    return bool(half.all() or brain.all())


def wrong_axis(shape, axis: int, from_logits: bool) -> Finding:
    """Find a softmax over another axis than the last; ``axis`` counts from 1."""
    axis -= 1
    return Finding(
        "wrong-axis",
        "error",
        f"The values of shape {shape} sum to 1 along axis {axis}, not along the last: the softmax "
        f"ran over axis {axis}"
        + (
            " (the batch), and ties each example's scores to the others."
            if axis == 0
            else ". Losses and metrics look for the classes on the last axis."
        )
        + (" Beside that, from_logits=True applies softmax again." if from_logits else ""),
        {"shape": str(shape), "axis": axis},
        "Take the softmax over the class axis: tf.nn.softmax(z, axis=-1). Classes must be last.",
    )


def smallest(rows) -> float:
    """Return the smallest value above 0, or 0."""
    positive = rows[rows > 0]
    return float(positive.min()) if positive.size else 0.0
