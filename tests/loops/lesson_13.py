"""Loops of lesson 13: classes that are rare, and features that do not show them."""

import keras
import numpy as np
import tensorflow as tf

from . import batches, pair
from .outputs import SCCE

M = keras.metrics


def imbalanced(informative, n=600):
    """Return x (n, 8) and y in 80 : 10 : 10, with features that tell the classes apart or not."""
    rng = np.random.default_rng(0)
    y = rng.choice(3, n, p=[0.8, 0.1, 0.1])
    centres = rng.normal(size=(3, 8)) * (2.0 if informative else 0.0)
    return (centres[y] + rng.normal(size=(n, 8))).astype("float32"), y.astype("int64")


def run(informative, *, update=None, finish=lambda: None, epochs=4, wrap=lambda f: f):
    """Train a linear model; `update` gets each batch of labels and logits."""
    keras.utils.set_random_seed(0)
    x, y = imbalanced(informative)
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(3)])
    optimizer, loss_fn = keras.optimizers.Adam(0.03), SCCE(from_logits=True)
    accuracy = M.SparseCategoricalAccuracy()

    @wrap
    def step(xb, yb):
        with tf.GradientTape() as tape:
            logits = model(xb, training=True)
            loss = loss_fn(yb, logits)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        accuracy.update_state(yb, logits)
        return logits

    for _ in range(epochs):
        for xb, yb in batches(x, y, 60):
            logits = step(tf.constant(xb), tf.constant(yb))
            if update:
                update(yb, logits)
        finish()
        accuracy.result()
        accuracy.reset_state()


@pair("class-imbalance")
def features_that_say_nothing(broken):
    run(informative=not broken)


@pair("class-imbalance")
def features_that_say_nothing_compiled(broken):
    run(informative=not broken, wrap=tf.function)


@pair("undefined-precision", also=("class-imbalance",))
def precision_of_a_class_never_named(broken):
    """The fixed twin has features that show the class, so that its precision is defined."""
    precision = M.Precision(class_id=2, top_k=1)

    def finish():
        float(precision.result())
        precision.reset_state()

    run(
        informative=not broken,
        update=lambda y, z: precision.update_state(tf.one_hot(y, 3), z),
        finish=finish,
    )
