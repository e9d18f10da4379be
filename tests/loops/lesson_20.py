"""Loops like those of the clinic: two faults at once, and healthy ones that look strange.

The patients themselves stand in the notebook; `tests/lessons/test_20.py` watches them.
"""

import keras
import tensorflow as tf

from . import batches, blobs, healthy, pair
from .outputs import SCCE, mlp


def train(model, loss_fn, *, optimizer=None, variables=None, epochs=2, on_step=lambda y, p: None):
    x, y = blobs()
    optimizer = optimizer or keras.optimizers.Adam(0.01)
    for _ in range(epochs):
        for xb, yb in batches(x, y, 48):
            with tf.GradientTape() as tape:
                p = model(xb, training=True)
                loss = loss_fn(yb, p)
            trained = model.trainable_variables if variables is None else variables
            gradients = tape.gradient(loss, trained)
            optimizer.apply_gradients(zip(gradients, trained))
            on_step(yb, p)


@pair("logits-as-probabilities", also=("metric-not-reset",))
def wrong_loss_and_a_metric_that_remembers(broken):
    metric = keras.metrics.SparseCategoricalAccuracy()
    train(mlp(3), SCCE(from_logits=not broken), epochs=1, on_step=metric.update_state)
    float(metric.result())
    if not broken:
        metric.reset_state()
    train(mlp(3), SCCE(from_logits=not broken), epochs=1, on_step=metric.update_state)
    float(metric.result())


@pair("summed-loss", also=("missing-regularisation",))
def a_sum_and_a_lost_penalty(broken):
    model = keras.Sequential(
        [keras.Input((8,)), keras.layers.Dense(3, kernel_regularizer=keras.regularizers.L2(0.01))]
    )
    loss_fn = SCCE(from_logits=True, reduction="sum" if broken else "sum_over_batch_size")
    train(model, lambda y, p: loss_fn(y, p) + (0.0 if broken else tf.add_n(model.losses)))


@healthy
def five_odd_habits():
    """A sum divided by the batch, a softmax the loss knows of, label columns, a late reset."""
    model = keras.Sequential([mlp(3), keras.layers.Activation(tf.nn.softmax)])
    total = SCCE(reduction="sum")
    metric = keras.metrics.SparseCategoricalAccuracy()
    for _ in range(2):
        train(
            model,
            lambda y, p: total(y[:, None], p) / len(y),
            variables=model.trainable_variables[::-1],
            epochs=1,
            on_step=metric.update_state,
        )
        float(metric.result())
        metric.reset_state()


@healthy
def data_that_say_nothing():
    """The loss stays at ln 3 because the data hold no more."""
    x, y = blobs(spread=100.0)
    model, optimizer, loss_fn = mlp(3), keras.optimizers.Adam(1e-4), SCCE(from_logits=True)
    for xb, yb in batches(x / 100, y):
        with tf.GradientTape() as tape:
            loss = loss_fn(yb, model(xb, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
