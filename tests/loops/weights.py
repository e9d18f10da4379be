"""Class weights given to fit, and what a train_step of one's own makes of them."""

import keras
import numpy as np
import tensorflow as tf

from . import blobs, healthy, pair
from .outputs import SCCE, mlp

WEIGHTS = {0: 0.5, 1: 2.0, 2: 0.5}


class Own(keras.Model):
    """A model with a train_step of its own, which passes the weights on or does not."""

    def __init__(self, loss, keeps):
        super().__init__()
        self.body, self.own_loss, self.keeps = mlp(3), loss, keeps

    def call(self, x):
        return self.body(x)

    def train_step(self, data):
        x, y, *weight = data
        with tf.GradientTape() as tape:
            loss = self.own_loss(y, self(x, training=True), *(weight if self.keeps else ()))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        return {"loss": loss}


def fit(loss, keeps, **how):
    model = Own(loss, keeps)
    model.compile("adam")
    model.fit(*blobs(128), epochs=2, verbose=0, class_weight=WEIGHTS, **how)


@pair("class-weights-ignored")
def dropped_in_train_step(broken):
    fit(SCCE(from_logits=True), keeps=not broken)


@pair("class-weights-ignored")
def dropped_before_an_op(broken):
    def loss(y, logits, weight=None):
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)
        return tf.reduce_mean(losses if weight is None else losses * weight)

    fit(loss, keeps=not broken)


@healthy
def class_weight_and_the_usual_train_step():
    x, y = blobs(128)
    model = mlp(3)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.layers[-1].activation = keras.activations.softmax
    for _ in range(2):  # the second time, the step is known already
        model.fit(x, y, verbose=0, class_weight=WEIGHTS)
    model.compile("adam", keras.losses.CategoricalCrossentropy())
    model.fit(x, np.eye(3)[y], verbose=0, class_weight=WEIGHTS)


def half_labelled():
    """Return inputs, labels with a filler where none is known, and weights of 0 there."""
    x, y = blobs(480)
    known = np.random.default_rng(2).random(480) < 0.6
    return x, np.where(known, y, 0), known.astype("float32")


@pair("weights-not-in-metric")
def accuracy_of_labels_that_are_unknown(broken):
    x, y, known = half_labelled()
    model, optimizer, loss_fn = mlp(3), keras.optimizers.Adam(0.02), SCCE(from_logits=True)
    accuracy = keras.metrics.SparseCategoricalAccuracy()
    for _ in range(5):
        accuracy.reset_state()
        for start in range(0, 480, 48):
            part = slice(start, start + 48)
            with tf.GradientTape() as tape:
                logits = model(x[part], training=True)
                loss = loss_fn(y[part], logits, sample_weight=known[part])
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
            accuracy.update_state(y[part], logits, sample_weight=None if broken else known[part])


@pair("weights-not-in-metric")
def metrics_that_should_be_weighted(broken):
    x, y, known = half_labelled()
    model = mlp(3)
    kind = "metrics" if broken else "weighted_metrics"
    model.compile(keras.optimizers.Adam(0.02), SCCE(from_logits=True), **{kind: ["accuracy"]})
    model.fit(x, y, sample_weight=known, batch_size=48, epochs=12, verbose=0)


@pair("loss-weights-misuse")
def class_ids_as_keys_of_loss_weights(broken):
    x, y = blobs(128)
    inputs = keras.Input((8,))
    heads = [keras.layers.Dense(3, name="kind")(inputs), keras.layers.Dense(1, name="rare")(inputs)]
    model = keras.Model(inputs, heads)
    losses = [SCCE(from_logits=True), keras.losses.BinaryCrossentropy(from_logits=True)]
    weights = {0: 0.2, 1: 0.8} if broken else [0.2, 0.8]
    model.compile("adam", losses, loss_weights=weights)
    model.fit(x, [y, (y == 2).astype("float32")], epochs=2, verbose=0)
