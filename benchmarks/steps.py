"""The training steps that the benchmarks time: a model, its data, and how it is compiled."""

import keras
import numpy as np
import tensorflow as tf

BATCH = 64
MODELS = ("dense", "cnn", "large")


def model(kind: str):
    """Return a classifier of ten classes and the shape of its input.

    ``dense`` is two hidden layers of 64, ``cnn`` two convolutions on 16 × 16 images, and
    ``large`` two wider ones on 32 × 32 images, a step of well over 50 ms on two cores.
    """
    if kind == "dense":
        layers, shape = [keras.layers.Dense(64, "relu"), keras.layers.Dense(64, "relu")], (64,)
    else:
        side, filters = (16, (16, 32)) if kind == "cnn" else (32, (32, 64))
        layers = [keras.layers.Conv2D(n, 3, activation="relu") for n in filters]
        layers.append(keras.layers.GlobalAveragePooling2D())
        shape = (side, side, 3)
    return keras.Sequential([keras.Input(shape), *layers, keras.layers.Dense(10)]), shape


def block(kind: str, route: str, steps: int):
    """Return a function that trains for some steps; route is eager, graph or xla."""
    keras.utils.set_random_seed(0)
    network, shape = model(kind)
    optimizer = keras.optimizers.Adam()
    optimizer.build(network.trainable_variables)
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    accuracy = keras.metrics.SparseCategoricalAccuracy()
    rng = np.random.default_rng(0)
    batches = [
        (
            tf.constant(rng.normal(size=(BATCH, *shape)).astype("float32")),
            tf.constant(rng.integers(0, 10, BATCH)),
        )
        for _ in range(8)
    ]

    def step(x, y):
        with tf.GradientTape() as tape:
            logits = network(x, training=True)
            loss = loss_fn(y, logits)
        gradients = tape.gradient(loss, network.trainable_variables)
        optimizer.apply_gradients(zip(gradients, network.trainable_variables, strict=True))
        accuracy.update_state(y, logits)
        return loss

    if route != "eager":
        step = tf.function(step, jit_compile=route == "xla")

    def run():
        for i in range(steps):
            step(*batches[i % len(batches)])
        accuracy.result()
        accuracy.reset_state()

    return run
