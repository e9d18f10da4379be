"""Loops with formulas of their own: cross entropies, class weights, models without Keras."""

import keras
import numpy as np
import tensorflow as tf

from . import batches, blobs, healthy, pair
from .outputs import SCCE, mlp, train


class Plain(tf.Module):
    """A linear model of plain variables."""

    def __init__(self, units):
        super().__init__()
        self.w = tf.Variable(tf.random.stateless_normal((8, units), (0, 1), stddev=0.3))
        self.b = tf.Variable(tf.zeros(units))

    def __call__(self, x):
        return x @ self.w + self.b


def descend(loss, x, y, *, model=None, size=64, epochs=3, wrap=lambda f: f):
    """Minimise ``loss(y, scores)`` with Adam, in batches."""
    model = model or Plain(3)
    optimizer = keras.optimizers.Adam(0.05)
    optimizer.build(model.trainable_variables)

    @wrap
    def step(xb, yb):
        with tf.GradientTape() as tape:
            value = loss(yb, model(xb))
        gradients = tape.gradient(value, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    for _ in range(epochs):
        for xb, yb in batches(x, y, size):
            step(tf.constant(xb), tf.constant(yb))


def two_classes():
    x, y = blobs(classes=2)
    return x, y[:, None].astype("float32")


def binary_op(y, z):
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=z))


@pair("double-softmax")
def sigmoid_before_the_op(broken):
    model = mlp(1, "sigmoid" if broken else None)
    descend(binary_op, *two_classes(), model=model, size=32, epochs=1)


@pair("double-softmax")
def sigmoid_of_a_plain_model(broken):
    def loss(y, z):
        return binary_op(y, tf.sigmoid(z) if broken else z)

    descend(loss, *two_classes(), model=Plain(1), wrap=tf.function)


@pair("double-softmax")
def sigmoid_in_numbers_only(broken):
    """No activation is seen: what tells is that no score ever leaves 0 … 1."""

    def loss(y, z):
        return binary_op(y, 1 / (1 + tf.exp(-z)) if broken else z)

    descend(loss, *two_classes(), model=Plain(1))


@pair("wrong-output-activation", also=("logits-as-probabilities",))
def tanh_for_every_layer(broken):
    x, y = blobs()
    model = mlp(3, "tanh" if broken else "softmax")
    model.compile("adam", "categorical_crossentropy")
    model.fit(x, np.eye(3)[y], epochs=2, verbose=0)


@pair("wrong-output-activation")
def tanh_taken_for_logits(broken):
    train(mlp(6, "tanh" if broken else None), SCCE(from_logits=True), classes=6)


@pair("mixed-labels")
def two_codings_joined(broken):
    x, y = two_classes()
    coded = np.where(np.arange(len(y))[:, None] % 3 == 0, 2 * y - 1, y) if broken else y
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    descend(loss, x, coded, model=mlp(1))


@pair("mixed-labels")
def unknown_left_in_a_formula(broken):
    def loss(y, z):
        p = tf.sigmoid(z)
        each = -(y * tf.math.log(p + 1e-7) + (1 - y) * tf.math.log(1 - p + 1e-7))
        if broken:
            return tf.reduce_mean(each)
        known = tf.cast(y >= 0, tf.float32)
        return tf.reduce_sum(each * known) / tf.reduce_sum(known)

    x, y = two_classes()
    coded = np.where(np.arange(len(y))[:, None] % 5 == 0, -1, y).astype("float32")
    descend(loss, x, coded, model=Plain(1), wrap=tf.function)


@pair("label-range")
def minus_one_in_a_formula(broken):
    def loss(y, z):
        p = tf.clip_by_value(tf.sigmoid(z), 1e-7, 1 - 1e-7)
        return tf.reduce_mean(-y * tf.math.log(p) - (1 - y) * tf.math.log(1 - p))

    x, y = two_classes()
    descend(loss, x, 2 * y - 1 if broken else y, model=Plain(1))


@pair("label-range")
def unknown_among_several_labels(broken):
    """−1 marks what nobody looked at; in the fixed loop its losses are set to 0."""

    def loss(y, z):
        each = tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=z)
        return tf.reduce_mean(each if broken else tf.where(y >= 0, each, 0.0))

    x, y = blobs()
    several = np.eye(3, dtype="float32")[y]
    several[::4, 0] = -1
    descend(loss, x, several)


@pair("wrong-axis")
def softmax_over_the_batch(broken):
    def loss(y, z):
        p = tf.nn.softmax(z, axis=0 if broken else -1)
        return -tf.reduce_mean(tf.math.log(tf.gather(p, y, batch_dims=1)))

    descend(loss, *blobs())


@pair("wrong-axis")
def log_softmax_over_the_batch(broken):
    def loss(y, z):
        log_p = tf.nn.log_softmax(z, axis=0 if broken else 1)
        return -tf.reduce_mean(tf.reduce_sum(tf.one_hot(y, 3) * log_p, axis=-1))

    descend(loss, *blobs(), wrap=tf.function)


@pair("unstable-softmax", also=("nan-scores",))
def logarithm_of_zero_without_keras(broken):
    def loss(y, z):
        p = tf.nn.softmax(z)
        p = p if broken else tf.clip_by_value(p, 1e-10, 1.0)
        return -tf.reduce_mean(tf.reduce_sum(tf.one_hot(y, 3) * tf.math.log(p), axis=-1))

    x, y = blobs()
    descend(loss, 200 * x, y)


class Balanced(keras.losses.Loss):
    """Cross entropy on logits with a weight for each class."""

    def __init__(self, weights):
        super().__init__()
        self.weights = tf.constant(weights, tf.float32)

    def call(self, y, z):
        y = tf.cast(y, tf.int32)  # Keras hands labels over as float32
        each = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=z)
        return tf.gather(self.weights, y) * each


def rare():
    """Return blobs in which class 2 is rare, and n / (C · count) for each class."""
    x, y = blobs(512)
    keep = (y != 2) | (np.arange(len(y)) % 4 == 0)
    x, y = x[keep], y[keep]
    return x, y, len(y) / (3 * np.bincount(y))


@pair("class-weights-scale")
def total_over_count_in_a_loss_class(broken):
    x, y, weights = rare()
    descend(Balanced(3 * weights if broken else weights), x, y, model=mlp(3))


@pair("class-weights-scale")
def total_over_count_by_hand(broken):
    """Any scale will do where the sum of the weights divides."""
    x, y, weights = rare()
    table = tf.constant(3 * weights, tf.float32)

    def loss(y, z):
        each = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=z)
        weight = tf.reduce_sum(tf.one_hot(y, 3) * table, axis=-1)
        total = tf.reduce_sum(weight * each)
        return total / (tf.cast(tf.size(y), tf.float32) if broken else tf.reduce_sum(weight))

    descend(loss, x, y, wrap=tf.function)


@healthy
def returns_times_log_probabilities():
    """A policy gradient: what multiplies the losses is large, and belongs to the step."""
    x, y = blobs()
    returns = np.random.default_rng(0).uniform(5, 40, len(y)).astype("float32")

    def loss(pair, z):
        actions, gains = tf.cast(pair[:, 0], tf.int64), pair[:, 1]
        each = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=actions, logits=z)
        return tf.reduce_mean(each * gains)

    descend(loss, x, np.stack([y.astype("float32"), returns], axis=1))


@healthy
def both_directions_of_retrieval():
    """Images find their texts and texts their images: a softmax over either axis is right."""
    x, _ = blobs()
    other = Plain(8)

    def loss(y, z):
        similarity = tf.matmul(z, other(y), transpose_b=True) / 4
        eye = tf.eye(tf.shape(y)[0])
        rows = tf.reduce_sum(eye * tf.nn.log_softmax(similarity, axis=1), axis=1)
        columns = tf.reduce_sum(eye * tf.nn.log_softmax(similarity, axis=0), axis=0)
        return -tf.reduce_mean(rows + columns) / 2

    descend(loss, x, x[:, ::-1].copy(), model=Plain(8))


@healthy
def logits_that_begin_in_0_to_1():
    """The first logits are small and positive, as a bias of 0.5 makes them."""
    model = Plain(1)
    model.w.assign(model.w / 100)
    model.b.assign([0.5])
    descend(binary_op, *two_classes(), model=model)
