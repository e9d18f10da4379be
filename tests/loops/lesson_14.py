"""Loops of lesson 14: class weights that do not arrive, are cut, or meet the wrong loss."""

import keras
import numpy as np
import tensorflow as tf

from . import batches, pair
from .lesson_13 import imbalanced
from .outputs import SCCE

WEIGHTS = {0: 0.42, 1: 3.4, 2: 3.3}


def run(loss, *, wrap=lambda f: f, update=None):
    """Train a linear model on 80 : 10 : 10; `loss` takes labels and logits."""
    keras.utils.set_random_seed(0)
    x, y = imbalanced(informative=True)
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(3)])
    optimizer = keras.optimizers.Adam(0.03)

    @wrap
    def step(xb, yb):
        with tf.GradientTape() as tape:
            logits = model(xb, training=True)
            value = loss(yb, logits)
        gradients = tape.gradient(value, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return logits

    for _ in range(2):
        for xb, yb in batches(x, y, 60):
            logits = step(tf.constant(xb), tf.constant(yb))
            if update:
                update(yb, logits)


def table(values=WEIGHTS, dtype=tf.float32):
    return tf.constant([values[k] for k in range(3)], dtype)


@pair("class-weights-ignored", raises=True)
def dictionary_given_to_the_loss(broken):
    loss_fn, weight_of = SCCE(from_logits=True), table()

    def loss(y, z):
        if broken:
            return loss_fn(y, z, class_weight=WEIGHTS)
        return loss_fn(y, z, sample_weight=tf.gather(weight_of, y))

    run(loss)


@pair("class-weights-ignored")
def sequences_as_long_as_the_batch(broken):
    """`fit` takes the argmax over positions; it raises unless B equals T."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 10, 4)).astype("float32")
    y = rng.choice(3, (40, 10), p=[0.8, 0.1, 0.1])
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((10, 4)), keras.layers.Dense(3)])
    model.compile("sgd", SCCE(from_logits=True))
    weights = np.array([WEIGHTS[k] for k in range(3)], "float32")
    how = {"class_weight": WEIGHTS} if broken else {"sample_weight": weights[y]}
    model.fit(x, y, batch_size=10, verbose=0, **how)


@pair("class-weights-scale")
def integers_cut_the_large_class_to_zero(broken):
    loss_fn = SCCE(from_logits=True)
    weight_of = tf.constant([int(w) for w in WEIGHTS.values()]) if broken else table()
    run(lambda y, z: loss_fn(y, z, sample_weight=tf.gather(weight_of, y)))


@pair("class-weights-scale")
def integers_compiled(broken):
    loss_fn = SCCE(from_logits=True)
    weight_of = tf.constant([int(w) for w in WEIGHTS.values()]) if broken else table()
    run(lambda y, z: loss_fn(y, z, sample_weight=tf.gather(weight_of, y)), wrap=tf.function)


@pair("loss-weights-misuse", raises=True)
def loss_weights_by_class(broken):
    x, y = imbalanced(informative=True)
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(3)])
    settings = {"loss_weights": WEIGHTS} if broken else {}
    model.compile("sgd", SCCE(from_logits=True), **settings)
    model.fit(x, y, verbose=0, class_weight=None if broken else WEIGHTS)


@pair("broadcast-shapes")
def column_of_weights_by_hand(broken):
    """Weights (B, 1) times losses (B,): a (B, B) table."""
    weight_of = table()

    def loss(y, z):
        losses = keras.losses.sparse_categorical_crossentropy(y, z, from_logits=True)
        weights = tf.gather(weight_of, y)
        return tf.reduce_mean(losses * (weights[:, None] if broken else weights))

    run(loss)


# Weights that reach only the metric, or nothing at all, cannot be told from weights not wanted.
UNDETECTABLE = {
    "class-weights-ignored, in a loop": "that weights were declared cannot be seen; tell "
    "checks.weights",
}
