"""What a trace takes from Python, and keeps: random numbers, numbers as arguments, lists."""

import random

import keras
import numpy as np
import tensorflow as tf

from . import blobs, healthy, pair
from .outputs import SCCE, mlp
from .run import Trainer, dataset


@pair("python-side-effects")
def noise_from_numpy(broken):
    """Noise against overfitting: from NumPy it is drawn once, and the same for every batch."""
    trainer = Trainer()

    @tf.function
    def step(x, y):
        shape = (1, x.shape[-1])
        noise = np.random.normal(size=shape) if broken else tf.random.normal(shape)  # noqa: NPY002
        return trainer.step(x + 0.1 * tf.cast(noise, x.dtype), y)[0]

    for x, y in dataset():
        step(x, y)


@pair("python-side-effects")
def brightness_from_python(broken):
    """An augmentation in Dataset.map."""

    def brighter(x, y):
        factor = random.uniform(0.8, 1.2) if broken else tf.random.uniform([], 0.8, 1.2)
        return x * factor, y

    trainer = Trainer()
    for x, y in dataset().map(brighter):
        trainer.step(x, y)


@pair("retracing")
def a_number_for_every_epoch(broken):
    """The weight of a penalty rises from epoch to epoch."""
    trainer = Trainer()

    @tf.function
    def step(x, y, weight):
        loss, _ = trainer.step(x, y)
        return loss + weight * tf.reduce_sum(tf.square(trainer.model.trainable_variables[0]))

    for epoch in range(6):
        weight = 0.01 * 2.0**epoch
        for x, y in dataset():
            step(x, y, weight if broken else tf.constant(weight))


class Perturbed:
    """An optimizer that climbs a little first; what it added is kept from half to half."""

    def __init__(self, base):
        self.base, self.added = base, []

    def climb(self, gradients, variables):
        self.added = []
        norm = tf.linalg.global_norm(gradients)
        for gradient, variable in zip(gradients, variables, strict=True):
            self.added.append(0.05 * gradient / (norm + 1e-12))
            variable.assign_add(self.added[-1])

    def descend(self, gradients, variables):
        for added, variable in zip(self.added, variables, strict=True):
            variable.assign_sub(added)
        self.base.apply_gradients(zip(gradients, variables, strict=True))


@healthy
def a_list_that_lives_in_the_trace():
    """Sharpness-aware minimisation, as its public implementations are written."""
    model, loss_fn = mlp(), SCCE(from_logits=True)
    optimizer = Perturbed(keras.optimizers.SGD(0.1))

    @tf.function
    def step(x, y):
        for move in (optimizer.climb, optimizer.descend):
            with tf.GradientTape() as tape:
                loss = loss_fn(y, model(x, training=True))
            move(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        return loss

    for _ in range(3):
        for x, y in dataset():
            step(x, y)


@healthy
def first_values_from_numpy():
    """Variables made at the first call: what NumPy draws for them is drawn once, rightly."""

    class Linear(tf.Module):
        weights = None

        @tf.function
        def step(self, x, y):
            if self.weights is None:
                start = np.random.normal(size=(x.shape[-1], 3)).astype("float32")  # noqa: NPY002
                self.weights = tf.Variable(0.1 * start)
            with tf.GradientTape() as tape:
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, x @ self.weights)
                loss = tf.reduce_mean(losses)
            self.weights.assign_sub(0.1 * tape.gradient(loss, self.weights))
            return loss

    linear = Linear()
    for x, y in dataset():
        linear.step(x, y)


@healthy
def examples_in_columns():
    """Scores W x + b of shape (classes, examples), compared along axis 0."""
    x, y = blobs(240)
    weights, bias = tf.Variable(tf.zeros((3, 8))), tf.Variable(tf.zeros((3, 1)))

    @tf.function
    def step(columns, labels):
        with tf.GradientTape() as tape:
            scores = tf.matmul(weights, columns) + bias
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, tf.transpose(scores))
            loss = tf.reduce_mean(losses)
        for variable, gradient in zip(
            (weights, bias), tape.gradient(loss, [weights, bias]), strict=True
        ):
            variable.assign_sub(0.1 * gradient)
        right = tf.equal(tf.argmax(scores, axis=0), labels)
        return loss, tf.reduce_mean(tf.cast(right, tf.float32))

    for _ in range(3):
        for start in range(0, 240, 40):
            step(tf.constant(x[start : start + 40].T), tf.constant(y[start : start + 40]))


@healthy
def metric_state_handed_on():
    """A metric without state of its own: the loop carries its variables, and begins them anew."""
    trainer, metric = Trainer(), keras.metrics.SparseCategoricalAccuracy()
    for _ in range(4):
        state = [tf.zeros_like(v.value) for v in metric.variables]
        for x, y in dataset():
            _, scores = trainer.step(x, y)
            state = metric.stateless_update_state(state, y, scores)
        metric.stateless_result(state)


class OwnMetrics(keras.Model):
    """A model that says itself which metrics it has; Keras' mean of the loss is not among them."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")

    @property
    def metrics(self):
        return [self.accuracy]

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        self.accuracy.update_state(y, y_pred)
        return {"accuracy": self.accuracy.result()}


@healthy
def own_metrics_under_fit():
    inputs = keras.Input((8,))
    model = OwnMetrics(inputs, keras.layers.Dense(3)(inputs))
    model.compile("adam", SCCE(from_logits=True))
    x, y = blobs(320)
    model.evaluate(x[:64], y[:64], verbose=0)
    model.fit(x, y, epochs=3, verbose=0)
