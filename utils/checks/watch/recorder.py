"""The listener: counts every step, looks closely at a few, and hands both to the subjects."""

import threading

import numpy as np
import tensorflow as tf

from ..report import Finding
from .events import Event, Look, is_eager
from .flow import Window
from .patching import SWITCHBOARD
from .steps import TracedStep, analyse
from .tee import tee


def due(count: int, every: int) -> bool:
    """Whether the count-th call is one to look at: 1, 2, 4, 8, 16, 64, 256, … and every so many."""
    power = count & (count - 1) == 0 and (count <= 16 or count.bit_length() % 2 == 1)
    return power or count % every == 0


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
    EVERY_TRACED = 512

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
        self._looked = False
        self._thread = threading.get_ident()
        for subject in subjects:
            subject.recorder = self
        self._counters = [s.count_call for s in subjects if hasattr(s, "count_call")]
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
        info = event.info  # calls outside the tape are counted apart: evaluation is rarer
        key = (event.kind, id(event.subject), info.get("ce"), info.get("taped"))
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
        step = self._steps.get(id(function.graph)) or self._new_step(function)
        if step is None:
            return inputs
        step.calls += 1
        self._looked = False
        analysis = step.analysis
        if not due(step.calls, self.EVERY_TRACED) or not analysis.lock.acquire(blocking=False):
            self.train_steps += analysis.gradients
            for event in analysis.metrics:
                for count in self._counters:
                    count(event)
            return inputs
        self._looked = SWITCHBOARD.silent = True
        try:
            analysis.replay.feed(inputs)
            if analysis.drawing is not None:
                inputs = tee(analysis.replay.root, analysis.drawing, inputs)
            look = analysis.look()
            for event in analysis.events:
                self._play(event, look)
            analysis.replay.root.forget()
        finally:
            analysis.lock.release()
            SWITCHBOARD.silent = False
        return inputs

    @property
    def attentive(self) -> bool:
        """Whether it wants to hear what a traced step gave."""
        return self._window.open or self._looked

    def after_step(self, function, outputs) -> None:
        """The traced function has run: see what the loop does with its outputs."""
        if self._window.open:
            self._close_window()
        step = self._steps.get(id(function.graph))
        if step is not None and due(step.calls, self.EVERY_TRACED):
            self._tick(("step", id(function.graph)), tf.nest.flatten(outputs))

    def step_gave(self, function, inputs, outputs) -> None:
        """A compiled training step has run: look at the first that gives NaN, whenever it comes.

        Under XLA a bad label raises nothing; it makes the loss NaN.
        """
        step = self._steps.get(id(function.graph))
        if step is None or step.failed or not step.analysis.gradients:
            return
        scalars = (t for t in tf.nest.flatten(outputs) if is_eager(t) and t.shape.rank == 0)
        if any(t.dtype.is_floating and not np.isfinite(t.numpy()) for t in scalars):
            step.failed = True
            try:
                self._look_back(step, inputs, {})
            except Exception as problem:
                self.missed(self, problem)

    def step_raised(self, function, inputs, problem) -> None:
        """The traced function raised: look at what it was given."""
        step = self._steps.get(id(function.graph))
        if step is None:
            return
        self._look_back(step, inputs, {"raised": problem})

    def _look_back(self, step, inputs, what) -> None:
        """Look at the losses and metrics of a step that went wrong."""
        step.analysis.replay.feed(inputs)
        look = step.analysis.look()
        for event in step.analysis.events:
            kinds = ("cross_entropy", "loss", "metric") if what else ("cross_entropy",)
            if event.kind in kinds:
                info = {**event.info, **what}
                self._play(Event(event.kind, event.subject, event.tensors, info), look)
        step.analysis.replay.root.forget()

    def _new_step(self, function) -> TracedStep | None:
        graph = function.graph
        python = getattr(self._function, "python_function", None)
        SWITCHBOARD.silent = True
        try:
            step = TracedStep(analyse(graph, self._noted, self._read_graph, python))
        except Exception as problem:
            self.missed(self, problem)
            return None
        finally:
            SWITCHBOARD.silent = False
        self._graphs.append(graph)
        self._steps[id(graph)] = step
        self.not_observed |= dict.fromkeys(step.analysis.missed, True)
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
        self._counters = ()
        self._noted, self._graphs, self._steps, self._counts = {}, [], {}, {}
