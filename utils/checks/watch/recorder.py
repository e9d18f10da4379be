"""The listener: counts every step, looks closely at a few, and hands both to the subjects."""

import threading

import tensorflow as tf

from ..report import Finding
from .events import Event, Look, to_numpy
from .flow import Window
from .replay import Replay
from .tee import drawing, tee


def due(count: int, every: int) -> bool:
    """Whether the count-th call is one to look at: 1, 2, 4, 8, … and every so many."""
    return count & (count - 1) == 0 or count % every == 0


class TracedStep:
    """One traced function as the block sees it.

    Parameters
    ----------
    graph : FuncGraph
    noted : dict of int to list of Event
        What was noted while graphs were traced inside the block, by the graph's id.
    read : callable
        Takes a scope and returns events read from the graph's operations.
    """

    def __init__(self, graph, noted, read, function=None):
        self.graph = graph
        self.replay = Replay(graph)
        self.calls = 0
        self.events = []
        scopes = list(self.replay.root.walk())
        self.traced_here = any(id(s.graph) in noted for s in scopes)
        for scope in scopes:
            self.events += noted.get(id(scope.graph), [])
        more, self.missed = read(scopes, self.traced_here, function)
        self.events += more
        self.in_dataset = any(s.inside_dataset for s in scopes)
        # What has to be counted at every call, not only when we look.
        self.gradients = sum(event.kind == "gradient" for event in self.events)
        for event in self.events:
            event.info.setdefault("trains", self.gradients > 0)
        self.metrics = [e for e in self.events if e.kind in ("metric", "reset", "result")]
        self.drawing = drawing(self.replay.root)

    def look(self):
        """Return a reader of this step's values on the inputs fed last."""
        return Look(self._read)

    def _read(self, tensor):
        if getattr(tensor, "graph", None) is not None:
            return to_numpy(self.replay.read(tensor))
        return to_numpy(tensor)


class Recorder:
    """Receives events, keeps counts, and asks its subjects for findings.

    Parameters
    ----------
    subjects : list
        Objects with methods ``on_<kind>(event, look)`` and ``findings()``.
    read : callable
        Reads events from a graph that was traced before the block.
    """

    EVERY_EAGER = 16
    EVERY_TRACED = 256

    def __init__(self, subjects, read):
        self.subjects = subjects
        self._read_graph = read
        self._handlers = {}
        self._noted = {}
        self._graphs = []  # keeps ids in _noted from being used again
        self._steps = {}
        self._counts = {}
        self.train_steps = 0
        self.found = {}
        self.not_observed = {}
        self._window = Window()
        self._function = None  # the tf.function that is being called
        self._thread = threading.get_ident()
        for subject in subjects:
            subject.recorder = self
        self._on_call = [s.function_called for s in subjects if hasattr(s, "function_called")]
        self._on_return = [s.function_returned for s in subjects if hasattr(s, "function_returned")]

    def receive(self, event: Event) -> None:
        """Note an event of a traced graph, or play an eager one at once."""
        if event.kind in ("create", "losses"):
            self._play(event, None)
            return
        graph = None if tf.executing_eagerly() else tf.compat.v1.get_default_graph()
        if graph is not None:
            self._note(graph, event)
            return
        key = (event.kind, id(event.subject), event.info.get("ce"))
        count = self._counts[key] = self._counts.get(key, 0) + 1
        raised = "raised" in event.info
        if event.kind == "model":
            self._tick(("model", event.info["taped"]), tf.nest.flatten(event.info["outputs"]))
        elif event.kind in ("loss", "cross_entropy"):
            self._window.seed([event.tensors.get("result")])
        self._play(event, Look() if raised or due(count, self.EVERY_EAGER) else None)

    def _tick(self, key, outputs) -> None:
        """A model or a traced step has just given its outputs: look at what is done with them."""
        if threading.get_ident() != self._thread:
            return
        self._close_window()
        count = self._counts[key] = self._counts.get(key, 0) + 1
        if due(count, self.EVERY_TRACED):
            self._window.start()
            self._window.seed(outputs)

    def _close_window(self) -> None:
        flow = self._window.stop()
        if flow is not None:
            self._play(Event("flow", None, {}, {"flow": flow, "graph": False}), Look())

    def _note(self, graph, event) -> None:
        if id(graph) not in self._noted:
            self._graphs.append(graph)
        self._noted.setdefault(id(graph), []).append(event)
        if "raised" in event.info:
            self._play(event, Look())

    def _play(self, event, look) -> None:
        if event.kind == "gradient":
            self.train_steps += 1
        handlers = self._handlers.get(event.kind)
        if handlers is None:
            name = f"on_{event.kind}"
            handlers = [getattr(s, name) for s in self.subjects if hasattr(s, name)]
            self._handlers[event.kind] = handlers
        for handler in handlers:
            # Whatever goes wrong in looking must not stop the loop that is looked at.
            try:
                handler(event, look)
            except Exception as problem:
                self.missed(handler.__self__, problem)

    def missed(self, subject, problem: Exception) -> None:
        """Say in the report what could not be observed, for a fault of our own."""
        what = type(subject).__name__
        self.not_observed[f"{what}: {type(problem).__name__}: {str(problem)[:120]}"] = True

    def before_step(self, function, inputs) -> list:
        """A traced function is about to run on these inputs; return those it shall run on."""
        try:
            step = self._step(function)
        except Exception as problem:
            self.missed(self, problem)
            return inputs
        step.calls += 1
        look = None
        if due(step.calls, self.EVERY_TRACED) and step.events:
            step.replay.feed(inputs)
            if step.drawing is not None:
                inputs = tee(step.replay.root, step.drawing, inputs)
            look = step.look()
        if look is None:
            self.train_steps += step.gradients
            for event in step.metrics:
                self._play(event, None)
            return inputs
        for event in step.events:
            self._play(event, look)
        step.replay.root.forget()
        return inputs

    def after_step(self, function, outputs) -> None:
        """The traced function has run."""
        step = self._steps.get(id(function.graph))
        if step is not None and due(step.calls, self.EVERY_TRACED):
            self._tick(("step", id(function.graph)), tf.nest.flatten(outputs))
        elif self._window.open:
            self._close_window()

    def step_raised(self, function, inputs, problem) -> None:
        """The traced function raised: look at what it was given."""
        step = self._step(function)
        step.replay.feed(inputs)
        look = step.look()
        for event in step.events:
            if event.kind in ("cross_entropy", "loss", "metric"):
                info = {**event.info, "raised": problem}
                self._play(Event(event.kind, event.subject, event.tensors, info), look)
        step.replay.root.forget()

    def _step(self, function) -> TracedStep:
        graph = function.graph
        step = self._steps.get(id(graph))
        if step is None:
            python = getattr(self._function, "python_function", None)
            step = TracedStep(graph, self._noted, self._read_graph, python)
            self._steps[id(graph)] = step
            self.not_observed |= dict.fromkeys(step.missed, True)
        return step

    def function_called(self, function) -> None:
        """A tf.function is about to be called (and perhaps traced)."""
        self._function = function
        if self._window.open:
            self._close_window()
        for handler in self._on_call:
            handler(function)

    def function_returned(self, function, args) -> None:
        """A tf.function has been called."""
        for handler in self._on_return:
            handler(function, args)

    def add(self, finding: Finding) -> None:
        """Keep a finding; of several of one pitfall and severity, the first."""
        key = (finding.pitfall, finding.severity)
        entry = self.found.setdefault(key, [finding, self.train_steps, 0])
        entry[2] += 1

    def finish(self) -> None:
        """Take in what is still open."""
        self._close_window()

    def findings(self) -> list[Finding]:
        """Return what was found so far, one finding for each pitfall."""
        found = [entry[0] for entry in self.found.values()]
        for subject in self.subjects:
            try:
                found += subject.findings()
            except Exception as problem:
                self.missed(subject, problem)
        return found

    def observed(self) -> dict:
        """Return what was seen, for the report."""
        seen = {}
        for subject in self.subjects:
            seen |= subject.observed()
        if self.train_steps or self._steps:
            calls = {"traced steps": sum(s.calls for s in self._steps.values())}
            seen = {"training steps": self.train_steps} | (calls if self._steps else {}) | seen
        return seen

    def close(self) -> None:
        """Let go of graphs, tensors and objects of the loop."""
        self._function = None
        self.subjects, self._handlers, self._on_call, self._on_return = (), {}, (), ()
        self._noted, self._graphs, self._steps, self._counts = {}, [], {}, {}
