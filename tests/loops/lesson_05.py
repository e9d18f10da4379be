"""Loops of lesson 05: an activation or a width of the last layer that does not fit the loss."""

import keras
import tensorflow as tf

from . import batches, blobs, pair
from .outputs import SCCE, mlp, train


@pair("wrong-output-activation")
def layers_made_in_a_loop(broken):
    last = "relu" if broken else None
    layers = [keras.layers.Dense(16, "relu"), keras.layers.Dense(6, last)]
    train(
        keras.Sequential([keras.Input((8,)), *layers]),
        SCCE(from_logits=True),
        classes=6,
        wrap=tf.function,
    )


@pair("wrong-output-activation")
def keras_sigmoid_for_exclusive_classes(broken):
    """Repaired by Keras in this loop, not through predict."""
    train(mlp(4, "sigmoid" if broken else "softmax"), SCCE(), classes=4)


@pair("wrong-output-activation")
def renormalised_sigmoids(broken):
    train(mlp(5, tf.nn.sigmoid if broken else tf.nn.softmax), SCCE(), classes=5)


@pair("output-units", raises=True)
def one_unit_for_three_classes(broken):
    train(mlp(1 if broken else 3), SCCE(from_logits=True), epochs=1)


@pair("output-units")
def tf_softmax_on_one_unit(broken):
    x, y = blobs(classes=2)
    model = mlp(1, tf.nn.softmax if broken else tf.nn.sigmoid)
    optimizer, loss_fn = keras.optimizers.Adam(0.01), keras.losses.BinaryCrossentropy()
    for xb, yb in batches(x, y[:, None].astype("float32")):
        with tf.GradientTape() as tape:
            loss = loss_fn(yb, model(xb, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
