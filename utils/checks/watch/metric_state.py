"""Metrics over the run: reset, shared, recreated, read too early, averaged over batches."""

import sys
import weakref
from collections import deque

import tensorflow as tf

from ..report import Finding
from .averages import Average
from .datasets import root_of
from .events import is_eager, shape_of
from .subject import Subject, name_of, remember


class State:
    """What happened to one metric object: a few numbers, whatever the number of steps."""

    def __init__(self, metric):
        self.metric = metric
        self.updates = 0  # in all
        self.called = 0  # of these, by metric(y, p)
        self.resets = 0
        self.reads = 0  # by result()
        self.consumed = 0  # values of metric(y, p) that were kept or converted
        self.numbers = []  # the last of them
        self.listed = 0  # of these numbers, those that outlived two more
        self.alone = 0  # updates that a reset followed before the next
        self.since = 0  # updates since the last reset
        self.ends = 0  # readings of a single update
        self.source = None  # the dataset that was iterated when it was first updated
        self.passes = (0, 0)  # of that dataset: at the first and the last update
        self.phase = None
        self.mixed = 0
        self.average = Average()


class MetricStates(Subject):
    """Watches when metrics are updated, read and reset."""

    def __init__(self):
        self.states = {}
        self.passes = {}
        self.source = None
        self.outputs = {}
        self.size = None
        self.repeats = 0
        self.fresh = {}
        self.single = {}
        self.made_at = {}
        self.batch = None
        self.same_batch = False
        self.inner = deque(maxlen=8)

    def on_iterate(self, event, look) -> None:
        self.source = root_of(event.subject)
        self.passes[self.source] = self.passes.get(self.source, 0) + 1

    def on_fit(self, event, look) -> None:
        # Keras' own mean of the loss: a model that overrides `metrics` may leave it without reset.
        self.inner.append(getattr(event.subject, "_loss_tracker", None))

    on_evaluate = on_fit

    def on_passes(self, event, look) -> None:
        """Take in passes through a dataset that were made inside a compiled function."""
        self.source = id(event.subject)
        self.passes[self.source] = self.passes.get(self.source, 0) + event.info["times"]

    def on_create(self, event, look) -> None:
        if event.info["of"] != "metric":
            return
        key = (type(event.subject).__name__, name_of(event.subject).rstrip("0123456789_"))
        before = self.fresh.get(key)
        state = self.states.get(before)
        steps = self.recorder.train_steps
        pace = steps - self.made_at.get(key, steps) <= 2  # one in a fold or a trial is no fault
        self.made_at[key] = steps
        if state is not None and state.updates == 1 and state.resets == 0 and pace:
            self.single[key] = self.single.get(key, 0) + 1
            del self.states[before]
        self.fresh[key] = id(event.subject)

    def on_model(self, event, look) -> None:
        x = event.tensors["x"]
        self.same_batch = x is self.batch
        self.batch = x
        first = event.info["outputs"]
        if not hasattr(first, "dtype"):
            first = next(iter(tf.nest.flatten(first)), None)
        if shape := shape_of(first):
            scores = look(first) if shape[0] is None and look else None
            self.size = shape[0] if scores is None else len(scores)
        for output in (event.info["outputs"],):
            self.outputs = remember(self.outputs, output, (output, event.info["taped"]), 4)

    def on_cross_entropy(self, event, look) -> None:
        shape = shape_of(event.tensors["y_pred"])
        if event.info["metric"] is None and shape:
            scores = look(event.tensors["y_pred"]) if shape[0] is None and look else None
            self.size = shape[0] if scores is None else len(scores)

    def _of(self, metric) -> State:
        state = self.states.get(id(metric))
        if state is None:
            state = self.states[id(metric)] = State(metric)
        return state

    def on_metric(self, event, look, times=1) -> None:
        state = self._of(event.subject)
        state.updates += times
        state.since += times
        state.called += times * event.info.get("by_call", False)
        now = self.passes.get(self.source, 0)
        if state.source is None:
            state.source, state.passes = self.source, (now, now)
        state.passes = (state.passes[0], self.passes.get(state.source, 0))
        self._phase(event, state)
        if "second" not in event.tensors and event.tensors.get("sample_weight") is None:
            self._average(event, state, look)

    def count_call(self, event, times) -> None:
        """Count updates in steps that are not looked at."""
        if event.kind == "metric":
            self.on_metric(event, None, times)
        elif event.kind == "reset":
            self.on_reset(event, None)

    def _phase(self, event, state) -> None:
        phase = event.info.get("trains")
        if phase is None:
            hit = self.outputs.get(id(event.tensors.get("second")))
            if hit is None:
                return
            phase = hit[1]
        if state.phase is not None and phase != state.phase:
            state.mixed += 1
        state.phase = phase

    def _average(self, event, state, look) -> None:
        """Follow a mean of batch means."""
        value = event.tensors.get("first")
        if shape_of(value) != () or not self.size:
            return
        if is_eager(value):
            state.average.add(float(value), self.size)
        elif look is not None and (seen := look(value)) is not None:
            state.average.glimpse(float(seen), self.size)

    def on_again(self, event, look) -> None:
        """Take in the last batch of a compiled evaluation, seen once more before the reading."""
        value = look(event.tensors["first"])
        if value is not None:
            self._of(event.subject).average.glimpse(float(value), event.info["size"])

    def on_reset(self, event, look) -> None:
        state = self._of(event.subject)
        state.average.clear()
        state.resets += 1
        state.alone += state.since == 1
        state.since = 0
        state.phase = None

    def on_result(self, event, look) -> None:
        if not event.info["by_call"]:
            state = self._of(event.subject)
            state.reads += 1
            state.ends += state.since == 1
            shown = float(event.info["value"]) if _is_scalar(event.info["value"]) else None
            if state.since > 1 and shown is not None:
                self.recorder.traced.again(event.subject, smaller_than=state.average.usual)
            state.average.read(shown, state.since)

    def on_called(self, event, look) -> None:
        """Remember whether the value of metric(y, p) outlives the step that made it."""
        state = self._of(event.subject)
        value = event.tensors["value"]
        if not hasattr(value, "numpy"):
            return
        kept = getattr(state, "values", ())
        if len(kept) == 2 and kept[0]() is not None:
            state.consumed += 1
        state.values = (*kept, weakref.ref(value))[-2:]

    def on_converted(self, event, look) -> None:
        for state in self.states.values():
            kept = getattr(state, "values", ())
            if kept and kept[-1]() is event.subject:
                state.consumed += 1
                self._kept(state, event.info)

    def _kept(self, state, info) -> None:
        """Count numbers that the loop still holds two conversions later, as a list does."""
        state.numbers.append(info["number"])
        if len(state.numbers) > 3:
            state.numbers.pop(0)
            # One reference is ours, one is the argument's.
            state.listed += sys.getrefcount(state.numbers[0]) > 2

    def findings(self) -> list[Finding]:
        found = []
        for state in self.states.values():
            if any(state.metric is metric for metric in self.inner):
                continue
            first, last = state.passes
            passes = last - first + 1
            if state.resets == 0 and passes >= 2 and state.updates >= 2 * passes:
                found.append(_not_reset(state, passes))
            elif state.mixed and state.mixed >= state.resets * 0.5 and state.reads:
                found.append(_shared(state))
            if _last_only(state):
                found.append(_last_batch(state))
            if self._running(state):
                found.append(_running(state))
            if (reading := state.average.verdict()) is not None:
                found.append(_ragged(state.metric, *reading[:4]))
        for (kind, _), count in self.single.items():
            passes = max(self.passes.values(), default=0)
            if count >= 4 and count > 1.5 * passes and not self.same_batch:
                found.append(_recreated(kind, count + 1))
        return found

    def _running(self, state) -> bool:
        every = state.called == state.updates >= 4 and state.reads == 0
        if state.resets == 0:
            return every and state.consumed >= 0.8 * (state.called - 2)
        rare = state.resets <= 0.25 * state.called
        return every and rare and state.called >= 8 and state.listed >= 0.8 * (state.called - 4)


def _is_scalar(value) -> bool:
    return is_eager(value) and shape_of(value) == ()


def _last_only(state) -> bool:
    """Whether every batch was followed by a reset, and only a few of them were read."""
    passes = state.passes[1] - state.passes[0] + 1
    if state.source is None or state.updates < 3 * passes:
        return False  # the data may be one batch
    read = 1 <= state.reads <= 0.25 * state.updates and state.ends == state.reads
    return state.updates >= 8 and not state.called and read and state.alone >= 0.9 * state.updates


def _last_batch(state) -> Finding:
    return Finding(
        "last-batch-metric",
        "warning",
        f"{name_of(state.metric)} was reset after almost every one of {state.updates} updates and "
        f"read {state.reads} time{'s' * (state.reads != 1)}, each time with one batch in it: what "
        "it shows is the last batch, not the epoch.",
        {"updates": state.updates, "resets": state.resets, "readings": state.reads},
        "Reset it once, at the start of the epoch.",
    )


def _not_reset(state, passes: int) -> Finding:
    return Finding(
        "metric-not-reset",
        "error",
        f"{name_of(state.metric)} was updated {state.updates} times over {passes} passes through "
        "the data and never reset: what it shows is the average since the beginning.",
        {"updates": state.updates, "passes": passes, "resets": 0},
        "Call metric.reset_state() at the start of every epoch and before validation.",
    )


def _shared(state) -> Finding:
    return Finding(
        "metric-not-reset",
        "error",
        f"{name_of(state.metric)} was updated on training batches and on evaluation batches "
        f"without a reset in between ({state.mixed} times): its value mixes the two.",
        {"updates": state.updates, "changes without reset": state.mixed, "resets": state.resets},
        "Use one metric object for training and another for validation, and reset both each epoch.",
    )


def _running(state) -> Finding:
    return Finding(
        "running-value",
        "warning",
        f"{name_of(state.metric)}(y, p) was called {state.called} times and its value kept each "
        "time. That value is not the batch's: it is the average over all batches since the last "
        "reset.",
        {"calls": state.called, "values kept": state.consumed, "resets": state.resets},
        "For one figure per batch, reset before each call or use the functional form; for one "
        "figure per epoch, read result() once at its end.",
    )


def _recreated(kind: str, count: int) -> Finding:
    return Finding(
        "metric-recreated",
        "warning",
        f"{count} objects of {kind} were made and each was updated once: a new metric in every "
        "step. Each knows only its own batch.",
        {"objects": count, "updates each": 1},
        "Make the metric once, before the loop, and reset it at the start of every epoch.",
    )


def _ragged(metric, shown, right, size, short) -> Finding:
    return Finding(
        "ragged-batch",
        "warning",
        f"{name_of(metric)} averages one value per batch, and batches hold from {short} to {size} "
        f"examples: it shows {shown:.4g}; weighted by examples the mean is {right:.4g}.",
        {"shown": shown, "per example": right, "smallest batch": short, "largest batch": size},
        "Pass the batch size: mean.update_state(loss, sample_weight=len(x)).",
    )
