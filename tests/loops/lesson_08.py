"""Loops of lesson 08: shapes and arguments that meet by accident."""

import keras
import numpy as np
import tensorflow as tf

from . import batches, blobs, pair
from .outputs import SCCE, mlp


def run(update, *, loss=None, column=False, activation=None, size=32):
    """Train for three epochs; `update` gets each batch of labels and outputs."""
    keras.utils.set_random_seed(0)
    x, y = blobs()
    model, optimizer = mlp(3, activation), keras.optimizers.Adam(0.01)
    loss_fn = loss or SCCE(from_logits=True)
    for _ in range(3):
        for xb, yb in batches(x, y[:, None] if column else y, size):
            with tf.GradientTape() as tape:
                outputs = model(xb, training=True)
                value = loss_fn(yb, outputs)
            gradients = tape.gradient(value, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
            update(yb, outputs)


def quiet(y, outputs):
    """Report nothing."""


@pair("broadcast-shapes")
def gather_without_batch_dims(broken):
    def loss(y, scores):
        log_p = tf.nn.log_softmax(scores)
        return -tf.reduce_mean(tf.gather(log_p, y, axis=1, batch_dims=0 if broken else 1))

    run(quiet, loss=loss)


@pair("broadcast-shapes")
def one_hot_of_a_column(broken):
    def loss(y, scores):
        y = y if broken else tf.reshape(y, [-1])
        log_p = tf.nn.log_softmax(scores)
        return -tf.reduce_mean(tf.reduce_sum(tf.one_hot(y, 3) * log_p, axis=-1))

    run(quiet, loss=loss, column=True)


def report(matches):
    return tf.reduce_mean(tf.cast(matches, tf.float32))


@pair("broadcast-shapes")
def accuracy_by_hand_on_a_column(broken):
    def accuracy(y, scores):
        return report(tf.argmax(scores, axis=-1) == (y if broken else tf.reshape(y, [-1])))

    run(accuracy, column=True)


@pair("wrong-axis")
def argmax_over_the_batch(broken):
    run(lambda y, scores: report(tf.argmax(scores, axis=0 if broken else -1) == y))


@pair("wrong-axis")
def softmax_over_the_batch(broken):
    activation = keras.layers.Lambda(lambda z: tf.nn.softmax(z, axis=0 if broken else -1))
    run(quiet, loss=SCCE(from_logits=False), activation=activation)


@pair("swapped-arguments")
def swapped_in_the_metric(broken):
    metric = keras.metrics.SparseCategoricalAccuracy()
    run(lambda y, p: metric.update_state(*((p, y) if broken else (y, p))))


@pair("class-ids-as-scores")
def argmax_twice(broken):
    metric = keras.metrics.SparseCategoricalAccuracy()
    run(lambda y, p: metric.update_state(y, tf.argmax(p, axis=-1) if broken else p))


@pair("batch-mismatch")
def first_label_for_all(broken):
    metric = keras.metrics.SparseCategoricalAccuracy()
    run(lambda y, p: metric.update_state(y[:1] if broken else y, p))


@pair("batch-mismatch", raises=True)
def squeeze_on_a_last_batch_of_one(broken):
    def loss(y, scores):
        return SCCE(from_logits=True)(tf.squeeze(y) if broken else tf.squeeze(y, axis=-1), scores)

    run(quiet, loss=loss, column=True, size=51)


@pair("wrong-accuracy-metric")
def binary_accuracy_on_one_hot(broken):
    metric = keras.metrics.BinaryAccuracy() if broken else keras.metrics.CategoricalAccuracy()
    run(lambda y, p: metric.update_state(np.eye(3, dtype="float32")[y], tf.nn.softmax(p)))
