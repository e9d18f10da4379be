"""A traced function as a block sees it: what happens in it, and how often it ran."""

import math
import threading
from collections import deque
from typing import NamedTuple

import tensorflow as tf

from .events import Look, shape_of, to_numpy
from .flow import TRANSPARENT
from .passages import passages
from .replay import Replay, Scope
from .schedule import Schedule
from .tee import drawing

KEPT = "_loss_and_found"
SETTLED = 16  # calls after which nothing new comes of what a graph does at every call alike

LIGHT = Schedule((1, 2, 4, 8, 16, 64), 256)
# A look runs the forward pass once more, about a third of a training step. Where that
# takes milliseconds, looks are spread so that they stay below 2 % of the steps.
HEAVY = Schedule((1, 32, 64), 128)
LONG = 256  # calls of which enough were looked at, so that the end need not be seen again
# Reading a scalar just computed takes microseconds, so several calls are tried for NaN
# together; meanwhile their batches are kept, if they are small.
PATIENCE = 32
SMALL = 2**16  # values
RECENT = 16  # calls whose inputs are kept, if they are small
HEAVY_WORK = 3e8  # floating-point operations: ten milliseconds or so on two cores


class Part:
    """Events that happen together, once each.

    Attributes
    ----------
    events : list of Event
    lasting : list of Event
        Those that may tell something new at every look.
    metrics, gradients : list of Event, int
        What has to be counted at every call, not only when we look.
    """

    def __init__(self, events):
        self.events = events
        self.lasting = [e for e in events if e.kind != "seed"]
        self.metrics = [e for e in events if e.kind in ("metric", "reset", "result")]
        self.gradients = sum(event.kind == "gradient" for event in events)


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

    Attributes
    ----------
    rows : bool
        Whether its losses are of one row of scores per example.
    name, key : str, int
        Of the Python function, which may be traced several times.
    scalars, accuracies : tuple of int
        Which of its flattened outputs are scalars, and of these, means of comparisons.
    """

    def __init__(self, graph, noted, read, function):
        self.replay = Replay(graph)
        self.lock = threading.Lock()
        scopes = list(self.replay.root.walk())
        self.traced_here = any(id(s.graph) in noted for s in scopes)
        pairs = [(s, event) for s in scopes for event in noted.get(id(s.graph), [])]
        more, self.missed = read(scopes, self.traced_here, function)
        pairs += more
        self.trains = any(event.kind == "gradient" for _, event in pairs)
        for _, event in pairs:
            event.info.setdefault("trains", self.trains)
        self.drawing = drawing(self.replay.root)
        self.passages = passages(self.replay) if self.drawing is None else []
        within = {id(s): p for p in self.passages for s in p.scope.walk()}
        for passage in self.passages:
            mine = [event for s, event in pairs if within.get(id(s)) is passage]
            passage.part = Part(mine)
        self.outside = Part([event for s, event in pairs if id(s) not in within])
        self.scalars = _scalars(graph)
        self.accuracies = _accuracies(self.replay, graph, self.scalars)
        self.name = getattr(function, "__name__", "a compiled step")
        self.key = id(function or graph)
        self.patience = PATIENCE if _values(graph.inputs) <= SMALL else 1
        losses = [e for e in self.outside.events if e.kind == "cross_entropy"]
        scores = [shape_of(e.tensors["y_pred"]) for e in losses if e.info["metric"] is None]
        self.rows = bool(scores) and all(s is not None and len(s) == 2 for s in scores)

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


class Frame(NamedTuple):
    """The values on which a part is looked at: a call's inputs, and a batch drawn inside."""

    part: Part
    inputs: list
    scope: Scope
    values: dict


class TracedStep:
    """An analysis and one block's count of calls."""

    __slots__ = (
        "accuracies", "analysis", "calls", "last", "next", "patience", "recent", "rows", "scalars",
        "tail",
    )  # fmt: skip

    def __init__(self, analysis):
        self.analysis = analysis
        self.calls = 0
        self.last = []  # the frames it was last looked at with
        self.next = 1  # the number of the next call to look at
        # Where its outputs may show NaN, until they have.
        self.scalars = analysis.scalars if analysis is not None and analysis.trains else ()
        self.tail = []  # inputs and outputs of calls whose scalars are still to be tried
        self.accuracies = () if analysis is None else analysis.accuracies
        self.rows = analysis is not None and analysis.rows
        self.patience = 1 if analysis is None else analysis.patience
        self.recent = deque(maxlen=self._remembered())  # inputs of the last calls

    def chosen(self, part) -> list:
        """Return the events of a part that may still tell something new."""
        return part.events if self.calls <= SETTLED else part.lasting

    def _remembered(self) -> int:
        """Return of how many calls the inputs are kept, to be seen once more at the end."""
        analysis = self.analysis
        if analysis is None or analysis.drawing is not None or analysis.passages:
            return 0  # the batches are drawn inside
        told = any(e.kind in ("cross_entropy", "metric") for e in analysis.outside.events)
        return told * (RECENT if self.patience == PATIENCE else 1)

    def last_frames(self) -> list[Frame]:
        """Return the frames it was last looked at with, and those of its last calls.

        A short run is looked at a few times only, and the calls at its end tell what came of it.
        """
        if self.analysis is None:
            return []
        outside, scope = self.analysis.outside, self.analysis.replay.root
        few = self.analysis.schedule is HEAVY or self.calls > LONG
        recent = list(self.recent)[-1 if few else 0 :]
        flat = [[t for part in inputs for t in part] for inputs in recent]
        return self.last + [Frame(outside, inputs, scope, {}) for inputs in flat]

    def frame(self, passage, batch) -> Frame:
        """Return the frame of a batch that came in at a passage, in the call looked at last."""
        return Frame(passage.part, self.last[0].inputs, passage.scope, passage.values(batch))


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


def _accuracies(replay, graph, places) -> tuple[int, ...]:
    """Return which of the scalars are means of comparisons."""
    outputs = tf.nest.flatten(graph.structured_outputs)
    found = []
    for place in places:
        scope, tensor = replay.source(replay.root, outputs[place])
        means = 0
        while tensor.op.type in TRANSPARENT or tensor.op.type == "Mean":
            means += tensor.op.type == "Mean"
            scope, tensor = replay.source(scope, tensor.op.inputs[0])
        if means and tensor.op.type in ("Equal", "InTopKV2"):
            found.append(place)
    return tuple(found)


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
