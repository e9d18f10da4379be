"""Steps that were traced before the block, as in a notebook whose cells have been run."""

from utils import checks

import keras
import loops
import pytest
import tensorflow as tf
from loops.outputs import SCCE


def prepared(*, jit=False, loss=None, labels=lambda y: y, activation=None, training=True,
             add_losses=True, penalty=None):  # fmt: skip
    """Return a loop whose step has been traced already."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(16, "relu", kernel_regularizer=penalty),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(3, activation),
        ]
    )
    optimizer, loss_fn = keras.optimizers.Adam(0.01), loss or SCCE(from_logits=True)
    metric = keras.metrics.SparseCategoricalAccuracy()

    @tf.function(jit_compile=jit)
    def step(x, y):
        with tf.GradientTape() as tape:
            p = model(x, training=training)
            value = loss_fn(y, p)
            if penalty and add_losses:
                value += tf.add_n(model.losses)
        grads = tape.gradient(value, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables, strict=True))
        metric.update_state(y, p)
        return value

    x, y = loops.blobs()
    data = tf.data.Dataset.from_tensor_slices((x, labels(y))).batch(32)

    def run(epochs=2, reset=True):
        for _ in range(epochs):
            for batch in data:
                step(*batch)
            metric.result()
            if reset:
                metric.reset_state()

    run(1)
    return run


def named(run, **kwargs):
    with checks.watch() as report:
        run(**kwargs)
    return {f.pitfall for f in report.alarms}, report


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("penalty", [None, "l2"])
def test_a_healthy_step_is_silent_and_observed(jit, penalty):
    alarms, report = named(prepared(jit=jit, penalty=penalty))
    assert not alarms, str(report)
    assert report.ok, str(report)
    assert report.observed["training steps"] == 16
    assert report.observed["metrics"] == ("sparse_categorical_accuracy",)


CASES = {
    "logits-as-probabilities": {"loss": SCCE()},
    "fractional-labels": {"labels": lambda y: (y / 255).astype("float32")},
    "training-flag": {"training": False},
    "missing-regularisation": {"penalty": "l2", "add_losses": False},
    "summed-loss": {"loss": SCCE(from_logits=True, reduction="sum")},
    "vector-loss": {"loss": SCCE(from_logits=True, reduction="none")},
    "wrong-output-activation": {"activation": "relu"},
}


@pytest.mark.parametrize("pitfall", CASES)
def test_a_fault_is_named(pitfall):
    alarms, report = named(prepared(**CASES[pitfall]))
    assert alarms == {pitfall}, str(report)


def test_a_metric_never_reset():
    alarms, report = named(prepared(), reset=False, epochs=3)
    assert alarms == {"metric-not-reset"}, str(report)


def test_what_cannot_be_read_is_said():
    model, auc = keras.Sequential([keras.Input((8,)), keras.layers.Dense(3)]), keras.metrics.AUC()

    @tf.function
    def step(x, y):
        p = tf.nn.softmax(model(x))
        auc.update_state(tf.one_hot(y, 3), p)
        return tf.reduce_mean(p)

    x, y = (tf.constant(a) for a in loops.blobs())
    step(x, y)
    with checks.watch() as report:
        step(x, y)
    assert not report.ok
    assert any("auc" in missed for missed in report.not_observed)
