"""Loops with labels the loss or the metric misreads."""

import keras
import numpy as np
import tensorflow as tf

from . import batches, blobs, pair
from .outputs import SCCE, mlp


def run(y_of, *, classes=3, units=None, loss=None, accuracy=None, wrap=lambda f: f, size=32):
    x, y = blobs(8 * size, classes=classes)
    model = mlp(units or classes)
    optimizer, loss_fn = keras.optimizers.Adam(0.01), loss or SCCE(from_logits=True)
    metric = accuracy or keras.metrics.SparseCategoricalAccuracy()

    @wrap
    def step(xb, yb):
        with tf.GradientTape() as tape:
            logits = model(xb, training=True)
            value = loss_fn(yb, logits)
        grads = tape.gradient(value, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables))
        metric.update_state(yb, logits)
        return value

    for _ in range(3):
        for xb, yb in batches(x, y_of(y), size):
            step(xb, yb)
        metric.result()
        metric.reset_state()


@pair("one-hot-labels", raises=True)
def one_hot_in_the_loss(broken):
    run(lambda y: np.eye(3, dtype="float32")[y] if broken else y)


@pair("one-hot-labels")
def one_hot_in_the_metric(broken):
    cce = keras.losses.CategoricalCrossentropy(from_logits=True)
    metric = None if broken else keras.metrics.CategoricalAccuracy()
    run(lambda y: np.eye(4, dtype="float32")[y], classes=4, loss=cce, accuracy=metric, size=4)


@pair("label-range", raises=True)
def minus_one(broken):
    run(lambda y: np.where(np.arange(len(y)) % 9 == 0, -1, y) if broken else y)


@pair("label-range")
def out_of_range_under_xla(broken):
    run(
        lambda y: np.where(y == 2, 7, y) if broken else y,
        wrap=tf.function(jit_compile=True),
    )


@pair("label-offset", raises=True)
def one_based(broken):
    run(lambda y: y + broken)


@pair("label-offset")
def one_based_with_a_spare_unit(broken):
    run(lambda y: y + broken, units=4 if broken else 3)


@pair("fractional-labels")
def divided_by_255(broken):
    run(lambda y: (y / 255).astype("float32") if broken else y.astype("float32"))


@pair("sparse-labels-to-categorical")
def ids_in_categorical_accuracy(broken):
    metric = keras.metrics.CategoricalAccuracy() if broken else None
    run(lambda y: y[:, None], accuracy=metric)


@pair("label-dtype", raises=True)
def argmax_against_int32(broken):
    x, y = blobs()
    model = mlp(3)
    for xb, yb in batches(x, y.astype("int32")):
        tf.reduce_mean(
            tf.cast(
                tf.equal(
                    tf.argmax(model(xb), -1, output_type=tf.int64 if broken else tf.int32),
                    tf.constant(yb),
                ),
                tf.float32,
            )
        )
        SCCE(from_logits=True)(yb, model(xb))
