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
