"""Loops of lesson 02: labels out of range, shifted, fractional, of mixed or unsigned dtype."""

import keras
import numpy as np
import tensorflow as tf

from . import batches, blobs, pair
from .outputs import mlp


def run(labels, *, units=3, jit_compile=False, ignore_class=None, weight=lambda y: None):
    """Train for three epochs; `labels` turns class ids 0 to 2 into what the loop is fed."""
    keras.utils.set_random_seed(0)
    x, y = blobs()
    model, optimizer = mlp(units), keras.optimizers.Adam(0.01)
    optimizer.build(model.trainable_variables)
    loss_fn = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, ignore_class=ignore_class
    )
    metric = keras.metrics.SparseCategoricalAccuracy()

    @tf.function(jit_compile=jit_compile)
    def step(xb, yb):
        with tf.GradientTape() as tape:
            scores = model(xb, training=True)
            loss = loss_fn(yb, scores)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return scores

    for _ in range(3):
        for xb, yb in batches(x, labels(y)):
            scores = step(tf.constant(xb), tf.constant(yb))
            metric.update_state(yb, scores, sample_weight=weight(yb))
        metric.result()
        metric.reset_state()


def void(y):
    return np.where(np.arange(len(y)) % 20 == 7, -1, y)


@pair("label-range")
def unlabelled_under_xla(broken):
    if broken:
        run(void, jit_compile=True)
    else:
        run(void, jit_compile=True, ignore_class=-1, weight=lambda y: y != -1)


@pair("label-range", raises=True)
def bytes_minus_one(broken):
    def labels(y):
        counted = (y + 1).astype("uint8")
        counted[5] = 0
        return counted - 1 if broken else np.maximum(counted.astype("int64") - 1, 0)

    run(labels)


@pair("label-offset")
def months_and_a_spare_unit(broken):
    run(lambda y: y + broken, units=4 if broken else 3)


@pair("label-offset", raises=True)
def ratings_from_1(broken):
    run(lambda y: y + broken)


@pair("fractional-labels")
def divided_with_the_pixels(broken):
    run(lambda y: (y / 255 if broken else y).astype("float32"))


@pair("fractional-labels")
def interpolated(broken):
    # Labels resized with bilinear interpolation fall between the classes.
    run(lambda y: np.where(np.arange(len(y)) % 3 == 0, y * (0.5 if broken else 1), y) * 1.0)


@pair("mixed-labels", raises=True)
def ids_and_a_one_hot_row(broken):
    def labels(y):
        mixed = y.astype(object)
        mixed[3] = [0, 1, 0]
        return mixed if broken else y

    run(labels)


@pair("label-dtype", raises=True)
def int64_against_int32(broken):
    y = tf.constant(blobs()[1], tf.int32)
    scores = mlp(3)(blobs()[0])
    ids = tf.argmax(scores, axis=-1, output_type=tf.int64 if broken else tf.int32)
    run(lambda y: y)
    tf.reduce_mean(tf.cast(ids == y, tf.float32))


# The labels of a second encoder are valid labels with another meaning.
UNDETECTABLE = {"label-offset": "an encoder fitted again on the test set gives ids in range"}
