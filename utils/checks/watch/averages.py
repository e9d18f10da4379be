"""A mean of batch means beside the mean that weighs each batch by its examples."""

import numpy as np

ONCE = 0.25  # by what share of the right figure one reading must be off
TINY = 0.05  # or by what share if a tiny batch has the weight of sixteen of its size
LASTING = 0.12  # and by what share on average, if every reading is off to the same side
LEAST = 0.03  # below which a difference is nobody's concern


class Average:
    """What one metric was given since its last reset, and how its readings were off.

    A step that runs compiled tells its value only when it is looked at; then all batches but
    the short one are taken to be of the usual size.
    """

    def __init__(self):
        self.readings = []  # shown, right, largest batch, smallest batch, whether that is tiny
        self.usual = 0
        self.clear()

    def clear(self) -> None:
        """Begin a new epoch."""
        self._sum = self._weighted = 0.0
        self._count = self._examples = self._largest = self._smallest = 0
        self.short = None

    def add(self, value: float, size: int) -> None:
        """Take in the mean of one batch."""
        self._sum += value
        self._weighted += value * size
        self._count += 1
        self._examples += size
        self._largest = max(self._largest, size)
        self._smallest = min(self._smallest or size, size)

    def compare(self, values, sizes) -> None:
        """Take in the plain mean of some batches' means, and of how many examples each is."""
        right = float(np.average(values, weights=sizes))
        largest, smallest = int(sizes.max()), int(sizes.min())
        tiny = self._tiny(len(sizes), int(sizes.sum()), largest, smallest)
        self._off(float(values.mean()), right, largest, smallest, tiny)

    def glimpse(self, value: float, size: int) -> None:
        """Take in a batch of a compiled step that was looked at."""
        if size < self.usual:
            self.short = (value, size)
        self.usual = max(self.usual, size)

    def read(self, shown, count: int) -> None:
        """Take in a reading of the metric after so many updates."""
        if self._smallest < self._largest:
            right = self._weighted / self._examples
            tiny = self._tiny(self._count, self._examples, self._largest, self._smallest)
            self._off(self._sum / self._count, right, self._largest, self._smallest, tiny)
        elif self.short is not None and count > 1 and not self._count and shown is not None:
            value, size = self.short
            others = (shown * count - value) / (count - 1)
            full = (count - 1) * self.usual
            right = (full * others + size * value) / (full + size)
            tiny = self._tiny(count, full + size, self.usual, size)
            self._off(shown, right, self.usual, size, tiny)

    @staticmethod
    def _tiny(count: int, examples: int, largest: int, smallest: int) -> bool:
        """Whether the smallest batch of `count` has far more weight than its examples deserve."""
        return largest >= 16 * smallest and 1 / count - smallest / examples >= 0.1

    def _off(self, *reading) -> None:
        self.readings = [*self.readings[-63:], reading]

    def verdict(self):
        """Return the last of the readings that are off by a share that matters, or None."""
        off = [(shown - right) / max(abs(right), 1e-9) for shown, right, *_ in self.readings]
        far = [abs(shown - right) >= LEAST for shown, right, *_ in self.readings]
        if not off:
            return None
        if len(off) > 2:
            half = max(3, len(off) // 2)  # the later readings, when losses no longer fall fast
            off, far = off[-half:], far[-half:]
            one_side = abs(np.sign(off).sum()) == len(off)
            if one_side and np.mean(far) > 0.5 and abs(np.mean(off)) >= LASTING:
                return self.readings[-1]
            return None
        worst = int(np.argmax(np.abs(off)))
        enough = TINY if self.readings[worst][-1] else ONCE
        return self.readings[worst] if far[worst] and abs(off[worst]) >= enough else None
