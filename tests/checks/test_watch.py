"""What `checks.watch` promises about the loop it watches: it changes and keeps nothing."""

from utils import checks
from utils.checks.watch.patching import SWITCHBOARD

import gc
import inspect
import threading
import weakref

import keras
import loops
import numpy as np
import pytest
import tensorflow as tf
from keras.src.backend.tensorflow import nn as keras_nn
from loops.outputs import SCCE, mlp
from tensorflow.python.eager import execute
from tensorflow.python.eager.polymorphic_function import concrete_function
from tensorflow.python.framework import ops
from tensorflow.python.ops import gen_nn_ops, nn_impl

PATCHED = [
    (keras.Loss, "__call__"),
    (keras.Metric, "__call__"),
    (keras.metrics.Mean, "update_state"),
    (keras.metrics.MeanMetricWrapper, "update_state"),
    (keras.Model, "__call__"),
    (keras.Model, "fit"),
    (keras.layers.Layer, "losses"),
    (tf.GradientTape, "gradient"),
    (keras.optimizers.Optimizer, "apply"),
    (keras_nn, "sparse_categorical_crossentropy"),
    (gen_nn_ops, "sparse_softmax_cross_entropy_with_logits"),
    (nn_impl, "sigmoid_cross_entropy_with_logits"),
    (keras.metrics.sparse_categorical_accuracy, "__code__"),
    (concrete_function.ConcreteFunction, "_call_flat"),
    (ops._EagerTensorBase, "numpy"),
    (ops._EagerTensorBase, "_numpy"),
    (inspect.unwrap(np.mean), "__code__"),
    (inspect.unwrap(np.mean), "__kwdefaults__"),
    (inspect.unwrap(np.average), "__code__"),
    (execute, "execute"),
]


def standing():
    absent = object()
    return [
        (getattr(owner, name, absent), vars(owner).get(name, absent) is not absent)
        for owner, name in PATCHED
        if name not in ("losses",)
    ] + [vars(keras.layers.Layer)["losses"]]


def build(route="eager", activation=None, from_logits=True, dropout=0.0):
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(16, "relu"),
            keras.layers.Dropout(dropout),
            keras.layers.Dense(3, activation),
        ]
    )
    optimizer, loss_fn = keras.optimizers.Adam(0.01), SCCE(from_logits=from_logits)
    metric = keras.metrics.SparseCategoricalAccuracy()

    def step(x, y):
        with tf.GradientTape() as tape:
            p = model(x, training=True)
            loss = loss_fn(y, p)
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables, strict=True))
        metric.update_state(y, p)
        return loss

    if route != "eager":
        step = tf.function(step, jit_compile=route == "xla")
    step.metric = metric
    data = tf.data.Dataset.from_tensor_slices(loops.blobs()).shuffle(256, seed=5).batch(32)
    return model, step, data


def run(step, data, epochs=2):
    losses = []
    for _ in range(epochs):
        losses += [float(step(x, y)) for x, y in data]
        step.metric.reset_state()
    return losses


@pytest.mark.parametrize("route", ["eager", "graph", "xla"])
@pytest.mark.parametrize("traced_before", [False, True])
def test_numbers_are_the_same_to_the_last_bit(route, traced_before):
    results = []
    for watched in (False, True):
        model, step, data = build(route, dropout=0.3)
        tf.random.uniform([2])
        if traced_before:
            run(step, data.take(1), 1)
        if watched:
            with checks.watch() as report:
                losses = run(step, data)
            assert report.ok, str(report)
        else:
            losses = run(step, data)
        draw = tf.random.uniform([3]).numpy()
        results.append([*(v.numpy() for v in model.variables), np.array(losses), draw])
    for bare, seen in zip(*results, strict=True):
        np.testing.assert_array_equal(bare, seen)


def test_fit_is_the_same_to_the_last_bit():
    results = []
    for watched in (False, True):
        keras.utils.set_random_seed(3)
        model = mlp(3)
        model.compile("adam", SCCE(from_logits=True), metrics=["accuracy"])
        x, y = loops.blobs(101)
        data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(101).batch(16)
        if watched:
            with checks.watch() as report:
                history = model.fit(data, epochs=3, verbose=0, validation_data=(x, y))
            assert report.ok, str(report)
        else:
            history = model.fit(data, epochs=3, verbose=0, validation_data=(x, y))
        curves = [np.array(values) for values in history.history.values()]
        results.append([*(v.numpy() for v in model.variables), *curves])
    for bare, seen in zip(*results, strict=True):
        np.testing.assert_array_equal(bare, seen)


@pytest.mark.parametrize("problem", [None, ValueError, KeyboardInterrupt])
def test_everything_is_put_back(problem):
    before = standing()

    class Own(keras.metrics.Metric):
        def update_state(self, y_true, y_pred):
            pass

        def result(self):
            return 0.0

    method = Own.update_state
    try:
        with checks.watch(), checks.watch():
            assert keras.Loss.__call__ is not before[0][0]
            model, step, data = build("graph")
            run(step, data.take(2), 1)
            Own()(1, 2)
            if problem:
                raise problem
    except (ValueError, KeyboardInterrupt):
        assert problem
    assert standing() == before
    assert Own.update_state is method
    assert not SWITCHBOARD.listeners
    assert not SWITCHBOARD.stack


def test_nested_blocks_see_the_same():
    model, step, data = build("eager", from_logits=False)
    with checks.watch() as outer:
        with checks.watch() as inner:
            run(step, data, 1)
        assert {f.pitfall for f in inner.alarms} == {"logits-as-probabilities"}
    assert {f.pitfall for f in outer.alarms} == {"logits-as-probabilities"}


def test_threads_leave_in_any_order():
    before = standing()
    first_in, second_in, first_out = (threading.Event() for _ in range(3))

    def first():
        with checks.watch():
            first_in.set()
            second_in.wait(10)
        first_out.set()

    def second():
        first_in.wait(10)
        with checks.watch():
            second_in.set()
            first_out.wait(10)

    threads = [threading.Thread(target=f) for f in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert standing() == before


def test_a_loop_in_another_thread_is_seen():
    model, step, data = build("eager", from_logits=False)
    with checks.watch() as report:
        thread = threading.Thread(target=run, args=(step, data, 1))
        thread.start()
        thread.join()
    assert "logits-as-probabilities" in {f.pitfall for f in report.alarms}


@pytest.mark.parametrize("route", ["eager", "graph"])
def test_a_fault_that_begins_at_step_500_is_found(route):
    model, step, _ = build(route)
    x, y = loops.blobs()
    stream = list(loops.batches(x, y))
    with checks.watch() as report:
        for i in range(600):
            xb, yb = stream[i % len(stream)]
            labels = yb / 255 if i >= 500 else yb
            step(tf.constant(xb), tf.constant(labels, tf.float32))
    assert {f.pitfall for f in report.alarms} == {"fractional-labels"}, str(report)


def test_the_report_can_be_read_inside_the_block():
    model, step, data = build("eager", from_logits=False)
    with checks.watch() as report:
        assert not report.ok
        run(step, data.take(1), 1)
        assert "logits-as-probabilities" in {f.pitfall for f in report}
        assert "logits-as-probabilities" in str(report)


def test_nothing_observed_is_not_ok():
    with checks.watch() as report:
        pass
    assert not report.ok
    with pytest.raises(checks.CheckFailed):
        report.raise_if_failed()


def test_nothing_of_the_loop_is_kept():
    model, step, data = build("graph")
    with checks.watch() as report:
        run(step, data, 1)
    gone = weakref.ref(model)
    del model, step, data
    keras.utils.clear_session()
    gc.collect()
    assert gone() is None
    assert report.ok


def test_the_exception_of_the_loop_comes_out():
    with pytest.raises(ValueError, match="rank"), checks.watch() as report:
        SCCE()(np.eye(4, dtype="float32"), np.full((4, 4), 0.25, "float32"))
    assert [f.pitfall for f in report.alarms] == ["one-hot-labels"]
