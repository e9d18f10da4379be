"""fit with arrays: validation examples that are training examples too."""

import numpy as np

from ..report import Finding
from .events import to_numpy

BYTES = 50_000_000  # of inputs, beyond which the comparison would take too long


def rule(info) -> Finding | None:
    """Find rows that stand in the training inputs and in the validation inputs of a fit.

    Only where values are continuous, so that no two examples are equal by chance. Validation
    on the training data themselves is no leak: it says what it is.
    """
    args, kwargs = info["args"], info["kwargs"]
    held = kwargs.get("validation_data", args[7] if len(args) > 7 else None)
    if not isinstance(held, (tuple, list)) or len(held) < 2:
        return None
    x = _rows(kwargs.get("x", args[0] if args else None))
    new = _rows(held[0])
    if x is None or new is None or x.shape[1] != new.shape[1] or not _continuous(new):
        return None
    known = set(map(bytes, x.astype(np.float32)))
    copies = sum(bytes(row) in known for row in new.astype(np.float32))
    share = copies / len(new)
    if copies < 5 or not 0.02 < share < 0.95:
        return None
    return Finding(
        "validation-leak",
        "error",
        f"{copies} of {len(new)} validation examples, {100 * share:.3g} %, stand in the training "
        "data too, value for value: their score is memory. Copies made before the split, as by "
        "oversampling, end on both sides of it.",
        {"copies": copies, "validation": len(new), "training": len(x)},
        "Split first; then oversample, or augment, the training part alone.",
    )


def _rows(x):
    """Return inputs as (N, D) numbers, or None if they are something else or too many."""
    x = to_numpy(x)
    if x is None or x.ndim < 2 or x.dtype.kind != "f" or len(x) < 20 or x.nbytes > BYTES:
        return None
    return x.reshape(len(x), -1)


def _continuous(x) -> bool:
    """Whether most columns hold many values, so that equal rows are copies."""
    sample = x[:500, :: max(1, x.shape[1] // 32)]
    distinct = [len(np.unique(column)) for column in sample.T]
    return bool(np.median(distinct) > 0.3 * len(sample))
