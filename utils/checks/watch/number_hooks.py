"""Numbers on their way between TensorFlow and Python: scalars read, means taken, draws."""

import inspect
import random

import numpy as np
import tensorflow as tf
from tensorflow.python.framework import ops

from .events import Event
from .hearing import HERE, deaf, emit
from .patching import SWITCHBOARD

# Of Python's own, randint is left out: Keras draws seeds with it.
DRAWS = {
    random: ("random", "uniform", "gauss", "choice", "shuffle"),
    np.random: (
        "rand", "randn", "random", "random_sample", "randint", "uniform", "normal", "binomial",
        "beta", "choice", "permutation", "shuffle",
    ),
}  # fmt: skip


def install(patches) -> None:
    """Wrap the reading of scalars, NumPy's means, and random numbers of Python and NumPy."""
    patches.wrap(ops._EagerTensorBase, "_numpy", _read)
    for function in (np.mean, np.average):
        patches.rewire(inspect.unwrap(function), _averaged)
    for module, names in DRAWS.items():
        for name in names:
            patches.wrap(module, name, lambda f, n=f"{module.__name__}.{name}": _drawn(f, n))


def _read(original):
    """Tell of every scalar that a loop turns into a number, in whatever way."""

    def call(self):
        number = original(self)
        if isinstance(number, np.floating) and not deaf() and not HERE.stack:
            for listener in SWITCHBOARD.listeners:
                listener.value_read(self, number)
        return number

    return call


def _averaged(original):
    """Tell of the plain mean of a list of numbers."""

    def call(a, *args, **kwargs):
        flat = isinstance(a, (list, tuple)) or getattr(a, "ndim", None) == 1
        # Given by position or name, an axis or weights of None change nothing.
        plain = flat and not any(v is not None for v in (*args, *kwargs.values()))
        if plain and not deaf() and not HERE.stack:
            with SWITCHBOARD.quiet():
                for listener in SWITCHBOARD.listeners:
                    listener.averaged(a)
        return original(a, *args, **kwargs)

    return call


def _drawn(original, name):
    """Tell when NumPy or Python draws a random number while a graph is built."""

    def call(*args, **kwargs):
        if not deaf() and not tf.executing_eagerly():
            graph = tf.compat.v1.get_default_graph()
            kind = "mapped" if graph.name.startswith("Dataset") else "drawn"
            emit(Event(kind, None, {}, {"by": name, "graph": graph.name}))
        return original(*args, **kwargs)

    return call
