"""Loops of lesson 11: losses that mean less than they seem."""

import keras
import numpy as np
import tensorflow as tf

from . import blobs, pair
from .outputs import SCCE, mlp


def train(x, y, *, epochs, model=None, held_out=None, learning_rate=0.01):
    """Run a compiled loop on batches; measure held-out data each epoch if there are any."""
    model, loss_fn = model or mlp(3), SCCE(from_logits=True)
    optimizer, mean_loss = keras.optimizers.Adam(learning_rate), keras.metrics.Mean()
    accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
    val_accuracy = keras.metrics.SparseCategoricalAccuracy(name="val_accuracy")

    @tf.function
    def step(xb, yb):
        with tf.GradientTape() as tape:
            p = model(xb, training=True)
            loss = loss_fn(yb, p)
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables))
        mean_loss.update_state(loss, sample_weight=tf.shape(yb)[0])
        accuracy.update_state(yb, p)

    for _ in range(epochs):
        for metric in (mean_loss, accuracy, val_accuracy):
            metric.reset_state()
        for xb, yb in tf.data.Dataset.from_tensor_slices((x, y)).batch(32):
            step(xb, yb)
        float(mean_loss.result()), float(accuracy.result())
        if held_out is not None:
            for xb, yb in tf.data.Dataset.from_tensor_slices(held_out).batch(64):
                val_accuracy.update_state(yb, model(xb, training=False))
            float(val_accuracy.result())


@pair("memorised-noise")
def labels_by_lot_with_validation(broken):
    x, y = blobs(96, classes=4)
    x_val, y_val = blobs(256, classes=4)
    if broken:
        rng = np.random.default_rng(0)
        y, y_val = rng.integers(0, 4, len(y)), rng.integers(0, 4, len(y_val))
    keras.utils.set_random_seed(0)
    wide = keras.Sequential(
        [keras.Input((8,)), keras.layers.Dense(256, "relu"), keras.layers.Dense(4)]
    )
    train(x, y, epochs=60, model=wide, held_out=(x_val, y_val), learning_rate=0.02)


@pair("loss-without-anchor")
def features_scaled_to_nothing(broken):
    """Divided by 255 twice too often: the loss rests at ln C."""
    x, y = blobs(256)
    train(x / 255**2 if broken else x, y, epochs=10)
