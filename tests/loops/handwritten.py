"""Loops with a loss or an accuracy written by hand."""

import keras
import tensorflow as tf

from . import batches, blobs, pair
from .outputs import SCCE, mlp


def run(*, loss=None, accuracy=None, wrap=lambda f: f, x_scale=1.0, column=False):
    x, y = blobs()
    x = x * x_scale
    model, optimizer = mlp(3), keras.optimizers.Adam(0.01)
    loss = loss or SCCE(from_logits=True)

    @wrap
    def step(xb, yb):
        with tf.GradientTape() as tape:
            logits = model(xb, training=True)
            value = loss(yb, logits)
        grads = tape.gradient(value, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables))
        return value, accuracy(yb, logits) if accuracy else 0.0

    for _ in range(2):
        for xb, yb in batches(x, y[:, None] if column else y):
            step(tf.constant(xb), tf.constant(yb))


def matches(y, logits):
    return tf.reduce_mean(tf.cast(tf.equal(tf.argmax(logits, -1), y), tf.float32))


@pair("broadcast-shapes")
def column_labels_eager(broken):
    def accuracy(y, logits):
        return matches(y if broken else tf.squeeze(y, -1), logits)

    run(accuracy=accuracy, column=True)


@pair("broadcast-shapes")
def column_labels_graph(broken):
    def accuracy(y, logits):
        return matches(y if broken else tf.squeeze(y, -1), logits)

    run(accuracy=accuracy, column=True, wrap=tf.function(reduce_retracing=True))


@pair("broadcast-shapes")
def accuracy_outside_the_step(broken):
    x, y = blobs()
    model = mlp(3)
    predict = tf.function(lambda xb: model(xb, training=False))
    for xb, yb in batches(x, y):
        labels = tf.constant(yb)[:, None] if broken else tf.constant(yb)
        hits = tf.argmax(predict(tf.constant(xb)), axis=1) == labels
        float(tf.reduce_mean(tf.cast(hits, tf.float32)))


@pair("broadcast-shapes")
def gather_without_batch_dims(broken):
    def loss(y, logits):
        log_p = tf.nn.log_softmax(logits)
        return -tf.reduce_mean(tf.gather(log_p, y, axis=1, batch_dims=0 if broken else 1))

    run(loss=loss)


@pair("broadcast-shapes")
def weights_of_the_wrong_shape(broken):
    def loss(y, logits):
        each = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits)
        weights = tf.gather(tf.constant([1.0, 2.0, 3.0]), y)
        return tf.reduce_mean(each * (weights[:, None] if broken else weights))

    run(loss=loss, wrap=tf.function)


@pair("wrong-axis")
def argmax_over_the_batch(broken):
    def accuracy(y, logits):
        hits = tf.argmax(logits, axis=0 if broken else -1)
        return tf.reduce_mean(tf.cast(hits[:3] == y[:3], tf.float32))

    run(accuracy=accuracy)


@pair("unstable-softmax", also=("nan-scores",))
def log_of_softmax_by_hand(broken):
    def loss(y, logits):
        one_hot = tf.one_hot(y, 3)
        log_p = tf.math.log(tf.nn.softmax(logits)) if broken else tf.nn.log_softmax(logits)
        return -tf.reduce_mean(tf.reduce_sum(one_hot * log_p, axis=-1))

    run(loss=loss, x_scale=200.0)


@pair("unstable-softmax")
def exp_by_hand_in_graph(broken):
    def loss(y, logits):
        if broken:
            e = tf.exp(logits)
            p = e / tf.reduce_sum(e, axis=-1, keepdims=True)
            return -tf.reduce_mean(tf.math.log(tf.gather(p, y, batch_dims=1)))
        return tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits)
        )

    run(loss=loss, x_scale=300.0, wrap=tf.function)
