"""Loops whose scores are not what the loss takes them for."""

import keras
import numpy as np
import tensorflow as tf

from . import batches, blobs, pair


def mlp(units=3, activation=None):
    return keras.Sequential(
        [keras.Input((8,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(units, activation)]
    )


def train(model, loss_fn, *, classes=3, wrap=lambda f: f, epochs=2, one_hot=False, metric=None):
    """The plain loop of the guides; ``wrap`` decorates the step."""
    x, y = blobs(classes=classes)
    optimizer = keras.optimizers.Adam(0.01)
    accuracy = metric or keras.metrics.SparseCategoricalAccuracy()

    def step(xb, yb):
        with tf.GradientTape() as tape:
            p = model(xb, training=True)
            loss = loss_fn(yb, p)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        accuracy.update_state(yb, p)
        return loss

    step = wrap(step)
    labels = np.eye(classes, dtype="float32")[y] if one_hot else y
    data = tf.data.Dataset.from_tensor_slices((x, labels)).batch(32)
    for _ in range(epochs):
        for xb, yb in data:
            step(xb, yb)
        accuracy.result()
        accuracy.reset_state()


SCCE = keras.losses.SparseCategoricalCrossentropy


@pair("double-softmax")
def eager_class(broken):
    train(mlp(3, tf.nn.softmax), SCCE(from_logits=broken))


@pair("double-softmax")
def graph_after_reshape(broken):
    body = mlp(3)
    model = keras.Sequential([body, keras.layers.Softmax(), keras.layers.Reshape((3,))])
    train(model, SCCE(from_logits=broken), wrap=tf.function)


@pair("double-softmax")
def raw_op_in_graph(broken):
    def loss(y, p):
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=p))

    train(mlp(3, "softmax" if broken else None), loss, wrap=tf.function)


@pair("double-softmax")
def raw_categorical_op_xla(broken):
    def loss(y, p):
        return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(y, p))

    train(
        mlp(3, "softmax" if broken else None),
        loss,
        wrap=tf.function(jit_compile=True),
        one_hot=True,
        metric=keras.metrics.CategoricalAccuracy(),
    )


@pair("logits-as-probabilities")
def default_loss_eager(broken):
    train(mlp(3), SCCE() if broken else SCCE(from_logits=True))


@pair("logits-as-probabilities")
def functional_in_graph(broken):
    def loss(y, p):
        return tf.reduce_mean(
            keras.losses.sparse_categorical_crossentropy(y, p, from_logits=not broken)
        )

    train(mlp(3), loss, wrap=tf.function)


@pair("logits-as-probabilities")
def fit(broken):
    x, y = blobs()
    model = mlp(3)
    model.compile("adam", SCCE(from_logits=not broken), metrics=["accuracy"])
    model.fit(x, y, epochs=2, verbose=0)


@pair("logits-as-probabilities")
def binary_eager(broken):
    x, y = blobs(classes=2)
    model, optimizer = mlp(1), keras.optimizers.Adam(0.01)
    loss_fn = keras.losses.BinaryCrossentropy(from_logits=not broken)
    for xb, yb in batches(x, y[:, None].astype("float32")):
        with tf.GradientTape() as tape:
            loss = loss_fn(yb, model(xb, training=True))
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables))


@pair("wrong-output-activation")
def relu_scores(broken):
    train(mlp(5, "relu" if broken else None), SCCE(from_logits=True), classes=5)


@pair("wrong-output-activation")
def sigmoid_scores(broken):
    train(mlp(3, tf.nn.sigmoid if broken else "softmax"), SCCE(), wrap=tf.function)


@pair("output-units")
def softmax_on_one_unit(broken):
    x, y = blobs(classes=2)
    model, optimizer = mlp(1, "softmax" if broken else "sigmoid"), keras.optimizers.Adam(0.01)
    loss_fn, accuracy = keras.losses.BinaryCrossentropy(), keras.metrics.BinaryAccuracy()
    for xb, yb in batches(x, y[:, None].astype("float32")):
        with tf.GradientTape() as tape:
            p = model(xb, training=True)
            loss = loss_fn(yb, p)
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables))
        accuracy.update_state(yb, p)


@pair("positional-reduction")
def none_as_first_argument(broken):
    loss_fn = SCCE("none") if broken else SCCE(from_logits=True, reduction="none")
    train(mlp(3), lambda y, p: tf.reduce_mean(loss_fn(y, p)))


@pair("half-precision-softmax")
def mixed_precision_softmax(broken):
    model = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(16, "relu", dtype="mixed_float16"),
            keras.layers.Dense(3, "softmax", dtype="mixed_float16" if broken else "float32"),
        ]
    )
    train(model, SCCE(), wrap=tf.function)
