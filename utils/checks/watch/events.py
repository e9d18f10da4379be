"""What was seen at one of the points where a loop calls Keras or TensorFlow."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(slots=True)
class Event:
    """One call that a loop made, or that a traced step will make whenever it runs.

    Attributes
    ----------
    kind : str
        ``loss``, ``cross_entropy``, ``metric``, ``result``, ``reset``, ``create``, ``model``,
        ``gradient``, ``apply``, ``op``, …
    subject : object
        The Keras object called, or None for a function.
    tensors : dict of str to tensor
        Eager or symbolic, by role: ``y_true``, ``y_pred``, …
    info : dict
        Whatever is known without values.
    """

    kind: str
    subject: object = None
    tensors: dict = field(default_factory=dict)
    info: dict = field(default_factory=dict)


def is_eager(tensor) -> bool:
    """Whether a value can be read from it now."""
    return hasattr(tensor, "numpy") and not hasattr(tensor, "graph")


def shape_of(tensor) -> tuple | None:
    """Return the static shape with None for what is unknown, or None without a rank."""
    shape = getattr(tensor, "shape", None)
    if shape is None:
        return None
    try:
        return tuple(None if d is None else int(d) for d in shape)
    except (TypeError, ValueError):
        return None


def rows_of(tensors) -> int | None:
    """Return the length of the first axis of the first tensor that has one: the batch size."""
    return next((shape[0] for shape in map(shape_of, tensors) if shape), None)


def dtype_of(tensor) -> str:
    """Return the dtype's name, or an empty string."""
    dtype = getattr(tensor, "dtype", "")
    return getattr(dtype, "name", str(dtype))


def to_numpy(tensor) -> np.ndarray | None:
    """Return the values, or None if there are none to be read."""
    if tensor is None:
        return None
    if isinstance(tensor, (np.ndarray, np.generic, int, float, list, tuple)):
        try:
            values = np.asarray(tensor)
        except (TypeError, ValueError):  # a list of symbolic tensors, a ragged list
            return None
        return values if values.dtype.kind in "biufSU" else None
    if not hasattr(tensor, "numpy") or hasattr(tensor, "row_splits"):
        return None
    try:
        values = np.asarray(tensor.numpy())
    except (NotImplementedError, AttributeError, TypeError, ValueError):
        return None
    return values.astype(np.float32) if values.dtype.name == "bfloat16" else values


class Look:
    """Reads the values of an event's tensors, once each.

    Parameters
    ----------
    read : callable
        Takes a tensor and returns an array or None.
    """

    def __init__(self, read=to_numpy):
        self._read = read
        self._seen = {}
        self.asked = 0  # how often a value was wanted

    def __call__(self, tensor):
        self.asked += 1
        if tensor is None:
            return None
        key = id(tensor)
        if key not in self._seen:
            # The tensor is kept beside its value, so that its id is not used again meanwhile.
            self._seen[key] = (tensor, self._read(tensor))
        return self._seen[key][1]
