"""Reading whatever a learner passes in: one conversion, one set of messages."""

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral

import numpy as np

HALF = ("float16", "bfloat16")
# How far a row of probabilities may sum from 1 after rounding in its dtype.
SUM_TOLERANCE = {"float16": 5e-3, "bfloat16": 2e-2}
DEFAULT_SUM_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Seen:
    """An argument as NumPy values, and how it was given.

    Attributes
    ----------
    values : ndarray
        Numbers (bfloat16 widened to float32), text or objects.
    dtype : str
        Name of the dtype it came in.
    kind : {"numbers", "text", "mixed"}
        ``mixed``: an object array whose entries are not all numbers or not all text.
    """

    values: np.ndarray
    dtype: str
    kind: str


def read(value, name: str) -> Seen:
    """Convert an array-like to NumPy and say what it holds.

    Parameters
    ----------
    value : array_like
        NumPy array, list, TensorFlow or Keras tensor or variable, ragged tensor
        (its values are read), pandas object: anything NumPy understands.
    name : str
        The argument's name, for messages.

    Raises
    ------
    TypeError
        For None, symbolic and sparse tensors, mappings, iterators and dates.
    ValueError
        For nested lists whose rows differ in length, and for empty arrays.
    """
    _refuse_what_has_no_values(value, name)
    if hasattr(value, "flat_values") and hasattr(value, "row_splits"):
        value = value.flat_values
    values = _to_numpy(value, name)
    if values.size == 0:
        raise ValueError(
            f"{name} is empty (shape {values.shape}): there is nothing to check. "
            "Pass at least one example."
        )
    return _classify(value, values, name)


def numbers(value, name: str, *, finite: bool = False) -> Seen:
    """Convert as `read` does and insist on real numbers.

    Raises
    ------
    TypeError
        If the entries are text, objects, complex numbers or dates.
    ValueError
        If ``finite`` and an entry is NaN or infinite.
    """
    seen = read(value, name)
    if seen.kind != "numbers":
        raise TypeError(
            f"{name} has dtype {seen.dtype} and holds {_sample(seen.values)}: these are not "
            "numbers. Convert it to a numeric array first."
        ) from None
    if finite and not np.isfinite(seen.values.astype(np.float64)).all():
        raise ValueError(f"{name} holds NaN or infinite values; pass finite numbers.") from None
    return seen


def class_count(num_classes) -> int:
    """Return the number of classes as an int.

    Raises
    ------
    TypeError, ValueError
        If it is not a whole number of at least 2.
    """
    if isinstance(num_classes, (bool, np.bool_)) or not isinstance(num_classes, Integral):
        raise TypeError(
            f"num_classes must be a whole number such as 10, not {_brief(num_classes)} "
            f"of type {type(num_classes).__name__}."
        )
    if num_classes < 2:
        raise ValueError(f"num_classes must be at least 2, not {num_classes}.")
    return int(num_classes)


def is_dataset(value) -> bool:
    """Whether the value is a ``tf.data.Dataset`` (told by its ``element_spec``)."""
    return hasattr(value, "element_spec") and not hasattr(value, "get_next")


def sum_tolerance(dtype: str) -> float:
    """Return how far a row of probabilities of this dtype may sum from 1."""
    return SUM_TOLERANCE.get(dtype, DEFAULT_SUM_TOLERANCE)


def percent(share: float) -> str:
    """Return a share as a percentage that never rounds to 0 % or 100 % falsely."""
    if 0 < share < 0.001:
        return "under 0.1 %"
    if 0.999 < share < 1:
        return "over 99.9 %"
    return f"{100 * share:.3g} %"


def few(values, limit: int = 5) -> str:
    """Return the first values as text, with an ellipsis if there are more."""
    items = [f"{v:.4g}" if isinstance(v, float) else str(v) for v in np.asarray(values).tolist()]
    return ", ".join(items[:limit]) + (", …" if len(items) > limit else "")


def _refuse_what_has_no_values(value, name: str) -> None:
    kind = type(value).__name__
    if value is None:
        raise TypeError(f"{name} is None. Pass an array, a list or a tensor.")
    symbolic = kind in ("KerasTensor", "SymbolicTensor") or (
        hasattr(value, "graph") and hasattr(value, "op") and not hasattr(value, "numpy")
    )
    if symbolic:
        raise TypeError(
            f"{name} is a symbolic tensor ({kind}): it has no values yet. Call the check outside "
            "tf.function and outside the model's definition, with real numbers."
        )
    if hasattr(value, "dense_shape") and hasattr(value, "indices"):
        raise TypeError(f"{name} is a {kind}. Pass tf.sparse.to_dense({name}) or its NumPy form.")
    iterator = hasattr(value, "__next__")
    if isinstance(value, (Mapping, set, frozenset, str, bytes)) or iterator or callable(value):
        why = ": reading it would use it up" if iterator else ""
        raise TypeError(f"{name} is a {kind}{why}. Pass an array, a list or a tensor.")


def _to_numpy(value, name: str) -> np.ndarray:
    # A NumPy warning about what we are about to report ourselves would only confuse.
    try:
        values = value.numpy() if hasattr(value, "numpy") else np.asarray(value)
        return np.asarray(values)
    except ValueError as problem:
        if "inhomogeneous" in str(problem) or "sequence" in str(problem):
            if isinstance(value, (list, tuple)) and len({_is_row(v) for v in value}) == 2:
                # Numbers and rows side by side are not ragged but mixed.
                mixed = np.empty(len(value), dtype=object)
                mixed[:] = [v.tolist() if isinstance(v, np.ndarray) else v for v in value]
                return mixed
            raise ValueError(
                f"{name} is ragged: its rows have different lengths. Pad them to one length, "
                "or pass one row at a time."
            ) from None
        raise ValueError(f"{name} ({type(value).__name__}) cannot become an array.") from None
    except Exception:
        raise TypeError(
            f"{name} is a {type(value).__name__}, which cannot become an array. "
            "Pass an array, a list or a tensor."
        ) from None


def _classify(value, values: np.ndarray, name: str) -> Seen:
    dtype = values.dtype.name
    if dtype == "bfloat16":
        return Seen(values.astype(np.float32), dtype, "numbers")
    if values.dtype.kind in "biuf":
        return Seen(values, dtype, "numbers")
    if values.dtype.kind in "USOT":
        # NumPy turns [1, "a"] into text without a word; the list still knows.
        raw = values
        if values.dtype.kind == "U" and isinstance(value, (list, tuple)):
            raw = np.asarray(value, dtype=object)
        return _classify_objects(values, raw, name)
    if dtype.startswith(("float", "int", "uint")):  # ml_dtypes: float8, int4, …
        return Seen(values.astype(np.float32), dtype, "numbers")
    raise TypeError(f"{name} has dtype {dtype}. Pass whole or floating-point numbers.") from None


def _classify_objects(values: np.ndarray, raw: np.ndarray, name: str) -> Seen:
    dtype = values.dtype.name if values.dtype.kind == "O" else "string"
    entries = raw.reshape(-1)
    if values.dtype.kind == "O" and values.ndim == 0:
        raise TypeError(
            f"{name} is a {type(values.item()).__name__}, which cannot become an array. "
            "Pass an array, a list or a tensor."
        ) from None
    rows = sum(map(_is_row, entries))
    if rows == len(entries) > 0:
        raise ValueError(
            f"{name} is ragged: an object array whose entries are sequences. Pad them to one "
            "length, or pass one row at a time."
        ) from None
    text = sum(isinstance(v, (str, bytes)) for v in entries)
    if text == len(entries):
        return Seen(values, "string", "text")
    return Seen(raw, dtype, "mixed")


def _is_row(value) -> bool:
    return isinstance(value, (list, tuple)) or getattr(value, "ndim", 0) > 0


def _sample(values: np.ndarray) -> str:
    return ", ".join(_brief(v) for v in values.reshape(-1)[:3])


def _brief(value) -> str:
    text = repr(value.item() if isinstance(value, np.generic) else value)
    return text if len(text) <= 40 else text[:37] + "…"
