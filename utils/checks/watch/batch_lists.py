"""Lists of one number per batch, averaged by NumPy as if all batches were of one size."""

from collections import deque
from itertools import pairwise

import numpy as np

from ..report import Finding
from .averages import Average
from .events import is_eager, rows_of, shape_of
from .subject import Subject

KEPT = 4096  # numbers, the most a list may hold
LISTS = 32  # lists that are told apart
GAP = 4  # batches that may lie between two numbers of a list, as with several losses per batch
TRIES = 4  # lists that are tried before another number is read


class BatchLists(Subject):
    """Watches which numbers of a batch are read, and how NumPy averages them."""

    def __init__(self):
        self._numbers = deque(maxlen=KEPT)  # number, source, how many batches so far, batch size
        self._count = self._tried = self._tries = 0
        self._eager = 0
        self._size = None
        self._lists = {}

    def on_cross_entropy(self, event, look) -> None:
        scores = event.tensors["y_pred"]
        if event.info["metric"] is None and is_eager(scores):
            self._eager += 1
            shape = shape_of(scores)
            # Of sequences it is not told how many of their positions count.
            self._size = shape[0] if len(shape) == 2 else None
            self.recorder.traced.latest = None

    def value_read(self, tensor, number) -> None:
        """A scalar was turned into a number: it belongs to the batch seen last."""
        latest = self.recorder.traced.latest
        if latest is None:
            entry = (None, self._eager, self._size)
        else:
            step, ran, inputs = latest
            entry = (step.analysis.key, ran, rows_of(inputs))
        self._numbers.append((number, *entry))
        self._count += 1

    def averaged(self, values) -> None:
        """NumPy was asked for the plain mean of some values."""
        if not 2 <= len(values) <= min(KEPT, len(self._numbers)):
            return
        fresh = self._count - self._tried
        self._tries = 0 if fresh else self._tries + 1
        # A mean over a window that moves on step by step is no figure of an epoch.
        if (fresh < len(values) and fresh) or self._tries >= TRIES:
            return
        values = values.tolist() if isinstance(values, np.ndarray) else values
        numbers = all(isinstance(value, (float, np.floating)) for value in values)
        found = self._find(values) if numbers else None
        if found is None:
            return
        self._tried = self._count
        key = (found[0][1], len(values), self._tries)
        if key in self._lists or len(self._lists) < LISTS:
            sizes = [size for *_, size in found]
            self._lists.setdefault(key, Means()).add(np.array(values, float), np.array(sizes))

    def _find(self, values):
        """Return where the values were read, one batch after the other, or None."""
        found, numbers = [], reversed(self._numbers)
        for skipped, entry in enumerate(numbers):
            if entry[0] == values[len(values) - 1 - len(found)]:
                found.append(entry)
                if len(found) == len(values):
                    break
            elif skipped > TRIES and not found:
                return None
        if len(found) < len(values) or len({source for _, source, *_ in found}) > 1:
            return None
        gaps = [after - before for (*_, after, _), (*_, before, _) in pairwise(found)]
        if min(gaps) < 1 or max(gaps) > GAP or None in {size for *_, size in found}:
            return None
        return found[::-1]

    def findings(self) -> list[Finding]:
        readings = [means.verdict() for means in self._lists.values()]
        return [_ragged(*reading[:4]) for reading in readings if reading is not None][:1]


class Means:
    """The plain means of lists of one length, each beside the mean that weighs by examples."""

    def __init__(self):
        self._average = Average()
        self._totals = set()
        self._ragged_end = True  # whether only the last batch was smaller

    def add(self, values, sizes) -> None:
        """Take in a list of numbers and the sizes of their batches."""
        if len(self._totals) < 2:
            self._totals.add(int(sizes.sum()))
        self._ragged_end &= bool((sizes[:-1] == sizes[0]).all() and sizes[-1] < sizes[0])
        if np.isfinite(values).all() and not _sums(values, sizes):
            self._average.compare(values, sizes)

    def verdict(self):
        """Return a reading that is off by a share that matters, or None.

        Passes over one dataset hold as many examples each; episodes of a game do not, and each
        of them may well count as one.
        """
        enough = self._ragged_end or len(self._average.readings) > 2
        return self._average.verdict() if enough and len(self._totals) == 1 else None


def _sums(values, sizes) -> bool:
    """Whether the numbers grow with the size of the batch, as sums over it do."""
    each = values / sizes
    spread = [np.std(v) / max(abs(np.mean(v)), 1e-9) for v in (values, each)]
    return bool(spread[1] < spread[0])


def _ragged(shown, right, size, short) -> Finding:
    return Finding(
        "ragged-batch",
        "warning",
        f"One number per batch was put into a list and NumPy took their plain mean, but batches "
        f"hold from {short} to {size} examples: it shows {shown:.4g}; weighted by examples the "
        f"mean is {right:.4g}.",
        {"shown": shown, "per example": right, "smallest batch": short, "largest batch": size},
        "Keep the batch sizes too: np.average(values, weights=sizes). Or use a Keras metric.",
    )
