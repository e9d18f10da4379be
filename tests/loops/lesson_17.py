"""Loops of lesson 17: what runs while tracing, what is traced too often, what is made too often."""

import keras
import tensorflow as tf

from . import batches, blobs, healthy, pair
from .outputs import SCCE, mlp

PLAIN = SCCE(from_logits=True)


def gradients_of(model, x, y):
    with tf.GradientTape() as tape:
        loss = PLAIN(y, model(x, training=True))
    return loss, tape.gradient(loss, model.trainable_variables)


def run(step, epochs=2):
    x, y = blobs()
    for _ in range(epochs):
        for xb, yb in batches(x, y):
            step(tf.constant(xb), tf.constant(yb))


@pair("python-side-effects")
def losses_kept_in_the_step(broken):
    model, optimizer, kept = mlp(3), keras.optimizers.SGD(0.1), []

    @tf.function
    def step(x, y):
        loss, gradients = gradients_of(model, x, y)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        if broken:
            kept.append(loss)
        return loss

    run(lambda x, y: step(x, y) if broken else kept.append(float(step(x, y))))


@pair("python-side-effects")
def a_counter_of_steps(broken):
    model, optimizer = mlp(3), keras.optimizers.SGD(0.1)
    count, variable = 0, tf.Variable(0)

    @tf.function
    def step(x, y):
        nonlocal count
        _, gradients = gradients_of(model, x, y)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        if broken:
            count += 1
        else:
            variable.assign_add(1)

    run(step)


@pair("python-side-effects")
def a_rate_lowered_outside(broken):
    model, rate, variable = mlp(3), 0.5, tf.Variable(0.5)

    @tf.function
    def frozen(x, y):
        _, gradients = gradients_of(model, x, y)
        for v, g in zip(model.trainable_variables, gradients):
            v.assign_sub(rate * g)

    @tf.function
    def step(x, y):
        _, gradients = gradients_of(model, x, y)
        for v, g in zip(model.trainable_variables, gradients):
            v.assign_sub(variable * g)

    for _ in range(3):
        run(frozen if broken else step, epochs=1)
        rate /= 3
        variable.assign(variable / 3)


@pair("retracing")
def the_step_number_as_a_python_int(broken):
    model, optimizer, number = mlp(3), keras.optimizers.SGD(0.1), 0

    @tf.function
    def step(x, y, k):
        _, gradients = gradients_of(model, x, y)
        scale = 1.0 / (1.0 + 0.01 * tf.cast(k, tf.float32))
        gradients = [g * scale for g in gradients]
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))

    def numbered(x, y):
        nonlocal number
        number += 1
        step(x, y, number if broken else tf.constant(number))

    run(numbered, epochs=1)


@pair("retracing")
def decorated_in_the_loop(broken):
    model, optimizer = mlp(3), keras.optimizers.SGD(0.1)

    def plain(x, y):
        _, gradients = gradients_of(model, x, y)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))

    once = tf.function(plain)
    run(lambda x, y: (tf.function(plain) if broken else once)(x, y), epochs=1)


@pair("optimizer-recreated")
def adam_in_the_batch_loop(broken):
    model, kept = mlp(3), keras.optimizers.Adam(0.01)

    def step(x, y):
        optimizer = keras.optimizers.Adam(0.01) if broken else kept
        _, gradients = gradients_of(model, x, y)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))

    run(step, epochs=1)


@pair("optimizer-recreated", raises=True)
def adam_in_a_compiled_step(broken):
    model, kept = mlp(3), keras.optimizers.Adam(0.01)

    @tf.function
    def step(x, y):
        optimizer = keras.optimizers.Adam(0.01) if broken else kept
        _, gradients = gradients_of(model, x, y)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))

    run(step, epochs=1)


@healthy
def a_short_last_batch():
    """Two traces are fine; so is a Python constant that never changes."""
    model, optimizer, smoothing = mlp(3), keras.optimizers.SGD(0.1), 0.5

    @tf.function
    def step(x, y):
        _, gradients = gradients_of(model, x, y)
        gradients = [smoothing * g for g in gradients]
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))

    x, y = blobs(200)
    for _ in range(3):
        for xb, yb in batches(x, y):
            step(tf.constant(xb), tf.constant(yb))
