"""Loops over padded sequences."""

import keras
import numpy as np
import tensorflow as tf

from . import batches, pair
from .outputs import SCCE


def tokens(n=128, length=12, words=20, classes=4, seed=0):
    """Return token ids padded with 0, and a tag per token, 0 where padded."""
    rng = np.random.default_rng(seed)
    x = rng.integers(1, words, (n, length))
    tags = 1 + x % (classes - 1)
    lengths = rng.integers(4, length + 1, n)
    pad = np.arange(length)[None, :] >= lengths[:, None]
    return np.where(pad, 0, x), np.where(pad, 0, tags)


def tagger(mask_zero, classes=4):
    return keras.Sequential(
        [
            keras.Input((12,), dtype="int32"),
            keras.layers.Embedding(20, 8, mask_zero=mask_zero),
            keras.layers.Dense(16, "relu"),
            keras.layers.Dense(classes),
        ]
    )


def run(model, loss, metric=None, weights=False, touch=lambda p: p):
    x, y = tokens()
    optimizer = keras.optimizers.Adam(0.01)
    for xb, yb in batches(x, y):
        with tf.GradientTape() as tape:
            p = touch(model(xb, training=True))
            value = loss(yb, p, **({"sample_weight": yb != 0} if weights else {}))
        grads = tape.gradient(value, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables))
        if metric is not None:
            metric.update_state(yb, p, sample_weight=yb != 0)


@pair("padding-counted")
def nothing_masked(broken):
    run(tagger(False), SCCE(from_logits=True, ignore_class=None if broken else 0))


@pair("padding-counted")
def padding_in_the_metric(broken):
    metric = keras.metrics.SparseCategoricalAccuracy()
    x, y = tokens()
    model, loss, optimizer = tagger(False), SCCE(from_logits=True), keras.optimizers.Adam(0.01)
    for xb, yb in batches(x, y):
        with tf.GradientTape() as tape:
            p = model(xb, training=True)
            value = loss(yb, p, sample_weight=yb != 0)
        grads = tape.gradient(value, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables))
        metric.update_state(yb, p, sample_weight=None if broken else yb != 0)


@pair("lost-mask")
def mask_lost_to_an_operation(broken):
    run(tagger(True), SCCE(from_logits=True), touch=(lambda p: p * 1.0) if broken else lambda p: p)


def left_padded(n=192, length=12):
    """Return word ids and tags, both 0 before the words, as pad_sequences does by default."""
    rng = np.random.default_rng(3)
    words, tags = np.zeros((n, length), "int32"), np.zeros((n, length), "int32")
    for row in range(n):
        count = rng.integers(3, 7)
        words[row, -count:] = rng.integers(1, 20, count)
        tags[row, -count:] = 1 + words[row, -count:] % 3
    return words, tags


class Scaled(keras.Model):
    """A tagger that multiplies its embedding: by an operation the mask is lost."""

    def __init__(self, keeps):
        super().__init__()
        self.embed = keras.layers.Embedding(20, 8, mask_zero=True)
        self.scale = keras.layers.Rescaling(3.0) if keeps else lambda x: x * 3.0
        self.mix = keras.layers.GRU(8, return_sequences=True)
        self.head = keras.layers.Dense(4, activation="softmax")

    def call(self, words):
        x = self.scale(self.embed(words))
        return self.head(self.mix(x))


@pair("lost-mask")
def mask_lost_by_a_product(broken):
    model = Scaled(keeps=not broken)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(*left_padded(), epochs=2, verbose=0)


@pair("padding-counted")
def plain_mean_of_losses_per_word(broken):
    """One loss per word, and weights that go to the metric but not into the mean."""
    model, optimizer = tagger(False), keras.optimizers.Adam(0.01)
    loss_fn = SCCE(from_logits=True, reduction="none")
    accuracy = keras.metrics.SparseCategoricalAccuracy()

    @tf.function
    def step(words, tags):
        real = tf.cast(words > 0, tf.float32)
        with tf.GradientTape() as tape:
            logits = model(words, training=True)
            losses = loss_fn(tags, logits)
            total = tf.reduce_sum(losses * real) / tf.reduce_sum(real)
            loss = tf.reduce_mean(losses) if broken else total
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        accuracy.update_state(tags, logits, sample_weight=real)
        return loss

    for words, tags in batches(*tokens()):
        step(words, tags)
