"""Small training loops, each with one fault and without it: the detector matrix.

Every function takes ``broken`` and runs one loop on made-up but learnable data. The fault
is the smallest difference between the two, as a user would write it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

REGISTRY: list["Loop"] = []


@dataclass(frozen=True)
class Loop:
    """A loop with a fault, and its fixed twin.

    Attributes
    ----------
    pitfall : str
        The name `watch` must give; empty for a loop that is healthy anyway.
    run : callable
        Takes ``broken``.
    raises : bool
        Whether the broken loop stops with an exception.
    also : tuple of str
        Other alarms that are right as well.
    """

    pitfall: str
    run: Callable
    raises: bool = False
    also: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return f"{self.pitfall or 'healthy'}:{self.run.__name__}"

    @property
    def module(self) -> str:
        """The last part of the name of the module it was written in."""
        return self.run.__module__.rpartition(".")[2]


def pair(pitfall: str, *, raises: bool = False, also: tuple[str, ...] = ()):
    """Register a loop that takes ``broken``."""

    def register(run):
        REGISTRY.append(Loop(pitfall, run, raises, also))
        return run

    return register


def healthy(run):
    """Register a loop without a fault; it takes nothing."""
    REGISTRY.append(Loop("", lambda broken: run(), False))
    object.__setattr__(REGISTRY[-1], "run", _named(run))
    return run


def _named(run):
    def call(broken):
        return run()

    call.__name__, call.__module__ = run.__name__, run.__module__
    return call


def blobs(n=256, classes=3, features=8, seed=0, spread=1.0):
    """Return separable data: x (n, features) float32, y (n,) int64."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(classes, features)) * 2
    y = rng.integers(0, classes, n)
    x = centres[y] + rng.normal(size=(n, features)) * spread
    return x.astype("float32"), y.astype("int64")


def batches(x, y, size=32):
    """Yield (x, y) slices in order, the last one short if need be."""
    for start in range(0, len(x), size):
        yield x[start : start + size], y[start : start + size]
