"""Loops of lesson 07: scores that tie before the metric, class ids that merge in it."""

import keras
import numpy as np
import tensorflow as tf

from . import batches, blobs, pair
from .outputs import SCCE, mlp


def run(update, *, x, y, units, wrap=lambda f: f):
    model, optimizer, loss_fn = mlp(units), keras.optimizers.Adam(0.01), SCCE(from_logits=True)

    @wrap
    def step(xb, yb):
        with tf.GradientTape() as tape:
            logits = model(xb, training=True)
            loss = loss_fn(yb, logits)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        update(yb, logits)

    for xb, yb in batches(x, y):
        step(xb, yb)


@pair("saturated-ties")
def sharpened_sigmoid_in_graph(broken):
    x, y = blobs(classes=6)
    metric = keras.metrics.SparseCategoricalAccuracy()
    run(
        lambda y, z: metric.update_state(y, tf.sigmoid(100 * z) if broken else tf.nn.softmax(z)),
        x=3 * x,
        y=y,
        units=6,
        wrap=tf.function,
    )


@pair("saturated-ties")
def flat_softmax_in_bfloat16(broken):
    """A large temperature and bfloat16: most rows tie on top."""
    x, y = blobs()
    metric = keras.metrics.SparseCategoricalAccuracy()
    dtype = "bfloat16" if broken else "float32"
    run(
        lambda y, z: metric.update_state(y, tf.nn.softmax(tf.cast(z / 1000, dtype))),
        x=x,
        y=y,
        units=3,
    )


@pair("low-precision-ids", also=("saturated-ties",))
def evaluation_kept_in_float16(broken):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(96, 8)).astype("float32"), rng.integers(2048, 4096, 96)
    metric = keras.metrics.SparseCategoricalAccuracy()
    run(
        lambda y, z: metric.update_state(y, tf.cast(z, "float16" if broken else "float32")),
        x=x,
        y=y,
        units=4096,
        wrap=tf.function,
    )
