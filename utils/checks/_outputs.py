"""What a model's last layer gives, against what the loss was told: logits or probabilities."""

import numpy as np

from . import _arrays
from . import _output_findings as find
from ._scores import MAX_VALUES, as_rows, describe, origin_of, rounded_to, sums_to_one
from .report import Finding, Report


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
    dtype = rounded_to(values) or dtype
    rows = as_rows(values)
    width = rows.shape[-1]
    if width == 1:
        return [find.one_unit(rows)]
    found, rows = _without_bad_rows(rows, from_logits)
    if len(rows) == 0:
        return found
    if not rows.any():
        return found if from_logits else [*found, find.all_zero(rows)]
    distribution = sums_to_one(rows, dtype)
    blank = ~rows.any(axis=-1)  # rows masked to zero say nothing
    probabilities = bool((distribution | blank).all())
    if probabilities:
        if from_logits:
            found.append(find.double_softmax(rows[~blank], dtype, origin, route))
        if dtype in _arrays.HALF:
            found.append(find.half_precision(rows, dtype))
        elif not from_logits and (note := find.saturated(rows[~blank])) and not origin:
            found.append(note)
        return found
    if axis := other_axis(values, dtype):
        return [*found, find.wrong_axis(values.shape, axis, from_logits)]
    inside = bool((rows >= 0).all() and (rows <= 1).all())
    if not from_logits:
        found += (
            [find.partial(rows, origin)] if inside else [find.logits(rows, distribution, origin)]
        )
    elif inside and (note := find.maybe_sigmoid(rows, origin)):
        found.append(note)
    relu = find.relu(rows, values)
    if relu:
        found.append(relu)
    if from_logits and (note := find.extreme(rows, dtype)):
        found.append(note)
    if not relu:
        found += find.ties_rule(rows)
    return found


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


def other_axis(values, dtype: str) -> int | None:
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
