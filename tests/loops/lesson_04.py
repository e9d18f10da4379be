"""Loops of lesson 04: scores without a softmax, read as probabilities."""

import keras
import tensorflow as tf

from . import batches, blobs, pair
from .outputs import SCCE, mlp, train


@pair("logits-as-probabilities")
def default_loss_through_predict(broken):
    """Validation on arrays: the training loss is right, the validation loss is not."""
    x, y = blobs()
    model, optimizer = mlp(3), keras.optimizers.Adam(0.01)
    training_loss, validation_loss = SCCE(from_logits=True), SCCE(from_logits=not broken)
    for xb, yb in batches(x[:128], y[:128]):
        with tf.GradientTape() as tape:
            loss = training_loss(yb, model(xb, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
    validation_loss(y[128:], model.predict(x[128:], verbose=0))


@pair("logits-as-probabilities")
def categorical_default_in_graph(broken):
    train(
        mlp(4),
        keras.losses.CategoricalCrossentropy(from_logits=not broken),
        classes=4,
        wrap=tf.function,
        one_hot=True,
        metric=keras.metrics.CategoricalAccuracy(),
    )


@pair("logits-as-probabilities")
def large_logits_with_the_string_loss(broken):
    x, y = blobs()
    model = mlp(3)
    loss = "sparse_categorical_crossentropy" if broken else SCCE(from_logits=True)
    model.compile("sgd", loss, metrics=["accuracy"])
    for xb, yb in batches(10 * x, y):
        model.train_on_batch(xb, yb)
