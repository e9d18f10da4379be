"""Reading scores: as rows, as distributions, and where they come from."""

import numpy as np

from . import _arrays

CLIP = 1e-7  # keras.config.epsilon(): losses from probabilities clip here

LARGEST_CLIPPED_LOSS = float(-np.log(CLIP))

MAX_VALUES = 1 << 22  # larger arrays are read in evenly spaced rows


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


def rounded_to(values) -> str:
    """Name the half-precision dtype the values were rounded to, though they are wider now."""
    rows = values.reshape(-1)[:4096]
    if rows.dtype != np.float32 or not np.isfinite(rows).all():
        return ""
    kind = "" if (rows.view(np.uint32) & 0xFFFF).any() else "bfloat16"
    with np.errstate(over="ignore"):
        if not kind and (rows.astype(np.float16).astype(np.float32) == rows).all():
            kind = "float16"
    return kind if kind and len(np.unique(rows)) >= 16 else ""


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
