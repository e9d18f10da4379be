"""Loops of lesson 01: one-hot rows and class ids, each where the other is wanted."""

import keras
import numpy as np
import tensorflow as tf

from . import batches, blobs, pair
from .outputs import SCCE, mlp

CCE = keras.losses.CategoricalCrossentropy


def run(loss_fn, metric, *, labels, size=32, compiled=False):
    """Train for three epochs; `labels` turns class ids into what the loop is fed."""
    keras.utils.set_random_seed(0)
    x, y = blobs(classes=4)
    model, optimizer = mlp(4), keras.optimizers.Adam(0.01)
    optimizer.build(model.trainable_variables)

    def step(xb, yb):
        with tf.GradientTape() as tape:
            scores = model(xb, training=True)
            loss = loss_fn(yb, scores)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        metric.update_state(yb, scores)

    step = tf.function(step, reduce_retracing=True) if compiled else step
    for _ in range(3):
        for xb, yb in batches(x, labels(y), size):
            step(tf.constant(xb), tf.constant(yb))
        metric.result()
        metric.reset_state()


def rows(y):
    return np.eye(4, dtype="float32")[y]


def column(y):
    return y[:, None]


@pair("one-hot-labels", raises=True)
def rows_in_the_sparse_loss(broken):
    metric = keras.metrics.CategoricalAccuracy()
    run(SCCE(from_logits=True) if broken else CCE(from_logits=True), metric, labels=rows)


@pair("one-hot-labels")
def sparse_metric_left_behind(broken):
    metric = "SparseCategoricalAccuracy" if broken else "CategoricalAccuracy"
    run(CCE(from_logits=True), getattr(keras.metrics, metric)(), labels=rows, size=4, compiled=True)


@pair("one-hot-labels")
def sparse_metric_with_batches_of_one(broken):
    metric = "SparseCategoricalAccuracy" if broken else "CategoricalAccuracy"
    run(CCE(from_logits=True), getattr(keras.metrics, metric)(), labels=rows, size=1, compiled=True)


@pair("one-hot-labels", raises=True)
def sparse_metric_that_raises(broken):
    metric = "SparseCategoricalAccuracy" if broken else "CategoricalAccuracy"
    run(CCE(from_logits=True), getattr(keras.metrics, metric)(), labels=rows)


@pair("sparse-labels-to-categorical")
def categorical_metric_on_a_column(broken):
    metric = "CategoricalAccuracy" if broken else "SparseCategoricalAccuracy"
    run(SCCE(from_logits=True), getattr(keras.metrics, metric)(), labels=column, compiled=True)


@pair("sparse-labels-to-categorical", raises=True)
def categorical_loss_on_ids(broken):
    metric = keras.metrics.SparseCategoricalAccuracy()
    run(CCE(from_logits=True) if broken else SCCE(from_logits=True), metric, labels=column)
