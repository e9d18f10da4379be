"""What the experiments share: fixed scores, tiny models, and the decorator `settles`.

The scores are written out, not drawn, so that the figures in the ledger are
the same on every machine.
"""

import utils  # noqa: F401  first, so that TensorFlow starts quietly

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

LOGITS = np.array(
    [[2.0, -1.0, 0.5], [0.3, 1.2, -0.8], [-1.0, 0.4, 0.9], [1.1, -0.6, 0.2]], np.float32
)
LABELS = np.array([0, 1, 2, 1])
ONE_HOT = np.eye(3, dtype=np.float32)[LABELS]
# −log p of the true class, mean over the four rows; and the same with the
# softmax applied twice. Both are derived in test_d001.py from utils.reference.
TRUE_LOSS = 0.8502
TWICE_LOSS = 0.9341


def settles(claim, *, verdict):
    """Mark an experiment as the one that decides `claim`, with the verdict it proves."""
    return pytest.mark.settles(claim, verdict=verdict)


def sparse_loss(**kwargs):
    """Return Keras' SparseCategoricalCrossentropy."""
    return keras.losses.SparseCategoricalCrossentropy(**kwargs)


def passthrough(activation=None, **kwargs):
    """Return a model whose last layer's scores are its input, then `activation`."""
    dense = keras.layers.Dense(
        3, activation=activation, kernel_initializer=keras.initializers.Identity(), **kwargs
    )
    return keras.Sequential([keras.Input((3,)), dense])


def network(inputs, outputs=10, *, hidden=32, activation=None):
    """Return a small dense classifier."""
    return keras.Sequential(
        [
            keras.Input((inputs,)),
            keras.layers.Dense(hidden, activation="relu"),
            keras.layers.Dense(outputs, activation=activation),
        ]
    )


def heard(function, *args):
    """Call `function`; return its value and the warnings about softmax and from_logits."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        value = function(*args)
    return value, [str(w.message) for w in caught if "from_logits" in str(w.message)]


def score(metric, *args, **kwargs):
    """Return the value of a fresh metric object after one update."""
    metric.update_state(*args, **kwargs)
    return float(metric.result())


def accuracy(y_true, y_pred):
    """Return Keras' sparse accuracy of one batch."""
    return score(keras.metrics.SparseCategoricalAccuracy(), y_true, y_pred)


def train(model, loss_fn, batches, optimizer=None, metric=None):
    """Run an eager training loop over `batches`; return the loss of every step."""
    optimizer = optimizer or keras.optimizers.Adam()
    losses = []
    for x, y in batches:
        with tf.GradientTape() as tape:
            scores = model(x, training=True)
            loss = loss_fn(y, scores)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        if metric is not None:
            metric.update_state(y, scores)
        losses.append(float(loss))
    return losses


def batches(x, y, size, *, epochs=1):
    """Return (x, y) in order, in batches of `size`, `epochs` times."""
    return [(x[i : i + size], y[i : i + size]) for i in range(0, len(x), size)] * epochs


def drill(model, loss_fn, x, y, steps, optimizer=None):
    """Train on the whole of (x, y) at every step, compiled; return the last loss."""
    optimizer = optimizer or keras.optimizers.Adam(0.02)
    optimizer.build(model.trainable_variables)
    x, y = tf.constant(x), tf.constant(y)

    @tf.function
    def run():
        loss = tf.constant(0.0)
        for _ in tf.range(steps):
            with tf.GradientTape() as tape:
                loss = loss_fn(y, model(x, training=True))
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    return float(run())
