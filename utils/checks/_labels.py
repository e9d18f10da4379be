"""Class ids: range, dtype, whole numbers, and what is not a class id at all."""

import numpy as np

from . import _arrays, _batches
from .report import Finding, Report

LOSS = "SparseCategoricalCrossentropy"


def labels(y, num_classes, *, ignore_class=None) -> Report:
    """Check labels that are meant for a sparse loss or metric: one class id per example.

    Parameters
    ----------
    y : array_like of int, shape (N,), (N, 1), (B, T), (B, H, W), …, or tf.data.Dataset
        Class ids in 0 … C−1. Whole numbers of any numeric dtype will do. Of a dataset of
        ``y``, ``(x, y)`` or ``(x, y, weight)`` the first 100 batches are read, without
        moving its shuffle on.
    num_classes : int
        C, the number of the model's output units.
    ignore_class : int, optional
        A label outside the count that the loss is told to ignore, such as −1 or 255.

    Returns
    -------
    Report
        Pitfalls ``one-hot-labels``, ``label-range``, ``label-offset``,
        ``fractional-labels``, ``mixed-labels`` and ``label-dtype``.

    Raises
    ------
    TypeError, ValueError
        If ``y`` holds nothing that could be a label (None, symbolic, empty, ragged, a
        single number), or ``num_classes`` is not a whole number of at least 2.
    """
    classes = _arrays.class_count(num_classes)
    if ignore_class is not None and not float(_number(ignore_class)).is_integer():
        raise ValueError(f"ignore_class must be a whole number, not {ignore_class!r}.")
    if _arrays.is_dataset(y):
        y = _batches.labels_of(y, "y")
    seen = _arrays.read(y, "y")
    if seen.values.ndim == 0:
        raise ValueError(
            f"y is a single number ({seen.values}). Pass one label per example, as in "
            f"[{seen.values}]."
        )
    observed = {"labels": int(seen.values.size), "shape": seen.values.shape, "dtype": seen.dtype}
    if seen.kind != "numbers":
        return Report(tuple(object_rules(seen)), observed)
    values = seen.values
    if values.dtype.kind != "f":
        observed |= {"distinct": len(np.unique(values))}
    observed |= {"min": values.min().item(), "max": values.max().item()}
    return Report(tuple(rules(values, seen.dtype, classes, ignore_class)), observed)


def rules(values, dtype: str, num_classes: int, ignore_class=None) -> list[Finding]:
    """Return the findings on numeric labels of rank 1 or more.

    Parameters
    ----------
    values : ndarray of bool, int or float
    dtype : str
        Name of the dtype they came in.
    num_classes : int
    ignore_class : int, optional
    """
    if found := one_hot_rule(values, num_classes):
        return found
    kept = values.reshape(-1)
    if ignore_class is not None:
        kept = kept[kept != ignore_class]
    if kept.size == 0:
        return []
    if kept.dtype.kind == "f":
        if found := fraction_rule(kept, num_classes):
            return found
        # Whole numbers from here on; int64 would wrap what lies beyond it.
        kept = np.clip(kept.astype(np.float64), -(2.0**62), 2.0**62).astype(np.int64)
    found = range_rule(kept, values.shape, num_classes, ignore_class)
    if not found:
        found = offset_rule(kept, num_classes)
    return found + dtype_rule(dtype)


def one_hot_rule(values, num_classes: int) -> list[Finding]:
    """Find labels that spread over a class axis: one-hot, smoothed or multi-hot."""
    width = values.shape[-1]
    if values.ndim < 2 or width < 2 or not np.isfinite(values).all():
        return []
    rows = values.reshape(-1, width)
    binary = bool(np.isin(rows, (0, 1)).all())
    sums = rows.sum(axis=-1, dtype=np.float64)
    single = bool(np.abs(sums - 1).max() < 1e-3)
    in_range = bool((rows >= 0).all() and (rows <= 1).all())
    evidence = {"shape": str(values.shape), "classes": num_classes}
    if single and in_range and not binary and width == num_classes:
        return [
            Finding(
                "one-hot-labels",
                "error",
                f"Labels of shape {values.shape} hold a probability per class (rows sum to 1, "
                f"highest {rows.max():.3g}): smoothed or soft labels. {LOSS} wants one class id "
                "per example; these belong to CategoricalCrossentropy and CategoricalAccuracy.",
                evidence,
            )
        ]
    if not binary:
        return []
    if single and width == num_classes:
        # Short rows of class ids 0 and 1 look one-hot by chance when there are few of them.
        sure = len(rows) * np.log2(width) >= 4
        return [
            Finding(
                "one-hot-labels",
                "error" if sure else "warning",
                f"Labels of shape {values.shape} are one-hot: {len(rows)} row"
                f"{'s' * (len(rows) != 1)} of {width} values with a single 1. {LOSS} wants one "
                "class id per example and raises; SparseCategoricalAccuracy stays silent when the "
                "batch size is 1 or equals the number of classes, and reports a meaningless figure."
                + ("" if sure else " (Or they are sequences of class ids that happen to look so.)"),
                evidence,
                f"Give np.argmax(y, axis=-1) to {LOSS} and SparseCategoricalAccuracy; or keep "
                "the one-hot rows and use CategoricalCrossentropy and CategoricalAccuracy.",
            )
        ]
    if single and width > 2 and num_classes > 2 and len(rows) >= 8:
        return [
            Finding(
                "one-hot-labels",
                "warning",
                f"Each of the {len(rows)} rows of {width} labels holds a single 1 and zeros "
                f"otherwise: they look one-hot over {width} classes, while num_classes is "
                f"{num_classes}. Class ids of a sequence would show more values.",
                evidence | {"width": width},
            )
        ]
    if width == num_classes > 2 and not single and len(rows) >= 8 and rows.any():
        return [
            Finding(
                "one-hot-labels",
                "warning",
                f"Labels of shape {values.shape} hold only 0 and 1, and on average "
                f"{sums.mean():.2g} ones per row: multi-hot labels (several classes at once). "
                "Sparse losses and metrics would read them as class ids 0 and 1.",
                evidence | {"ones per row": float(sums.mean())},
                "Several classes per example are a multi-label problem: BinaryCrossentropy with "
                "BinaryAccuracy, one sigmoid (or from_logits=True) per class.",
            )
        ]
    return []


def fraction_rule(values, num_classes: int) -> list[Finding]:
    """Find NaN, infinite and fractional entries among floating-point labels (rank 1)."""
    bad = ~np.isfinite(values)
    if bad.any():
        return [
            Finding(
                "label-range",
                "error",
                f"{bad.sum()} of {values.size} labels are NaN or infinite. Turned into class ids "
                "they become huge negative numbers: an error on CPU, a NaN loss under XLA.",
                {"NaN or infinite": int(bad.sum()), "labels": int(values.size)},
                "Drop these examples, or find where the labels were read or joined wrongly.",
            )
        ]
    off = np.abs(values - np.round(values))
    fractional = off > 0
    if not fractional.any():
        return []
    shown = values[fractional]
    evidence = {
        "fractional": int(fractional.sum()),
        "labels": int(values.size),
        "for example": _arrays.few(np.unique(shown.astype(np.float64)), 3),
    }
    remedy = ""
    if off.max() < 1e-3:
        why = " They are whole numbers blurred by rounding: 2.9999 becomes class 2."
        remedy = "Round before you cast: np.rint(y).astype('int64')."
    elif (pixels := _times_255(values)) is not None:
        why = (
            f" Times 255 they are whole ({_arrays.few(np.unique(pixels))}): "
            "the labels were divided by 255 together with the pixels."
        )
        remedy = "Divide only the images by 255; leave the labels as class ids."
    else:
        why = " Interpolated masks and regression targets look like this."
    zeros = (np.trunc(values[fractional]) == 0).mean()
    lost = f" ({_arrays.percent(zeros)} of these become class 0)" if zeros else ""
    return [
        Finding(
            "fractional-labels",
            "error",
            f"{_arrays.percent(fractional.mean())} of the labels are not whole numbers. The loss "
            f"cuts them off{lost}; the metric compares them exactly and never finds a match." + why,
            evidence,
            remedy,
        )
    ]


def _times_255(values):
    """Return labels that were divided by 255 as whole numbers again; None if they were not."""
    if values.min() < 0 or values.max() > 1:
        return None
    scaled = values.astype(np.float64) * 255
    whole = np.round(scaled)
    return whole.astype(int) if np.abs(scaled - whole).max() < 1e-3 else None


def range_rule(ids, shape, num_classes: int, ignore_class=None) -> list[Finding]:
    """Find class ids outside 0 … C−1 (ignored labels already removed)."""
    low, high = int(ids.min()), int(ids.max())
    bad = (ids < 0) | (ids >= num_classes)
    if not bad.any():
        return []
    distinct, counts = np.unique(ids[bad], return_counts=True)
    evidence = {
        "min": low,
        "max": high,
        "classes": num_classes,
        "outside": int(bad.sum()),
        "labels": int(ids.size),
    }
    if low >= 1 and high == num_classes:
        return [
            Finding(
                "label-offset",
                "error",
                f"Labels run from {low} to {high} and none is 0, but {num_classes} output units "
                f"know the classes 0 to {num_classes - 1}: the labels count from 1. "
                f"{_arrays.percent(bad.mean())} of them (class {num_classes}) are out of range.",
                evidence,
                "Subtract 1 from the labels (from a signed dtype: in uint8, 0 − 1 is 255).",
            )
        ]
    statement = (
        f"{bad.sum()} of {ids.size} labels lie outside 0 to {num_classes - 1} "
        f"(values {_arrays.few(distinct)}). On CPU the loss raises; under XLA or on a GPU it is "
        "NaN; the metric counts them as wrong without a word."
    )
    remedy = ""
    outside = set(distinct.tolist())
    if high <= 255 and low >= 0 and len(shape) >= 3 and shape[-1] in (3, 4):
        statement += f" The last axis has length {shape[-1]}: this is a picture in colour, not ids."
        remedy = "Map each colour of the mask to a class id; the labels then lose the last axis."
    elif outside <= {-1, 255} and ignore_class is None and not set(np.unique(ids)) <= {-1, 1}:
        void = distinct[np.argmax(counts)]
        statement += f" {void} usually marks void or padded positions."
        remedy = (
            f"Say ignore_class={void} to the loss and to this check, and give the metric a "
            f"sample_weight of (y != {void})."
        )
    elif set(np.unique(ids)) <= {-1, 1}:
        statement += " These are labels −1 and +1."
        remedy = "Map them to 0 and 1: (y + 1) // 2."
    elif high == 255 and set(np.unique(ids)) <= {0, 127, 128, 255}:
        statement += " These are grey values of a mask image."
        remedy = "Map the grey values to class ids, for instance y // 255 for two classes."
    elif high == num_classes and low == 0:
        remedy = (
            f"Labels from 0 to {high} need {num_classes + 1} output units; or one of the values "
            "is not a class."
        )
    return [Finding("label-range", "error", statement, evidence, remedy)]


def offset_rule(ids, num_classes: int) -> list[Finding]:
    """Find labels 1 … C−1 in which class 0 is missing beyond chance.

    Class 0 can be absent from a small or sorted sample, so every other class must occur
    several times, and the sample must be large for the number of classes.
    """
    present, others = np.unique(ids, return_counts=True)
    if present[0] == 0 or num_classes < 3 or len(present) < num_classes - 1:
        return []
    chance = (1 - 1 / num_classes) ** ids.size
    evidence = {"labels": int(ids.size), "least other class": int(others.min()), "class 0": 0}
    sure = others.min() >= 5 and ids.size >= 10 * num_classes and chance < 1e-4
    if not sure and (chance > 0.05 or others.min() < 2):
        return []
    return [
        Finding(
            "label-offset",
            "warning" if sure else "note",
            f"Class 0 never occurs among {ids.size} labels, while each of the classes 1 to "
            f"{num_classes - 1} does (at least {others.min()} times). The labels seem to count "
            "from 1, with one output unit too many: it never learns, and scores against labels "
            "that count from 0 come out wrong.",
            evidence,
            f"If the classes count from 1, subtract 1 and use {num_classes - 1} units. If 0 is a "
            "reserved class that this sample lacks, all is well.",
        )
    ]


def dtype_rule(dtype: str) -> list[Finding]:
    """Note dtypes that work today and bite on arithmetic."""
    if dtype.startswith("uint"):
        wrapped = 2 ** int(dtype[4:] or 8) - 1
        return [
            Finding(
                "label-dtype",
                "note",
                f"The labels are {dtype}, which has no negative numbers: y − 1 turns 0 into "
                f"{wrapped}. Losses and metrics read them correctly as they are.",
                {"dtype": dtype, "0 − 1": wrapped},
                "Cast with y.astype('int64') before you calculate with labels.",
            )
        ]
    if dtype in _arrays.HALF:
        exact = 2048 if dtype == "float16" else 256
        return [
            Finding(
                "label-dtype",
                "note",
                f"The labels are {dtype}, which holds whole numbers exactly only up to {exact}.",
                {"dtype": dtype, "exact up to": exact},
                "Keep class ids in an integer dtype.",
            )
        ]
    return []


def object_rules(seen: _arrays.Seen) -> list[Finding]:
    """Return the findings on labels that are text or objects."""
    entries = seen.values.reshape(-1)
    if seen.kind == "text":
        return [
            Finding(
                "label-dtype",
                "error",
                f"The labels are text, for example {_arrays._sample(entries)}. Losses want class "
                "ids: names raise, and Keras 3 quietly parses digits in quotes.",
                {"dtype": seen.dtype, "distinct": len(set(entries.tolist()))},
                "Encode them once and keep the mapping: names, ids = np.unique(y, "
                "return_inverse=True); encode test labels with the same names.",
            )
        ]
    kinds = sorted({type(v).__name__ for v in entries})
    evidence = {"dtype": seen.dtype, "types": ", ".join(kinds)}
    if all(isinstance(v, (bool, int, float, np.number, np.bool_)) for v in entries):
        return [
            Finding(
                "label-dtype",
                "warning",
                f"The labels are Python objects ({', '.join(kinds)}), not an integer array. NumPy "
                "keeps them as pointers; conversion to a tensor is slow or fails.",
                evidence,
                "y = np.asarray(y.tolist(), dtype='int64'); a column read with gaps needs them "
                "dropped first.",
            )
        ]
    return [
        Finding(
            "mixed-labels",
            "error",
            f"The labels mix types: {', '.join(kinds)}, for example {_arrays._sample(entries)}. "
            "The same class can hide under 1, 1.0 and '1', and np.unique counts them apart.",
            evidence,
            "Bring every label to one type before encoding, and drop or fill what is missing.",
        )
    ]


def _number(value):
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"ignore_class must be a whole number or None, not {value!r}.") from None
