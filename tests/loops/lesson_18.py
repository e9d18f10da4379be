"""Loops of lesson 18: padding that counts, masks that are lost, sorted labels."""

from utils import data

import keras
import numpy as np
import tensorflow as tf

from . import pair
from .outputs import SCCE


def reader(masking):
    layers = [keras.layers.Masking()] if masking else []
    return keras.Sequential(
        [keras.Input((None, 64)), *layers, keras.layers.Dense(16, "relu"), keras.layers.Dense(10)]
    )


def read_codes(model, loss_of, *, masked_metric=True, wrap=lambda f: f):
    codes = data.codes()
    batches = tf.data.Dataset.from_tensor_slices((codes.x_train, codes.y_train)).batch(48)
    optimizer = keras.optimizers.Adam(0.01)
    accuracy = keras.metrics.SparseCategoricalAccuracy()

    @wrap
    def step(x, y):
        mask = tf.cast(tf.reduce_any(x != 0, axis=-1), tf.float32)
        with tf.GradientTape() as tape:
            p = model(x, training=True)
            loss = loss_of(y, p, mask)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        accuracy.update_state(y, p, sample_weight=mask if masked_metric else None)

    for x, y in batches:
        step(x, y)
    accuracy.result()


def masked(y, p, mask):
    losses = keras.losses.sparse_categorical_crossentropy(y, p, from_logits=True)
    return tf.reduce_sum(losses * mask) / tf.reduce_sum(mask)


@pair("padding-counted")
def blank_boxes_in_loss_and_metric(broken):
    plain = SCCE(from_logits=True)
    loss_of = (lambda y, p, m: plain(y, p)) if broken else masked
    read_codes(reader(False), loss_of, masked_metric=not broken)


@pair("padding-counted")
def blank_boxes_in_a_compiled_metric(broken):
    read_codes(reader(False), masked, masked_metric=not broken, wrap=tf.function)


@pair("lost-mask")
def divided_by_a_temperature(broken):
    loss_fn = SCCE(from_logits=True)

    def loss_of(y, p, mask):
        scaled = p / 2.0
        return masked(y, scaled, mask) if not broken else loss_fn(y, scaled)

    read_codes(reader(True), loss_of)


@pair("unshuffled-labels")
def short_shuffle_buffer(broken):
    digits = data.digits()
    order = np.argsort(digits.y_train, kind="stable")
    x, y = digits.x_train[order], digits.y_train[order]
    batches = tf.data.Dataset.from_tensor_slices((x, y))
    batches = batches.shuffle(64 if broken else len(x), seed=1).batch(16)
    model = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(10)]
    )
    loss_fn, optimizer = SCCE(from_logits=True), keras.optimizers.SGD(0.1)

    @tf.function
    def step(xb, yb):
        with tf.GradientTape() as tape:
            loss = loss_fn(yb, model(xb, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))

    for xb, yb in batches:
        step(xb, yb)
