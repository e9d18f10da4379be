"""The listener: counts every step, looks closely at a few, and hands both to the subjects."""

import functools
import threading

import tensorflow as tf

from ..report import Finding
from .events import Event, Look
from .flow import Window
from .schedule import Schedule
from .traced import TracedSteps

EAGER = Schedule((1, 2, 4, 8), 16)
AT_ONCE = {"create", "losses", "mapped"}  # whatever is being traced
PASSING = {"gradient", "iterate", "reduce"}  # each has a subject of its own: a tape, a dataset
# What subjects are told without an event, by the names of their methods.
TOLD = (
    "count_call", "function_called", "function_returned", "graph_added", "value_read", "averaged",
    "step_returned",
)  # fmt: skip
WINDOWS = Schedule((1, 2, 4, 8, 16, 64), 256)


def shielded(method):
    """Let a fault of our own cost an observation, never the loop that is looked at."""

    @functools.wraps(method)
    def guarded(self, *args):
        try:
            return method(self, *args)
        except Exception as problem:
            self.missed(self, problem)
            return None

    return guarded


class Recorder:
    """Receives events, keeps counts, and asks its subjects for findings.

    Parameters
    ----------
    subjects : list
        Objects with methods ``on_<kind>(event, look)`` and ``findings()``.
    read : callable
        Reads events from a graph that was traced before the block.
    """

    def __init__(self, subjects, read):
        self.subjects = subjects
        self.traced = TracedSteps(self, read)
        self._handlers = {}
        self._counts = {}
        self.train_steps = 0
        self.found = {}
        self.not_observed = {}
        self.window = Window()
        self._modelled = False  # whether a Keras model was called
        self._function = None  # the tf.function that is being called
        self._returned = None  # the tf.function that returned last
        self._thread = threading.get_ident()
        for subject in subjects:
            subject.recorder = self
        self._told = {
            name: [getattr(s, name) for s in subjects if hasattr(s, name)] for name in TOLD
        }

    @shielded
    def receive(self, event: Event) -> None:
        """Note an event of a traced graph, or play an eager one at once."""
        self.traced.settle()
        if event.kind in AT_ONCE:
            self.play(event, None)
            return
        if not tf.executing_eagerly():
            self.traced.note(tf.compat.v1.get_default_graph(), event)
            if "raised" in event.info:
                self.play(event, Look())
            return
        info = event.info  # calls outside the tape are counted apart: evaluation is rarer
        subject = None if event.kind in PASSING else id(event.subject)
        key = (event.kind, subject, info.get("ce"), info.get("taped"))
        count = self._counts[key] = self._counts.get(key, 0) + 1
        if event.kind == "model":
            self._model_gave(info["taped"], tf.nest.flatten(info["outputs"]))
        elif event.kind in ("loss", "cross_entropy"):
            self.window.seed([event.tensors.get("result")])
        self.play(event, Look() if EAGER.due(count) or "raised" in info else None)

    def _model_gave(self, taped: bool, outputs) -> None:
        """A model has just given its outputs: look at what is done with them, now and then."""
        self._modelled = True
        key = ("outputs", taped)
        count = self._counts[key] = self._counts.get(key, 0) + 1
        self._see(outputs if WINDOWS.due(count) else None)

    @shielded
    def tape_opened(self) -> None:
        """A tape was opened: where no Keras model is called, an eager step begins with it."""
        if not self._modelled:
            count = self._counts["tape"] = self._counts.get("tape", 0) + 1
            self._see(() if WINDOWS.due(count) else None)

    def _see(self, outputs) -> None:
        """End the record of what the loop runs eagerly; begin one if there are outputs."""
        if threading.get_ident() != self._thread:
            return
        self.close_window()
        if outputs is not None:
            self.window.start()
            self.window.seed(outputs)

    def close_window(self) -> None:
        """End the record of what the loop runs eagerly, and hand it to the subjects."""
        flow = self.window.stop()
        if flow is not None:
            self.play(Event("flow", None, {}, {"flow": flow, "graph": False}), Look())

    def play(self, event, look) -> None:
        """Hand an event to every subject that wants its kind."""
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

    def count(self, part, times: int) -> None:
        """Count what happened in a traced step while it was not looked at."""
        # Resets among the updates make their order matter.
        updates = all(event.kind == "metric" for event in part.metrics)
        rounds, each = (1, times) if updates else (times, 1)
        for _ in range(rounds):
            self.train_steps += each * part.gradients
            for event in part.metrics:
                for count in self._told["count_call"]:
                    count(event, each)

    def missed(self, subject, problem: Exception) -> None:
        """Say in the report what could not be observed, for a fault of our own."""
        what = type(subject).__name__
        self.not_observed[f"{what}: {type(problem).__name__}: {str(problem)[:120]}"] = True

    @shielded
    def counted(self, graph) -> bool:
        """Count a call of a traced function; return whether it is one to look at."""
        return self.traced.counted(graph)

    @shielded
    def graph_added(self, graph) -> None:
        """A traced function runs for the first time in the block."""
        for handler in self._told["graph_added"]:
            handler(graph)

    def before_step(self, graph, inputs) -> list:
        """A traced function is about to run on these inputs; return those it shall run on."""
        try:
            return self.traced.before(graph, inputs, self._function)
        except Exception as problem:
            self.missed(self, problem)
            return inputs

    @shielded
    def returned(self, graph, inputs, outputs) -> None:
        """A traced function has run; inputs are two lists, those passed and those captured."""
        self.traced.returned(graph, inputs, outputs)

    @shielded
    def raised(self, graph, inputs, problem) -> None:
        """A traced function has raised."""
        self.traced.raised(graph, inputs, problem)

    @shielded
    def after_step(self, graph, outputs) -> None:
        """A call that was looked at has run: see what the loop does with its outputs."""
        self.traced.passed(graph)
        self._see(tf.nest.flatten(outputs))

    @shielded
    def function_called(self, function) -> None:
        """A tf.function is about to be called (and perhaps traced)."""
        self._function = function
        if self.window.open:
            self.close_window()
        for handler in self._told["function_called"]:
            handler(function)

    @shielded
    def function_returned(self, function, args) -> None:
        """A tf.function has been called."""
        if function is self._returned:
            return
        self._returned = function
        for handler in self._told["function_returned"]:
            handler(function, args)

    @shielded
    def value_read(self, tensor, number) -> None:
        """A scalar tensor was turned into a number."""
        for handler in self._told["value_read"]:
            handler(tensor, number)

    @shielded
    def averaged(self, values) -> None:
        """NumPy takes the plain mean of some values."""
        for handler in self._told["averaged"]:
            handler(values)

    def step_returned(self, step, inputs, accuracies) -> None:
        """A compiled step has returned accuracies among its outputs."""
        for handler in self._told["step_returned"]:
            handler(step, inputs, accuracies)

    @shielded
    def _settle(self) -> None:
        self.traced.settle()

    def add(self, finding: Finding) -> None:
        """Keep a finding; of several of one pitfall and severity, the first."""
        key = (finding.pitfall, finding.severity)
        entry = self.found.setdefault(key, [finding, self.train_steps, 0])
        entry[2] += 1

    @shielded
    def finish(self) -> None:
        """Take in what is still open, and look once more at what was looked at last."""
        self.close_window()
        self.traced.finish()

    def findings(self) -> list[Finding]:
        """Return what was found so far, one finding for each pitfall."""
        self._settle()
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
            try:
                seen |= subject.observed()
            except Exception as problem:
                self.missed(subject, problem)
        traced = self.traced.observed()
        if self.train_steps or traced:
            seen = {"training steps": self.train_steps} | traced | seen
        return seen

    def close(self) -> None:
        """Let go of graphs, tensors and objects of the loop."""
        self.traced.close()
        self._function = self._returned = None
        self.subjects, self._handlers, self._counts = (), {}, {}
        self._told = dict.fromkeys(TOLD, ())
