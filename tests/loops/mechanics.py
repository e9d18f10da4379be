"""Loops whose tape, gradients or optimizer go wrong."""

import keras
import numpy as np
import tensorflow as tf

from . import batches, blobs, pair
from .outputs import SCCE, mlp


def run(step_loss, *, model=None, pairs=zip, training=True, wrap=lambda f: f, epochs=1):
    x, y = blobs()
    model, optimizer = model or mlp(3), keras.optimizers.Adam(0.01)

    @wrap
    def step(xb, yb):
        with tf.GradientTape() as tape:
            p = model(xb, training=True) if training else model(xb)
            loss = step_loss(yb, p)
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(pairs(grads, model.trainable_variables))
        return loss

    for _ in range(epochs):
        for xb, yb in batches(x, y):
            step(tf.constant(xb), tf.constant(yb))


PLAIN = SCCE(from_logits=True)


@pair("vector-loss")
def per_example_in_the_tape(broken):
    loss_fn = SCCE(from_logits=True, reduction="none")
    run(lambda y, p: loss_fn(y, p) if broken else tf.reduce_mean(loss_fn(y, p)), wrap=tf.function)


@pair("summed-loss")
def sum_reduction(broken):
    run(SCCE(from_logits=True, reduction="sum" if broken else "sum_over_batch_size"))


@pair("gradients-none", raises=True)
def argmax_in_the_loss(broken):
    def loss(y, p):
        if broken:
            return tf.reduce_mean(tf.cast(tf.argmax(p, -1) - y, tf.float32) ** 2)
        return PLAIN(y, p)

    run(loss)


@pair("mispaired-gradients")
def reversed_variables(broken):
    model = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(8, "relu"),
            keras.layers.Dense(8, "relu"),
            keras.layers.Dense(8),
        ]
    )

    def pairs(grads, variables):
        if broken:
            kernels = [v for v in variables if len(v.shape) == 2]
            order = list(reversed(kernels))
            return zip([g for g in grads if len(g.shape) == 2], order)
        return zip(grads, variables)

    run(PLAIN, model=model, pairs=pairs)


@pair("missing-regularisation")
def losses_never_added(broken):
    model = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(16, "relu", kernel_regularizer="l2"),
            keras.layers.Dense(3),
        ]
    )

    def loss(y, p):
        value = PLAIN(y, p)
        return value if broken else value + tf.add_n(model.losses)

    run(loss, model=model, wrap=tf.function)


@pair("training-flag")
def flag_missing(broken):
    model = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(16, "relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(3),
        ]
    )
    run(PLAIN, model=model, training=not broken, wrap=tf.function)


@pair("training-flag")
def flag_left_on(broken):
    model = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(16, "relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(3),
        ]
    )
    run(PLAIN, model=model)
    x, y = blobs(seed=1)
    metric = keras.metrics.SparseCategoricalAccuracy()
    for xb, yb in batches(x, y):
        metric.update_state(yb, model(xb, training=broken))
    np.asarray(metric.result())
