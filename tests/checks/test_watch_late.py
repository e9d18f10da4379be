"""A fault that begins at step 500 is found: looks go on for as long as the loop runs."""

from utils import checks

import keras
import loops
import numpy as np
import pytest
import tensorflow as tf
from loops.outputs import SCCE

BEGIN, END = 500, 640
CLASSES = 3


def prepare(route: str):
    """Return a training step on three classes, traced already unless it is eager."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(CLASSES)])
    optimizer, loss_fn = keras.optimizers.SGD(0.1), SCCE(from_logits=True)
    optimizer.build(model.trainable_variables)
    metric = keras.metrics.SparseCategoricalAccuracy()

    def step(x, y, wrong=False):
        with tf.GradientTape() as tape:
            scores = model(x, training=True)
            loss = loss_fn(y, scores)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        metric.update_state(y, tf.argmax(scores, axis=-1) if wrong else scores)
        return loss

    if route != "eager":
        step = tf.function(step, jit_compile=route == "xla")
    x, y = (tf.constant(part) for part in loops.blobs(32))
    step(x, y)
    return step, x, y


def alarms(loop) -> set[str]:
    with checks.watch() as report:
        loop()
    return {f.pitfall for f in report.alarms}


def late(step, x, y, x_late=None, y_late=None, **options):
    """Return a loop that gives the step other arguments from step 500 on."""
    x_late, y_late = x if x_late is None else x_late, y if y_late is None else y_late

    def loop():
        for i in range(END):
            if i < BEGIN:
                step(x, y)
            else:
                step(x_late, y_late, **options)

    return loop


@pytest.mark.parametrize("route", ["eager", "graph", "xla"])
def test_scores_that_become_nan(route):
    step, x, y = prepare(route)
    broken = tf.concat([x[:1] * np.nan, x[1:]], axis=0)
    assert "nan-scores" in alarms(late(step, x, y, x_late=broken))


@pytest.mark.parametrize("route", ["eager", "graph"])
def test_a_label_out_of_range_that_raises(route):
    step, x, y = prepare(route)
    with pytest.raises(tf.errors.InvalidArgumentError), checks.watch() as report:
        late(step, x, y, y_late=y + CLASSES - 1)()
    assert "label-range" in {f.pitfall for f in report.alarms} or "label-offset" in {
        f.pitfall for f in report.alarms
    }


def test_a_label_out_of_range_that_raises_nothing():
    step, x, y = prepare("xla")
    found = alarms(late(step, x, y, y_late=tf.where(tf.range(len(y)) == 0, 7, y)))
    assert found == {"label-range"}


@pytest.mark.parametrize("route", ["eager", "graph"])
def test_labels_divided_as_the_images_are(route):
    step, x, y = prepare(route)
    divided = tf.cast(y, tf.float32) / 255
    assert alarms(late(step, x, tf.cast(y, tf.float32), y_late=divided)) == {"fractional-labels"}


@pytest.mark.parametrize("route", ["eager", "graph"])
def test_a_metric_that_is_given_class_ids(route):
    step, x, y = prepare(route)
    assert alarms(late(step, x, y, wrong=True)) == {"class-ids-as-scores"}


@pytest.mark.parametrize("route", ["eager", "graph"])
def test_inputs_and_labels_shuffled_apart(route):
    step, x, y = prepare(route)
    halves = [tf.data.Dataset.from_tensor_slices(part) for part in (x, y)]

    def loop():
        for _ in range(BEGIN):
            step(x, y)
        apart = tf.data.Dataset.zip(tuple(half.shuffle(32) for half in halves))
        for batch in apart.batch(32):
            step(*batch)

    assert alarms(loop) == {"misaligned-labels"}
