"""What a model's last layer gives, against what the loss was told: logits or probabilities."""

import numpy as np

from . import _arrays
from .report import Finding, Report

CLIP = 1e-7  # keras.config.epsilon(): losses from probabilities clip here
LARGEST_CLIPPED_LOSS = float(-np.log(CLIP))
MAX_VALUES = 1 << 22  # larger arrays are read in evenly spaced rows
EXP_OVERFLOW = {"float16": 11.0, "float64": 709.0}  # exp() is infinite above; float32: 88


def outputs(y_pred, *, from_logits) -> Report:
    """Check a categorical model's outputs against the loss's ``from_logits``.

    Parameters
    ----------
    y_pred : array_like of float, shape (..., C)
        Outputs for a batch: one row of C scores per example, classes on the last axis.
        Pass what the model returned; a NumPy copy has lost the logits that Keras attaches
        to the output of its softmax.
    from_logits : bool
        What the loss was told. It is about categorical losses, one class per example.
        Outputs of a multi-label model (BinaryCrossentropy, one sigmoid per class) need not
        sum to 1 and are not this check's business.

    Returns
    -------
    Report
        Pitfalls ``double-softmax``, ``logits-as-probabilities``, ``wrong-output-activation``,
        ``output-units``, ``wrong-axis``, ``nan-scores``, ``half-precision-softmax``,
        ``unstable-softmax`` and ``saturated-ties``. Log-probabilities given as logits are healthy.

    Raises
    ------
    TypeError, ValueError
        If ``y_pred`` is not numeric, empty, or has no class axis, or ``from_logits`` is
        not a bool.
    """
    if not isinstance(from_logits, (bool, np.bool_)):
        raise TypeError(f"from_logits must be True or False, not {from_logits!r}.")
    seen = _arrays.numbers(y_pred, "y_pred")
    if seen.values.ndim < 2:
        raise ValueError(
            f"y_pred has shape {seen.values.shape}: there is no class axis. Pass the model's "
            "output for a batch, of shape (batch, classes)."
        )
    origin = origin_of(y_pred)
    found = rules(seen.values, seen.dtype, bool(from_logits), origin=origin)
    rows = as_rows(seen.values)
    observed = {
        "shape": seen.values.shape,
        "dtype": seen.dtype,
        "from_logits": bool(from_logits),
        "looks like": describe(rows, seen.dtype),
    }
    return Report(tuple(found), observed)


def origin_of(y_pred) -> str:
    """Return ``"softmax"`` or ``"sigmoid"`` if Keras attached the logits of it, else ``""``."""
    logits = getattr(y_pred, "_keras_logits", None)
    if logits is None or not hasattr(logits, "numpy") or not hasattr(y_pred, "numpy"):
        return ""
    p, z = (as_rows(_arrays.read(v, "y_pred").values) for v in (y_pred, logits))
    return "softmax" if sums_to_one(p, "float16").mean() > 0.5 or z.shape != p.shape else "sigmoid"


def as_rows(values) -> np.ndarray:
    """Return scores as float64 of shape (N, C); of a very large array, evenly spaced rows."""
    rows = values.reshape(-1, values.shape[-1])
    step = -(-rows.size // MAX_VALUES)
    return rows[::step].astype(np.float64)


def sums_to_one(rows, dtype: str) -> np.ndarray:
    """Return for each row whether it is a distribution, within the rounding of its dtype."""
    tolerance = _arrays.sum_tolerance(dtype)
    with np.errstate(invalid="ignore", over="ignore"):
        inside = (rows >= -tolerance).all(axis=-1) & (rows <= 1 + tolerance).all(axis=-1)
        return inside & (np.abs(rows.sum(axis=-1) - 1) <= tolerance)


def describe(rows, dtype: str = "float32") -> str:
    """Say in a few words what the scores look like, without a verdict."""
    if not np.isfinite(rows).all():
        return "scores with NaN or infinite entries"
    if not rows.any():
        return "zeros"
    if sums_to_one(rows, dtype).all():
        return "probabilities"
    if (rows <= 0).all() and sums_to_one(np.exp(rows), dtype).all():
        return "log-probabilities"
    if (rows >= 0).all() and (rows <= 1).all():
        return "values in [0, 1] that do not sum to 1"
    return "scores without bounds"


def rules(values, dtype: str, from_logits: bool, *, origin: str = "", route: str = ""):
    """Return the findings on scores of shape (..., C).

    Parameters
    ----------
    values : ndarray
    dtype : str
        Name of the dtype the scores came in; it sets the tolerance.
    from_logits : bool
    origin : {"", "softmax", "sigmoid"}
        The Keras activation whose logits travel with the scores, if any: Keras losses use
        these and so repair a mismatch.
    route : {"", "eager", "graph"}
        How the loss is called with the output of ``tf.nn.softmax``; empty if it cannot be seen.
    """
    rows = as_rows(values)
    width = rows.shape[-1]
    if width == 1:
        return [_one_unit(rows)]
    found, rows = _without_bad_rows(rows, from_logits)
    if len(rows) == 0:
        return found
    if not rows.any():
        return found if from_logits else [*found, _all_zero(rows)]
    distribution = sums_to_one(rows, dtype)
    blank = ~rows.any(axis=-1)  # rows masked to zero say nothing
    probabilities = bool((distribution | blank).all())
    if probabilities:
        if from_logits:
            found.append(_double_softmax(rows[~blank], dtype, origin, route))
        if dtype in _arrays.HALF:
            found.append(_half_precision(rows, dtype))
        elif not from_logits and (note := _saturated(rows[~blank])) and not origin:
            found.append(note)
        return found
    if axis := _other_axis(values, dtype):
        return [*found, _wrong_axis(values.shape, axis, from_logits)]
    inside = bool((rows >= 0).all() and (rows <= 1).all())
    if not from_logits:
        found += [_partial(rows, origin)] if inside else [_logits(rows, distribution, origin)]
    elif inside and (note := _maybe_sigmoid(rows, origin)):
        found.append(note)
    relu = _relu(rows, values)
    if relu:
        found.append(relu)
    if from_logits and (note := _extreme(rows, dtype)):
        found.append(note)
    if not relu:
        found += ties_rule(rows)
    return found


def _one_unit(rows) -> Finding:
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


def _without_bad_rows(rows, from_logits: bool):
    """Report NaN and infinity; return the findings and the rows that can still be read."""
    finite = np.isfinite(rows).all(axis=-1)
    if finite.all():
        return [], rows
    nan = np.isnan(rows).any(axis=-1)
    # −inf as a logit rules a class out on purpose, as in action masks.
    masked = ~finite & ~nan & (rows < np.inf).all(axis=-1) & np.isfinite(rows).any(axis=-1)
    if from_logits and not (~finite & ~masked).any():
        return [], rows[finite]
    bad = ~finite & ~masked if from_logits else ~finite
    finding = Finding(
        "nan-scores",
        "error",
        f"{bad.sum()} of {len(rows)} rows of scores hold NaN or infinity. The argmax of a NaN row "
        "is 0, so accuracy goes on to look alive: it is the share of class 0 among these rows.",
        {"rows": len(rows), "with NaN": int(nan.sum()), "bad rows": int(bad.sum())},
    )
    return [finding], rows[finite]


def _double_softmax(rows, dtype: str, origin: str, route: str) -> Finding:
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


def _half_precision(rows, dtype: str) -> Finding:
    zeros = float((rows == 0).mean())
    return Finding(
        "half-precision-softmax",
        "warning",
        f"The probabilities are {dtype}: {_arrays.percent(zeros)} of them are exactly 0, and a row "
        f"sums to 1 only within {np.abs(rows.sum(axis=-1) - 1).max():.1g}. The loss clips what is "
        f"under 1e-7 (at most {LARGEST_CLIPPED_LOSS:.3f}) and such an example gets no gradient.",
        {"dtype": dtype, "exact zeros": zeros, "smallest above 0": _smallest(rows)},
        "Give the last layer dtype='float32', or output logits and use from_logits=True.",
    )


def _saturated(rows) -> Finding | None:
    below = float((rows < CLIP).any(axis=-1).mean())
    if below < 0.5 or len(rows) < 4:
        return None
    return Finding(
        "unstable-softmax",
        "note",
        f"In {_arrays.percent(below)} of the rows some probability is under 1e-7, where the loss "
        f"clips: an example of such a class costs at most {LARGEST_CLIPPED_LOSS:.3f} and, from the "
        "probabilities alone, has no gradient. Confident models look like this; nothing is wrong "
        "while they are right.",
        {"rows under 1e-7": below, "clip": CLIP},
        "Logits with from_logits=True lose nothing, however confident the model.",
    )


def _all_zero(rows) -> Finding:
    return Finding(
        "logits-as-probabilities",
        "note",
        f"from_logits=False promises probabilities, but all {rows.size} scores are 0. A last layer "
        "without activation that starts from zeros gives this: check again after a step.",
        {"row sum": 0.0, "values": int(rows.size)},
    )


def _logits(rows, distribution, origin: str) -> Finding:
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


def _partial(rows, origin: str) -> Finding:
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


def _maybe_sigmoid(rows, origin: str) -> Finding | None:
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


def _relu(rows, values) -> Finding | None:
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


def _extreme(rows, dtype: str) -> Finding | None:
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
    highest = rows.max(axis=-1, keepdims=True)
    varied = rows.min(axis=-1) < highest[:, 0]
    tied = varied & ((rows == highest).sum(axis=-1) > 1)
    whole = bool((rows == np.round(rows)).all())
    if whole or tied.sum() < 3 or tied.mean() < 0.05:
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


def _other_axis(values, dtype: str) -> int | None:
    """Return an axis before the last along which the values are distributions, as axis + 1."""
    if values.size > MAX_VALUES or (values < 0).any() or not np.isfinite(values).all():
        return None
    for axis in range(values.ndim - 1):
        if values.shape[axis] < 2:
            continue
        columns = np.moveaxis(values, axis, -1).reshape(-1, values.shape[axis])
        if len(columns) >= 2 and sums_to_one(columns.astype(np.float64), dtype).all():
            return axis + 1
    return None


def _wrong_axis(shape, axis: int, from_logits: bool) -> Finding:
    axis -= 1
    return Finding(
        "wrong-axis",
        "error",
        f"The values of shape {shape} sum to 1 along axis {axis}, not along the last: the softmax "
        f"ran over axis {axis}"
        + (" (the batch)" if axis == 0 else "")
        + ". Each example's scores are then tied to the others in its batch."
        + (" Beside that, from_logits=True applies softmax again." if from_logits else ""),
        {"shape": str(shape), "axis": axis},
        "Take the softmax over the class axis: tf.nn.softmax(z, axis=-1). Classes must be last.",
    )


def _smallest(rows) -> float:
    positive = rows[rows > 0]
    return float(positive.min()) if positive.size else 0.0
