"""What `checks.watch` does per step is bounded: counts, not timings (those are in benchmarks/)."""

from utils import checks
from utils.checks.watch.recorder import EAGER
from utils.checks.watch.steps import HEAVY, LIGHT, PATIENCE

import gc
import itertools
import types

import keras
import loops
import pytest
import tensorflow as tf
from loops.outputs import SCCE

CODE = (type, types.ModuleType, types.FunctionType, types.CodeType, types.FrameType)


def prepare(compiled: bool, layers=()):
    """Return a function that trains for some steps, and the graph of its step if it has one."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((8,)), *layers, keras.layers.Dense(3)])
    optimizer, loss_fn = keras.optimizers.SGD(0.1), SCCE(from_logits=True)
    metric = keras.metrics.SparseCategoricalAccuracy()

    def step(x, y):
        with tf.GradientTape() as tape:
            scores = model(x, training=True)
            loss = loss_fn(y, scores)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        metric.update_state(y, scores)
        return loss

    x, y = (tf.constant(part) for part in loops.blobs(32))
    graph = None
    if compiled:
        step = tf.function(step)
        graph = step.get_concrete_function(x, y).graph

    def run(steps):
        for _ in range(steps):
            step(x, y)

    run(1)
    return run, graph


def test_few_of_a_thousand_compiled_steps_are_looked_at():
    run, graph = prepare(compiled=True)
    with checks.watch() as report:
        run(1000)
        traced = report._recorder.traced
        (step,) = traced._steps.values()
        replayed = step.analysis.replay.runs
        assert report.observed["traced steps"] == report.observed["training steps"] == 1000
        assert traced.looks <= 10
    # A look runs the forward half of the step at most.
    assert 0 < replayed <= traced.looks * len(graph.get_operations()) / 2


def test_a_look_is_cheap_once_it_is_known_what_is_read():
    run, _ = prepare(compiled=True)
    with checks.watch() as report:
        run(16)
        (step,) = report._recorder.traced._steps.values()
        replay = step.analysis.replay
        before, planned = replay.runs, replay._planned
        run(48)
        assert replay.runs - before <= len(replay._plan._steps)
        assert replay._planned == planned


def test_a_step_whose_forward_pass_is_heavy_is_looked_at_more_rarely():
    run, _ = prepare(compiled=True, layers=[keras.layers.Dense(4000), keras.layers.Dense(4000)])
    with checks.watch() as report:
        run(4)
        (step,) = report._recorder.traced._steps.values()
        assert step.analysis.schedule is HEAVY
        assert report._recorder.traced.looks == 1
        assert report.ok, str(report)


@pytest.mark.parametrize("schedule", [EAGER, LIGHT, HEAVY])
def test_looks_go_on_for_ever(schedule):
    due = [n for n in range(1, 2000) if schedule.due(n)]
    walked, number = [], 0
    while (number := schedule.after(number)) < 2000:
        walked.append(number)
    assert walked == due
    assert due[0] == 1
    assert max(b - a for a, b in itertools.pairwise(due)) <= schedule.every
    assert len(due) <= len(schedule.early) + 2000 // schedule.every


def held(recorder) -> int:
    """Count the objects that can be reached from the recorder, code apart."""
    seen, todo = set(), [recorder]
    while todo:
        thing = todo.pop()
        if id(thing) not in seen and not isinstance(thing, CODE):
            seen.add(id(thing))
            todo += gc.get_referents(thing)
    return len(seen)


@pytest.mark.parametrize(
    ("compiled", "steps", "schedule"), [(False, 800, EAGER), (True, 4000, LIGHT)]
)
def test_what_is_held_does_not_grow_with_the_steps(compiled, steps, schedule):
    run, _ = prepare(compiled)
    with checks.watch() as report:
        run(100)
        early = held(report._recorder)
        run(steps - 100)
        late = held(report._recorder)
    # Of a batch looked at four small objects may be kept (of 256 batches at most), of a step
    # that is only counted nothing, once its scalars have been tried for NaN.
    untried = 8 * PATIENCE if compiled else 0
    assert late - early <= 4 * (steps - 100) // schedule.every + untried
