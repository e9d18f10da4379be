"""A traced function as a block sees it: what happens in it, and how often it ran."""

import math
import threading

import tensorflow as tf

from .events import Look, to_numpy
from .replay import Replay
from .schedule import Schedule
from .tee import drawing

KEPT = "_loss_and_found"

LIGHT = Schedule((1, 2, 4, 8, 16, 64), 256)
# A look runs the forward pass once more, about a third of a training step. Where that
# takes milliseconds, looks are spread so that they stay below 2 % of the steps.
HEAVY = Schedule((1, 32, 64), 128)
# Reading a scalar just computed takes microseconds, so several calls are tried for NaN
# together; meanwhile their batches are kept, if they are small.
PATIENCE = 8
SMALL = 2**18  # values
HEAVY_WORK = 3e8  # floating-point operations: ten milliseconds or so on two cores


class Analysis:
    """What a graph tells, whoever looks at it.

    Parameters
    ----------
    graph : FuncGraph
    noted : dict of int to list of Event
        What was noted while graphs were traced inside the block, by the graph's id.
    read : callable
        Takes scopes, whether they were traced here, and the Python function; returns events
        read from operations, and what could not be read.
    function : callable, optional
        The Python function that was traced.
    """

    def __init__(self, graph, noted, read, function):
        self.replay = Replay(graph)
        self.lock = threading.Lock()
        scopes = list(self.replay.root.walk())
        self.traced_here = any(id(s.graph) in noted for s in scopes)
        self.events = [event for s in scopes for event in noted.get(id(s.graph), [])]
        more, self.missed = read(scopes, self.traced_here, function)
        self.events += more
        # What has to be counted at every call, not only when we look.
        self.gradients = sum(event.kind == "gradient" for event in self.events)
        for event in self.events:
            event.info.setdefault("trains", self.gradients > 0)
        self.lasting = [e for e in self.events if e.kind != "seed"]
        self.metrics = [e for e in self.events if e.kind in ("metric", "reset", "result")]
        self.drawing = drawing(self.replay.root)
        self.scalars = _scalars(graph)
        self.patience = PATIENCE if _values(graph.inputs) <= SMALL else 1

    @property
    def schedule(self) -> Schedule:
        """Which calls to look at: fewer where a look takes as long as a forward pass."""
        return HEAVY if self.replay.work > HEAVY_WORK else LIGHT

    def drawn(self) -> dict:
        """Return the batch that was drawn ahead for the step, by the names of its tensors."""
        if self.drawing is None:
            return {}
        values = self.replay.root.values
        return {t.name: values[t.name] for t in self.drawing.outputs if t.name in values}

    def look(self) -> Look:
        """Return a reader of values on the inputs fed last."""
        return Look(self._read)

    def _read(self, tensor):
        if getattr(tensor, "graph", None) is not None:
            return to_numpy(self.replay.read(tensor))
        return to_numpy(tensor)


class TracedStep:
    """An analysis and one block's count of calls."""

    __slots__ = ("analysis", "calls", "last", "next", "patience", "scalars", "tail")

    def __init__(self, analysis):
        self.analysis = analysis
        self.calls = 0
        self.last = None  # the inputs it was last looked at with, and the batch drawn for it
        self.next = 1  # the number of the next call to look at
        # Where its outputs may show NaN, until they have.
        self.scalars = analysis.scalars if analysis is not None and analysis.gradients else ()
        self.tail = []  # inputs and outputs of calls whose scalars are still to be tried
        self.patience = 1 if analysis is None else analysis.patience


def _values(tensors) -> float:
    """Return how many values tensors hold at most, without bound where a shape is open."""
    sizes = [t.shape.num_elements() for t in tensors if t.dtype not in (tf.resource, tf.variant)]
    return math.inf if None in sizes else sum(sizes)


def _scalars(graph) -> tuple[int, ...]:
    """Return where a function's flattened outputs hold floating-point scalars."""
    outputs = tf.nest.flatten(graph.structured_outputs)
    return tuple(
        i for i, t in enumerate(outputs) if tf.is_tensor(t) and t.dtype.is_floating
        and t.shape.rank == 0
    )  # fmt: skip


def analyse(graph, noted, read, function) -> Analysis:
    """Return the analysis of a graph; of one traced before the block it is made once.

    It is kept on the graph itself and goes with it. What was traced inside a block has
    events of that block and is not kept.
    """
    kept = getattr(graph, KEPT, None)
    if kept is not None and id(graph) not in noted:
        return kept
    analysis = Analysis(graph, noted, read, function)
    if not analysis.traced_here:
        setattr(graph, KEPT, analysis)
    return analysis
