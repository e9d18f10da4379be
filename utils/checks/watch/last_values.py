"""Accuracies that a compiled step returns: which of them the loop ever reads."""

import weakref
from collections import deque

from ..report import Finding
from .events import rows_of
from .subject import Subject

KEPT = 16  # values before the last, to see whether the loop keeps them
LEAST = 3  # steps that make a pass, and passes that make a habit


class Returned:
    """One accuracy among a step's outputs, and when it was read.

    The loop must be seen to let the values before the last go: neither read, nor kept, nor
    passed on to an operation or a metric.
    """

    def __init__(self, name: str):
        self.name = name
        self.tensor = self._pass = None
        self._inputs = ()
        self._before = deque(maxlen=KEPT)  # weak references to values returned before it
        self._calls = 0  # in this pass
        self._read_at = None  # after how many of them it was read
        self.passes = self.ends = 0  # passes, and those in which only the last value was read
        self.used = False  # whether a value before the last was of use
        self.calls = 0
        self.shown, self.size = [], None

    def give(self, tensor, inputs, passing: int) -> None:
        """Take in what a call returned in a pass over the data."""
        if passing != self._pass:
            self.end_pass()
            self._pass = passing
        else:
            self._before.append(weakref.ref(self.tensor))
        self.tensor, self._inputs = tensor, inputs
        self._calls += 1
        self.calls += 1

    def read(self, number) -> None:
        """Take in that the value returned last was read."""
        kept = any(reference() is not None for reference in self._before)
        self.used |= kept or self._read_at not in (None, self._calls)
        self._read_at = self._calls
        self.size = rows_of(self._inputs)
        self.shown = [*self.shown[-3:], float(number)]

    def end_pass(self) -> None:
        """Judge the pass that is over."""
        if self._calls:
            self.passes += 1
            self.ends += self._calls >= LEAST and self._read_at == self._calls
        self._calls, self._read_at = 0, None
        self._before.clear()

    def verdict(self) -> int:
        """Return in how many passes the last value was read, if no other was of use."""
        passes = self.passes + bool(self._calls)
        ends = self.ends + (self._calls >= LEAST and self._read_at == self._calls)
        return ends if not self.used and passes == ends >= LEAST else 0


class LastValues(Subject):
    """Watches what becomes of the accuracies that compiled steps return."""

    def __init__(self):
        self._returned = {}
        self._passes = 0

    def on_iterate(self, event, look) -> None:
        self._passes += 1

    def step_returned(self, step, inputs, tensors) -> None:
        """A compiled step has returned these accuracies for these inputs."""
        if not self._passes:
            return  # without a dataset it is not told where a pass ends
        for index, tensor in enumerate(tensors):
            key = step.analysis.key, index
            if key not in self._returned:
                self._returned[key] = Returned(step.analysis.name)
            self._returned[key].give(tensor, inputs, self._passes)

    def value_read(self, tensor, number) -> None:
        """A scalar was turned into a number."""
        for entry in self._returned.values():
            if entry.tensor is tensor and not entry.used:
                self.recorder.traced.let_go()
                entry.read(number)

    def on_metric(self, event, look) -> None:
        self._use(event.tensors.values())

    def on_flow(self, event, look) -> None:
        if self._returned and not event.info["graph"]:
            for op in event.info["flow"].operations:
                self._use(op.inputs)

    def _use(self, tensors) -> None:
        for entry in self._returned.values():
            entry.used |= any(tensor is entry.tensor for tensor in tensors)

    def findings(self) -> list[Finding]:
        entries = [(entry, entry.verdict()) for entry in self._returned.values()]
        return [_last_value(entry, count) for entry, count in entries if count]


def _last_value(entry, count) -> Finding:
    shown = ", ".join(f"{value:.4g}" for value in entry.shown)
    size = "" if entry.size is None else f" of {entry.size} examples"
    return Finding(
        "last-batch-metric",
        "warning",
        f"{entry.name} returned the accuracy of a batch {entry.calls} times, and the loop read it "
        f"only after the last step of a pass, the last times as {shown}. That is the accuracy of "
        f"the last batch{size}, not of the epoch: all other values were dropped.",
        {"returned": entry.calls, "read": count, "examples": entry.size or "unknown"},
        "Update a metric object in every step and read its result() at the end of the epoch.",
    )
