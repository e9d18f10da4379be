"""A fault of our own costs an observation, never the loop that is looked at."""

from utils import checks
from utils.checks.watch import loud
from utils.checks.watch.flow import Window
from utils.checks.watch.functions import Functions
from utils.checks.watch.literals import Literals
from utils.checks.watch.metric_state import MetricStates
from utils.checks.watch.traced import TracedSteps

import keras
import numpy as np
import pytest
import tensorflow as tf

OURS = [
    (TracedSteps, "counted"),
    (TracedSteps, "before"),
    (TracedSteps, "returned"),
    (TracedSteps, "note"),
    (TracedSteps, "settle"),
    (TracedSteps, "finish"),
    (Functions, "function_called"),
    (Functions, "function_returned"),
    (Functions, "findings"),
    (Literals, "graph_added"),
    (MetricStates, "on_metric"),
    (MetricStates, "count_call"),
    (MetricStates, "observed"),
    (Window, "start"),
    (Window, "stop"),
]


def train(compiled: bool) -> list[np.ndarray]:
    """Train for a few steps; return the weights."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    optimizer, metric = keras.optimizers.SGD(0.1), keras.metrics.SparseCategoricalAccuracy()
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    x, y = tf.random.stateless_normal((6, 4), seed=(0, 0)), tf.constant([0, 1, 2, 0, 1, 2])

    def step():
        with tf.GradientTape() as tape:
            logits = model(x, training=True)
            loss = loss_fn(y, logits)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        metric.update_state(y, logits)
        return loss

    step = tf.function(step) if compiled else step
    for _ in range(6):
        step()
    metric.result()
    return model.get_weights()


def fall(*args, **kwargs):
    raise RuntimeError("a fault of the checks")


@pytest.mark.parametrize(("owner", "name"), OURS, ids=lambda v: getattr(v, "__name__", v))
def test_a_fault_of_ours_is_told_and_the_loop_goes_on(monkeypatch, owner, name):
    bare = [train(compiled) for compiled in (False, True)]
    monkeypatch.setattr(owner, name, fall)
    with checks.watch() as report:
        watched = [train(compiled) for compiled in (False, True)]
    for before, after in zip(bare, watched):
        for expected, got in zip(before, after):
            np.testing.assert_array_equal(got, expected)
    assert any("a fault of the checks" in told for told in report.not_observed)
    assert not report.ok


def test_the_loops_own_exception_comes_through(monkeypatch):
    monkeypatch.setattr(loud, "classify", fall)
    watch = checks.watch()
    report = watch.__enter__()
    train(compiled=True)
    problem = KeyError("the loop's own")
    assert watch.__exit__(KeyError, problem, None) is False
    assert any("a fault of the checks" in told for told in report.not_observed)
