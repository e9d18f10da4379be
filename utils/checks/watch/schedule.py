"""Which calls are looked at: told by their number alone, so that findings need no clock."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """A few early calls, and one of every so many for as long as the loop runs.

    Attributes
    ----------
    early : tuple of int
        Numbers of calls, rising; the first call is number 1.
    every : int
    """

    early: tuple[int, ...]
    every: int

    def due(self, count: int) -> bool:
        """Whether the count-th call is one to look at."""
        return count % self.every == 0 or count in self.early

    def after(self, count: int) -> int:
        """Return the number of the next call to look at after the count-th."""
        regular = (count // self.every + 1) * self.every
        return min(number for number in (*self.early, regular) if number > count)
