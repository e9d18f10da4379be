"""Loops of lesson 09: what metrics remember."""

import keras
import tensorflow as tf

from . import blobs, pair
from .outputs import SCCE, mlp

M = keras.metrics


def train(epochs, start_epoch, measure, validate=None, wrap=lambda f: f, end_epoch=lambda: None):
    """Run a loop that trains, measures and validates."""
    x, y = blobs()
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(32)
    held_out = tf.data.Dataset.from_tensor_slices(blobs(128, seed=1)).batch(32)
    model, optimizer, loss_fn = mlp(3), keras.optimizers.Adam(0.01), SCCE(from_logits=True)

    @wrap
    def step(xb, yb):
        with tf.GradientTape() as tape:
            p = model(xb, training=True)
            loss = loss_fn(yb, p)
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables))
        return p

    for _ in range(epochs):
        start_epoch()
        for xb, yb in data:
            measure(yb, step(xb, yb))
        end_epoch()
        for xb, yb in held_out if validate else ():
            validate(yb, model(xb, training=False))
        if validate:
            end_epoch()


@pair("metric-not-reset")
def reset_states_that_is_not_there(broken):
    """Code for every version of Keras, which in Keras 3 resets nothing."""
    metric = M.SparseCategoricalAccuracy()

    def start():
        if not broken:
            metric.reset_state()
        elif hasattr(metric, "reset_states"):
            metric.reset_states()

    train(3, start, metric.update_state, wrap=tf.function, end_epoch=metric.result)


@pair("metric-not-reset")
def never_reset_in_validation(broken):
    accuracy, val_accuracy = M.SparseCategoricalAccuracy(), M.SparseCategoricalAccuracy()

    def start():
        accuracy.reset_state()
        if not broken:
            val_accuracy.reset_state()

    train(
        3,
        start,
        accuracy.update_state,
        val_accuracy.update_state,
        end_epoch=lambda: (accuracy.result(), val_accuracy.result()),
    )


@pair("metric-not-reset")
def shared_by_training_and_validation(broken):
    """Reset each epoch; but validation is added on top of training."""
    accuracy = M.SparseCategoricalAccuracy()
    val_accuracy = accuracy if broken else M.SparseCategoricalAccuracy()

    def start():
        accuracy.reset_state()
        val_accuracy.reset_state()

    train(
        3,
        start,
        accuracy.update_state,
        val_accuracy.update_state,
        end_epoch=lambda: float(accuracy.result()),
    )


@pair("running-value")
def a_list_of_running_values(broken):
    metric, values = M.SparseCategoricalAccuracy(), []

    def measure(yb, p):
        if broken:
            values.append(float(metric(yb, p)))
        else:
            hits = M.sparse_categorical_accuracy(yb, p)
            metric.update_state(yb, p)
            values.append(float(tf.reduce_mean(hits)))

    train(2, metric.reset_state, measure, end_epoch=lambda: float(metric.result()))


@pair("last-batch-metric")
def the_function_after_the_loop(broken):
    metric, last = M.SparseCategoricalAccuracy(), {}

    def measure(yb, p):
        if broken:
            last["accuracy"] = tf.reduce_mean(M.sparse_categorical_accuracy(yb, p))
        else:
            metric.update_state(yb, p)
            last["accuracy"] = metric.result()

    train(2, metric.reset_state, measure, end_epoch=lambda: float(last["accuracy"]))


@pair("metric-recreated")
def made_in_every_step(broken):
    metric, last = M.SparseCategoricalAccuracy(), {}

    def measure(yb, p):
        each = M.SparseCategoricalAccuracy() if broken else metric
        each.update_state(yb, p)
        last["accuracy"] = float(each.result())

    train(2, metric.reset_state, measure)


@pair("metric-recreated", raises=True)
def made_in_a_compiled_step(broken):
    metric = M.SparseCategoricalAccuracy()

    @tf.function
    def measure(yb, p):
        each = M.SparseCategoricalAccuracy() if broken else metric
        each.update_state(yb, p)
        return each.result()

    train(2, metric.reset_state, measure)
