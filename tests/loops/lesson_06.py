"""Loops of lesson 06: overflowing exponentials, NaN scores, softmax in half precision."""

import keras
import numpy as np
import tensorflow as tf

from . import batches, blobs, pair
from .outputs import SCCE, mlp, train


def descend(x, y, model, loss_fn, *, wrap=lambda f: f):
    optimizer = keras.optimizers.Adam(0.01)
    accuracy = keras.metrics.SparseCategoricalAccuracy()

    @wrap
    def step(xb, yb):
        with tf.GradientTape() as tape:
            p = model(xb, training=True)
            loss = loss_fn(yb, p)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        accuracy.update_state(yb, p)
        return loss

    for xb, yb in batches(x, y):
        step(xb, yb)
    accuracy.result()


def textbook(y, z):
    e = tf.exp(z)
    p = e / tf.reduce_sum(e, axis=-1, keepdims=True)
    return -tf.reduce_mean(tf.math.log(tf.gather(p, y, batch_dims=1)))


@pair("unstable-softmax", also=("nan-scores",))
def textbook_on_unscaled_inputs(broken):
    x, y = blobs()
    descend(200 * x, y, mlp(3), textbook if broken else SCCE(from_logits=True), wrap=tf.function)


@pair("unstable-softmax", also=("nan-scores",))
def log_of_a_softmax_one_hot(broken):
    def loss_fn(y, z):
        log_p = tf.math.log(tf.nn.softmax(z)) if broken else tf.nn.log_softmax(z)
        return -tf.reduce_mean(tf.reduce_sum(tf.one_hot(y, 3) * log_p, axis=-1))

    x, y = blobs()
    descend(200 * x, y, mlp(3), loss_fn)


@pair("nan-scores")
def one_missing_measurement(broken):
    """A single NaN among the inputs makes every weight NaN at the next step."""
    x, y = blobs()
    if broken:
        x[40, 2] = np.nan
    descend(x, y, mlp(3), SCCE(from_logits=True), wrap=tf.function)


@pair("nan-scores")
def constant_feature_standardised(broken):
    """0 / 0 in the standardisation of a feature that never changes."""
    x, y = blobs()
    x[:, 5] = 1.0
    spread = x.std(axis=0)
    with np.errstate(invalid="ignore"):
        x = (x - x.mean(axis=0)) / (spread if broken else np.where(spread == 0, 1, spread))
    descend(x, y, mlp(3), SCCE(from_logits=True))


@pair("half-precision-softmax")
def bfloat16_softmax_eager(broken):
    last = {"activation": "softmax", "dtype": "mixed_bfloat16"} if broken else {"dtype": "float32"}
    model = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(16, "relu", dtype="mixed_bfloat16"),
            keras.layers.Dense(3, **last),
        ]
    )
    train(model, SCCE(from_logits=not broken), epochs=1)
