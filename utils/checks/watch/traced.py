"""Traced functions as they are called: every call counted, a few looked at closely."""

import math

import tensorflow as tf
from tensorflow.python.eager import record

from .events import Event
from .patching import SWITCHBOARD
from .steps import TracedStep, analyse
from .tee import tee

SETTLED = 16  # calls after which nothing new comes of what a graph does at every call alike


class TracedSteps:
    """The traced functions of one block.

    A call that is not looked at costs a few microseconds: it is counted, and the scalars it
    returned are tried for NaN. What metrics and counters make of the calls is settled when
    something else happens.

    Parameters
    ----------
    recorder : Recorder
    read : callable
        Reads events from a graph that was traced before the block.
    """

    def __init__(self, recorder, read):
        self._recorder = recorder
        self._read_graph = read
        self._noted = {}
        self._graphs = []  # keeps ids in _noted from being used again
        self._steps = {}
        self._waiting = None  # the step whose last calls are still to be settled
        self._times = 0
        self.looks = 0

    def note(self, graph, event: Event) -> None:
        """Keep an event of a graph that is being traced."""
        if id(graph) not in self._noted:
            self._graphs.append(graph)
        self._noted.setdefault(id(graph), []).append(event)

    def counted(self, graph) -> bool:
        """Count a call that is about to run; return whether it is one to look at."""
        if self._recorder.window.open:
            self._recorder.close_window()
        step = self._steps.get(id(graph))
        if step is None:
            return True
        step.calls += 1
        if step.calls >= step.next:
            return True
        self._wait(step)
        return False

    def _wait(self, step) -> None:
        if step is not self._waiting:
            self.settle()
            self._waiting = step
        self._times += 1

    def settle(self) -> None:
        """Let the subjects know of the calls that were only counted."""
        step, times = self._waiting, self._times
        self._waiting, self._times = None, 0
        if step is not None and step.analysis is not None:
            self._recorder.count(step.analysis, times)

    def before(self, graph, inputs, function) -> list:
        """Look at a call that is about to run on these inputs; return those it shall run on."""
        step = self._steps.get(id(graph)) or self._add(graph, function)
        if step.analysis is None:
            return inputs
        if not step.analysis.lock.acquire(blocking=False):
            self._wait(step)
            return inputs
        self.settle()
        SWITCHBOARD.silent = True
        try:
            inputs = self._look(step.analysis, inputs, step.calls <= SETTLED)
            step.last = (inputs, step.analysis.drawn())
            return inputs
        finally:
            step.next = step.analysis.schedule.after(step.calls)
            step.analysis.replay.root.forget()
            step.analysis.lock.release()
            SWITCHBOARD.silent = False

    def _look(self, analysis, inputs, early) -> list:
        try:
            analysis.replay.feed(inputs)
            if analysis.drawing is not None:
                inputs = tee(analysis.replay.root, analysis.drawing, inputs)
            self._play(analysis, analysis.events if early else analysis.lasting, {})
        except Exception as problem:
            self._recorder.missed(self, problem)
        return inputs

    def _play(self, analysis, events, what) -> None:
        look = analysis.look()
        self.looks += 1
        with record.stop_recording():
            for event in events:
                if what:
                    info = {**event.info, **what}
                    event = Event(event.kind, event.subject, event.tensors, info)
                self._recorder.play(event, look)

    def _add(self, graph, function) -> TracedStep:
        python = getattr(function, "python_function", None)
        analysis = None
        SWITCHBOARD.silent = True
        try:
            analysis = analyse(graph, self._noted, self._read_graph, python)
        except Exception as problem:
            self._recorder.missed(self, problem)
        finally:
            SWITCHBOARD.silent = False
        self._graphs.append(graph)
        step = self._steps[id(graph)] = TracedStep(analysis)
        step.calls = 1
        if analysis is not None:
            self._recorder.not_observed |= dict.fromkeys(analysis.missed, True)
        return step

    def failed(self, graph, outputs) -> bool:
        """Whether a compiled training step has just given NaN or infinity, for the first time.

        Under XLA a bad label raises nothing; it makes the loss NaN.
        """
        step = self._steps.get(id(graph))
        if step is None or not step.scalars:
            return False
        flat = [outputs] if hasattr(outputs, "_numpy_internal") else tf.nest.flatten(outputs)
        if all(math.isfinite(flat[i]._numpy_internal()) for i in step.scalars):
            return False
        step.scalars = ()
        return True

    def look_back(self, graph, inputs, problem=None) -> None:
        """Look at the losses of a call that gave NaN; at its metrics too if it raised."""
        step = self._steps.get(id(graph))
        if step is None or step.analysis is None:
            return
        self.settle()
        kinds = ("cross_entropy",) if problem is None else ("cross_entropy", "loss", "metric")
        what = {} if problem is None else {"raised": problem}
        analysis = step.analysis
        try:
            analysis.replay.feed(inputs)
            self._play(analysis, [e for e in analysis.events if e.kind in kinds], what)
        except Exception as error:
            self._recorder.missed(self, error)
        finally:
            analysis.replay.root.forget()

    def look_late(self) -> None:
        """See with the last weights the batches that steps were last looked at with."""
        for step in self._steps.values():
            if step.last is None:
                continue
            (inputs, drawn), analysis = step.last, step.analysis
            losses = [e for e in analysis.events if e.kind == "cross_entropy"]
            try:
                analysis.replay.feed(inputs)
                analysis.replay.root.values |= drawn
                late = [Event("late", e.subject, e.tensors, e.info) for e in losses]
                self._play(analysis, late, {})
            except Exception as error:
                self._recorder.missed(self, error)
            finally:
                analysis.replay.root.forget()

    def observed(self) -> dict:
        """Return how often traced functions ran."""
        return {"traced steps": sum(s.calls for s in self._steps.values())} if self._steps else {}

    def close(self) -> None:
        """Let go of all graphs."""
        self._noted, self._graphs, self._steps, self._waiting = {}, [], {}, None
