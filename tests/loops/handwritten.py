"""Loops with a loss or an accuracy written by hand."""

import keras
import numpy as np
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


@pair("unstable-softmax", also=("nan-scores",))
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


@pair("label-offset")
def one_hot_of_labels_from_one(broken):
    """Labels 1 to C as they stand in the file, and a loss on rows that tf.one_hot makes."""
    x, y = blobs(240)
    model, optimizer = mlp(), keras.optimizers.Adam(0.01)

    @tf.function
    def step(xb, yb):
        rows = tf.one_hot(yb, 3)
        with tf.GradientTape() as tape:
            losses = tf.nn.softmax_cross_entropy_with_logits(rows, model(xb, training=True))
            loss = tf.reduce_mean(losses)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    for _ in range(3):
        for xb, yb in batches(x, y + broken, 40):
            step(xb, yb)


@pair("label-range")
def category_nobody_knows(broken):
    """A category that the encoder does not know: −1, and from tf.one_hot a row of zeros."""
    x, y = blobs(240)
    y = np.where((y == 2) & broken, -1, y)
    model, optimizer = mlp(3, "softmax"), keras.optimizers.Adam(0.01)
    loss_fn, accuracy = keras.losses.CategoricalCrossentropy(), keras.metrics.CategoricalAccuracy()
    for _ in range(3):
        for xb, yb in batches(x, y, 40):
            rows = tf.one_hot(yb, 3)
            with tf.GradientTape() as tape:
                probabilities = model(xb, training=True)
                loss = loss_fn(rows, probabilities)
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
            accuracy.update_state(rows, probabilities)
        accuracy.result()
        accuracy.reset_state()


@pair("nan-scores")
def distance_of_equal_pictures(broken):
    """A siamese network: the gradient of the square root of 0 is infinite."""
    x, y = blobs(256)
    other = np.random.default_rng(1).permutation(256)
    other[::16] = np.arange(0, 256, 16)  # now and then an example is paired with itself
    same = (y == y[other]).astype("float32")
    encoder, optimizer = mlp(4), keras.optimizers.Adam(0.01)
    for _ in range(3):
        for start in range(0, 256, 32):
            part = slice(start, start + 32)
            with tf.GradientTape() as tape:
                apart = encoder(x[part], training=True) - encoder(x[other[part]], training=True)
                square = tf.reduce_sum(apart**2, axis=1)
                distance = tf.sqrt(square if broken else tf.maximum(square, 1e-7))
                near = same[part] * distance
                loss = tf.reduce_mean(near + (1 - same[part]) * tf.maximum(1 - distance, 0))
            gradients = tape.gradient(loss, encoder.trainable_variables)
            optimizer.apply_gradients(zip(gradients, encoder.trainable_variables, strict=True))


@pair("unstable-softmax", also=("nan-scores",))
def exponentials_of_pixels(broken):
    """Inputs from 0 to 255 in a compiled step: the exponentials overflow between two looks."""
    x, y = blobs(240)
    rows = np.eye(3, dtype="float32")[y]
    weights = tf.Variable(tf.random.stateless_normal((8, 3), seed=(0, 1)))
    optimizer = keras.optimizers.SGD(0.05)
    optimizer.build([weights])

    @tf.function(jit_compile=True)
    def step(xb, yb):
        with tf.GradientTape() as tape:
            logits = xb @ weights
            if broken:
                powers = tf.exp(logits)
                shares = powers / tf.reduce_sum(powers, axis=1, keepdims=True)
                losses = -tf.reduce_sum(yb * tf.math.log(shares + 1e-9), axis=1)
            else:
                losses = tf.nn.softmax_cross_entropy_with_logits(yb, logits)
            loss = tf.reduce_mean(losses)
        optimizer.apply_gradients([(tape.gradient(loss, weights), weights)])
        return loss

    for _ in range(3):
        for xb, yb in batches(40 * x, rows, 40):
            step(xb, yb)


@pair("wrong-axis")
def argmax_of_one_hot_rows_without_axis(broken):
    """Both sides by tf.argmax with its default axis: the shapes agree, the figure is nonsense."""
    x, y = blobs(240)
    rows = np.eye(3, dtype="float32")[y]
    model, optimizer = mlp(), keras.optimizers.Adam(0.01)
    axis = 0 if broken else 1

    @tf.function
    def step(xb, yb):
        with tf.GradientTape() as tape:
            logits = model(xb, training=True)
            loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(yb, logits))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        right = tf.equal(tf.argmax(yb, axis), tf.argmax(logits, axis))
        return tf.reduce_mean(tf.cast(right, tf.float32))

    for xb, yb in batches(x, rows, 40):
        step(xb, yb)


@pair("summed-loss")
def sum_of_means_per_picture(broken):
    """Segmentation: the loss is averaged over a picture's pixels, and then summed over pictures."""
    rng = np.random.default_rng(0)
    masks = np.zeros((96, 8, 8, 1), "float32")
    for mask in masks:
        top, left = rng.integers(0, 4, 2)
        mask[top : top + 4, left : left + 4] = 1
    x = masks + 0.3 * rng.normal(size=masks.shape).astype("float32")
    layers = [keras.layers.Conv2D(4, 3, padding="same"), keras.layers.Conv2D(1, 1)]
    model = keras.Sequential([keras.Input((8, 8, 1)), *layers])
    optimizer = keras.optimizers.SGD(0.01)

    @tf.function
    def step(xb, yb):
        with tf.GradientTape() as tape:
            logits = model(xb, training=True)
            pixels = tf.nn.sigmoid_cross_entropy_with_logits(labels=yb, logits=logits)
            pictures = tf.reduce_mean(pixels, axis=[1, 2, 3])
            loss = tf.reduce_sum(pictures) if broken else tf.reduce_mean(pictures)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    for _ in range(3):
        for xb, yb in batches(x, masks, 16):
            step(xb, yb)
