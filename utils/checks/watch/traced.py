"""Traced functions as they are called: every call counted, a few looked at closely."""

import math

import tensorflow as tf
from tensorflow.python.eager import record

from .events import Event, rows_of, shape_of
from .patching import SWITCHBOARD
from .steps import Frame, TracedStep, analyse
from .tee import tee

LATE = 4  # batches of a compiled epoch that are seen again at the end


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
        self._ran = 0
        self.latest = None  # the step with a loss that ran last, its number, and its inputs

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
            self._recorder.count(step.analysis.outside, times)
            for passage in step.analysis.passages:
                self._passes(passage, times)
                self._recorder.count(passage.part, times * passage.usual)

    def _passes(self, passage, times: int) -> None:
        if not passage.iterates:  # an iterator was asked for by the loop, and that was seen
            self._recorder.play(Event("passes", passage, {}, {"times": times}), None)

    def before(self, graph, inputs, function) -> list:
        """Look at a call that is about to run on these inputs; return those it shall run on."""
        step = self._steps.get(id(graph)) or self._add(graph, function)
        if step.analysis is None:
            return inputs
        if not step.analysis.lock.acquire(blocking=False):
            self._wait(step)
            return inputs
        self.settle()
        try:
            with SWITCHBOARD.quiet():
                self._try_for_nan(step)
                return self._look(step, inputs)
        finally:
            step.next = step.analysis.schedule.after(step.calls)
            step.analysis.replay.root.forget()
            step.analysis.lock.release()

    def _look(self, step, inputs) -> list:
        analysis, given = step.analysis, inputs
        try:
            analysis.replay.feed(inputs)
            if analysis.drawing is not None:
                given = tee(analysis.replay.root, analysis.drawing, inputs)
            self._play(analysis, step.chosen(analysis.outside))
            step.last = [Frame(analysis.outside, inputs, analysis.replay.root, analysis.drawn())]
            for passage in analysis.passages:
                given = passage.open(self, given)
        except Exception as problem:
            self._recorder.missed(self, problem)
        return given

    def _show(self, analysis, frame, events) -> None:
        """Look at events on the values of a frame."""
        try:
            with SWITCHBOARD.quiet():
                analysis.replay.feed(frame.inputs)
                frame.scope.values |= frame.values
                self._play(analysis, events)
        finally:
            analysis.replay.root.forget()

    def _play(self, analysis, events) -> None:
        look = analysis.look()
        self.looks += 1
        with record.stop_recording():
            for event in events:
                self._recorder.play(event, look)

    def _add(self, graph, function) -> TracedStep:
        python = getattr(function, "python_function", None)
        analysis = None
        try:
            with SWITCHBOARD.quiet():
                analysis = analyse(graph, self._noted, self._read_graph, python)
        except Exception as problem:
            self._recorder.missed(self, problem)
        self._recorder.graph_added(graph)
        self._graphs.append(graph)
        step = self._steps[id(graph)] = TracedStep(analysis)
        step.calls = 1
        if analysis is not None:
            self._recorder.not_observed |= dict.fromkeys(analysis.missed, True)
        return step

    def passed(self, graph) -> None:
        """A call that was looked at has run: look at the batches that it drew by itself."""
        step = self._steps.get(id(graph))
        if step is None or step.analysis is None:
            return
        for passage in step.analysis.passages:
            log = passage.close(self)
            self._passes(passage, 1)
            frames = [step.frame(passage, batch) for batch in log.batches()]
            for frame in frames:
                self._show(step.analysis, frame, step.chosen(passage.part))
            self._recorder.count(passage.part, log.count - len(frames))
            step.last += frames[-LATE:]

    def returned(self, graph, inputs, outputs) -> None:
        """Try for NaN what a compiled training step gave, at once or a few calls later.

        Under XLA a bad label raises nothing; it makes the loss NaN, and with it every weight.
        So the batch that did it is to be found: the next would only show that all is lost.
        """
        step = self._steps.get(id(graph))
        if step is None:
            return
        step.recent.append(inputs)
        if step.rows:
            self._ran += 1
            self.latest = (step, self._ran, inputs[0])
        if step.accuracies:
            accuracies = _scalars_of(outputs, step.accuracies)
            self._recorder.step_returned(step, inputs[0], accuracies)
        if not step.scalars:
            return
        step.tail.append((inputs, outputs))
        if len(step.tail) >= step.patience:
            self._try_for_nan(step)

    def _try_for_nan(self, step) -> None:
        tail, step.tail = step.tail, []
        for inputs, outputs in tail:
            if not _finite(_scalars_of(outputs, step.scalars)):
                step.scalars = ()
                self._look_back(step, [t for part in inputs for t in part], ("cross_entropy",))
                return

    def let_go(self) -> None:
        """Try what is still to be tried for NaN, so that nobody but the loop keeps outputs."""
        with SWITCHBOARD.quiet():
            for step in self._steps.values():
                if step.tail:
                    self._try_for_nan(step)

    def raised(self, graph, inputs, problem) -> None:
        """Look at the losses and metrics of a call that raised, but for want of another batch."""
        step = self._steps.get(id(graph))
        if step is None or step.analysis is None:
            return
        if isinstance(problem, tf.errors.OutOfRangeError):
            if step is self._waiting:  # it was counted before it was known that it would not run
                self._times = max(0, self._times - 1)
        else:
            self._look_back(step, inputs, ("cross_entropy", "loss", "metric"), raised=problem)

    def _look_back(self, step, inputs, kinds, **what) -> None:
        self.settle()
        analysis = step.analysis
        frames = [Frame(analysis.outside, inputs, analysis.replay.root, {})]
        for passage in analysis.passages:
            batches = passage.close(self).batches()
            frames += [step.frame(passage, batch) for batch in batches[-1:]]
        for frame in frames:
            events = [
                Event(e.kind, e.subject, e.tensors, {**e.info, **what})
                for e in frame.part.events
                if e.kind in kinds
            ]
            self._show(analysis, frame, events)

    def again(self, metric, smaller_than: int) -> None:
        """Look again at what a metric's mean was given by the last call of an evaluation step.

        The short batch comes last, and that call may not have been looked at. A training step
        has moved the weights since; an evaluation step gives the same once more.
        """
        for step in self._steps.values():
            size = rows_of(step.recent[-1][0]) if step.recent else None
            if size is None or size >= smaller_than or step.analysis.trains:
                continue
            events = [
                Event("again", metric, e.tensors, {"size": size})
                for e in step.analysis.outside.metrics
                if e.kind == "metric" and e.subject is metric and _averages(e)
            ]
            if events:
                self._show(step.analysis, step.last_frames()[-1], events)

    def finish(self) -> None:
        """Look at what is still to be tried, and once more at the batches looked at last."""
        self.let_go()
        for step in self._steps.values():
            for frame in step.last_frames():
                self._show(step.analysis, frame, list(_late(frame.part.events)))

    def observed(self) -> dict:
        """Return how often traced functions ran."""
        return {"traced steps": sum(s.calls for s in self._steps.values())} if self._steps else {}

    def close(self) -> None:
        """Let go of all graphs."""
        for step in self._steps.values():
            for passage in step.analysis.passages if step.analysis is not None else ():
                passage.close(self)
        self._noted, self._graphs, self._steps, self._waiting = {}, [], {}, None
        self.latest = None


def _averages(event) -> bool:
    """Whether a metric was given one number, without a weight."""
    given = event.tensors
    plain = "second" not in given and given.get("sample_weight") is None
    return plain and shape_of(given.get("first")) == ()


def _late(events):
    """Yield what is to be seen again at the end: each loss, with the model called before it."""
    model = None
    for event in events:
        if event.kind == "model":
            model = event
        elif event.kind == "cross_entropy":
            yield Event("late", event.subject, event.tensors, {**event.info, "model": model})


def _scalars_of(outputs, places) -> list:
    flat = [outputs] if hasattr(outputs, "_numpy_internal") else tf.nest.flatten(outputs)
    return [flat[i] for i in places]


def _finite(scalars) -> bool:
    return all(math.isfinite(scalar._numpy_internal()) for scalar in scalars)
