"""Loops of lesson 10: figures that differ from the truth."""

import keras
import numpy as np
import tensorflow as tf

from . import blobs, healthy, pair
from .outputs import SCCE

M = keras.metrics


def build():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(16),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(3),
        ]
    )


def train(model, x, y, *, flag=True, epochs=2, size=32, wrap=tf.function):
    optimizer, loss_fn = keras.optimizers.Adam(0.01), SCCE(from_logits=True)

    @wrap
    def step(xb, yb):
        with tf.GradientTape() as tape:
            loss = loss_fn(yb, model(xb, training=True) if flag else model(xb))
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables))

    for _ in range(epochs):
        for xb, yb in tf.data.Dataset.from_tensor_slices((x, y)).batch(size):
            step(xb, yb)


@pair("training-flag")
def left_on_in_evaluation(broken):
    model, (x, y) = build(), blobs()
    train(model, x, y)
    accuracy = M.SparseCategoricalAccuracy()
    for xb, yb in tf.data.Dataset.from_tensor_slices((x, y)).batch(32):
        accuracy.update_state(yb, model(xb, training=broken))
    float(accuracy.result())


@pair("training-flag")
def missing_in_a_compiled_step(broken):
    model, (x, y) = build(), blobs()
    train(model, x, y, flag=not broken)


@pair("training-flag")
def missing_in_an_eager_step(broken):
    model, (x, y) = build(), blobs(96)
    train(model, x, y, flag=not broken, wrap=lambda f: f)


@pair("ragged-batch")
def mean_without_weights(broken):
    model, (x, y), loss_fn = build(), blobs(130), SCCE(from_logits=True)
    train(model, x, y)
    mean_loss = M.Mean()
    for xb, yb in tf.data.Dataset.from_tensor_slices((x, y)).batch(64):
        loss = loss_fn(yb, model(xb, training=False))
        mean_loss.update_state(loss, sample_weight=None if broken else len(yb))
    float(mean_loss.result())


@pair("reshuffled-pass")
def predictions_and_labels_from_two_passes(broken):
    model, (x, y) = build(), blobs()
    train(model, x, y)
    data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(256, seed=0).batch(32)
    accuracy = M.SparseCategoricalAccuracy()
    if broken:
        scores = model.predict(data, verbose=0)
        labels = np.concatenate([yb.numpy() for _, yb in data])
    else:
        pairs = [(yb.numpy(), model(xb, training=False).numpy()) for xb, yb in data]
        labels, scores = (np.concatenate(part) for part in zip(*pairs, strict=True))
    accuracy.update_state(labels, scores)
    float(accuracy.result())


@pair("misaligned-labels")
def two_permutations(broken):
    x, y = blobs(512)
    rng = np.random.default_rng(0)
    order = rng.permutation(len(x))
    x, y = (rng.permutation(x), rng.permutation(y)) if broken else (x[order], y[order])
    model = build()
    train(model, x, y, epochs=6)
    accuracy = M.SparseCategoricalAccuracy()
    x_val, y_val = blobs(256)
    accuracy.update_state(y_val, model(x_val, training=False))
    float(accuracy.result())


@healthy
def running_average_below_validation():
    """Dropout, and an average over moving weights: training looks worse, and nothing is wrong."""
    x, y = blobs()
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dropout(0.6), keras.layers.Dense(3)])
    optimizer, loss_fn = keras.optimizers.Adam(0.03), SCCE(from_logits=True)
    accuracy, val_accuracy = M.SparseCategoricalAccuracy(), M.SparseCategoricalAccuracy()
    for _ in range(2):
        accuracy.reset_state()
        val_accuracy.reset_state()
        for xb, yb in tf.data.Dataset.from_tensor_slices((x, y)).batch(32):
            with tf.GradientTape() as tape:
                p = model(xb, training=True)
                loss = loss_fn(yb, p)
            grads = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients(zip(grads, model.trainable_variables))
            accuracy.update_state(yb, p)
        for xb, yb in tf.data.Dataset.from_tensor_slices(blobs(128, seed=0)).batch(32):
            val_accuracy.update_state(yb, model(xb, training=False))
        float(accuracy.result()), float(val_accuracy.result())
