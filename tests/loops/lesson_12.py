"""Loops of lesson 12: stopping, and what validation is made of."""

import keras
import numpy as np
import tensorflow as tf

from . import blobs, pair
from .outputs import SCCE, mlp

UNDETECTABLE = {
    "validation-leak": "a loop shows batches, not where they came from; see the register",
}


@pair("early-stopping-without-restore")
def callback_with_its_default(broken):
    x, y = blobs(64, classes=4, spread=4.0)
    x_val, y_val = blobs(128, classes=4, spread=4.0)
    model = mlp(4)
    model.compile(keras.optimizers.Adam(0.05), SCCE(from_logits=True))
    stop = keras.callbacks.EarlyStopping(patience=4, restore_best_weights=not broken)
    model.fit(x, y, epochs=40, validation_data=(x_val, y_val), callbacks=[stop], verbose=0)


@pair("sorted-split")
def a_cut_through_sorted_data(broken):
    x, y = blobs(400, classes=4)
    if broken:
        order = np.argsort(y, kind="stable")
        x, y = x[order], y[order]
    model, optimizer = mlp(4), keras.optimizers.Adam(0.01)
    loss_fn, accuracy = SCCE(from_logits=True), keras.metrics.SparseCategoricalAccuracy()

    @tf.function
    def step(xb, yb):
        with tf.GradientTape() as tape:
            loss = loss_fn(yb, model(xb, training=True))
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables))

    for _ in range(4):
        accuracy.reset_state()
        training = tf.data.Dataset.from_tensor_slices((x[:300], y[:300])).shuffle(300, seed=0)
        for xb, yb in training.batch(32):
            step(xb, yb)
        for xb, yb in tf.data.Dataset.from_tensor_slices((x[300:], y[300:])).batch(50):
            accuracy.update_state(yb, model(xb, training=False))
        float(accuracy.result())


def leaking_split(broken):
    """Shuffle, take, skip: another order in each epoch. Not registered: no check can see it."""
    x, y = blobs(256)
    data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(
        256, seed=0, reshuffle_each_iteration=broken
    )
    model = mlp(3)
    model.compile(keras.optimizers.Adam(0.01), SCCE(from_logits=True), metrics=["accuracy"])
    model.fit(data.skip(64).batch(32), validation_data=data.take(64).batch(32), epochs=3, verbose=0)
