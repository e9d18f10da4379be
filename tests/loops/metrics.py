"""Loops whose metrics are fed, reset or averaged wrongly."""

import keras
import numpy as np
import tensorflow as tf

from . import batches, blobs, pair
from .outputs import SCCE, mlp

M = keras.metrics


def run(update, *, classes=3, units=None, epochs=3, reset=True, activation=None, one_hot=False):
    x, y = blobs(classes=classes)
    if one_hot:
        y = np.eye(classes, dtype="float32")[y]
    model, optimizer = mlp(units or classes, activation), keras.optimizers.Adam(0.01)
    loss_fn = (
        keras.losses.CategoricalCrossentropy(from_logits=activation is None)
        if one_hot
        else SCCE(from_logits=activation is None)
    )
    for _ in range(epochs):
        for xb, yb in tf.data.Dataset.from_tensor_slices((x, y)).batch(32):
            with tf.GradientTape() as tape:
                p = model(xb, training=True)
                loss = loss_fn(yb, p)
            grads = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients(zip(grads, model.trainable_variables))
            update(yb, p)


@pair("metric-not-reset")
def never_reset(broken):
    x, y = blobs()
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(32)
    model, optimizer = mlp(3), keras.optimizers.Adam(0.01)
    loss_fn, metric = SCCE(from_logits=True), M.SparseCategoricalAccuracy()
    for _ in range(3):
        for xb, yb in data:
            with tf.GradientTape() as tape:
                p = model(xb, training=True)
                loss = loss_fn(yb, p)
            grads = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients(zip(grads, model.trainable_variables))
            metric.update_state(yb, p)
        float(metric.result())
        if not broken:
            metric.reset_state()


@pair("swapped-arguments")
def swapped(broken):
    metric = M.SparseCategoricalAccuracy()
    run(lambda y, p: metric.update_state(*((p, y) if broken else (y, p))), epochs=1)


@pair("class-ids-as-scores")
def argmax_before_the_metric(broken):
    metric = M.SparseCategoricalAccuracy()
    run(
        lambda y, p: metric.update_state(y, tf.argmax(p, -1) if broken else p),
        epochs=1,
    )


@pair("wrong-accuracy-metric")
def accuracy_on_scores(broken):
    metric = M.Accuracy()
    run(
        lambda y, p: metric.update_state(y, p if broken else tf.argmax(p, -1)),
        one_hot=True,
        epochs=1,
    ) if broken else run(lambda y, p: metric.update_state(y, tf.argmax(p, -1)), epochs=1)


@pair("wrong-accuracy-metric")
def binary_accuracy_on_one_hot(broken):
    metric = M.BinaryAccuracy() if broken else M.CategoricalAccuracy()
    run(metric.update_state, one_hot=True, activation="softmax", epochs=1)


@pair("wrong-accuracy-metric")
def mean_iou_on_scores(broken):
    metric = M.MeanIoU(num_classes=3)
    run(
        lambda y, p: metric.update_state(
            tf.one_hot(y, 3) if broken else y, p if broken else tf.argmax(p, -1)
        ),
        activation="softmax",
        epochs=1,
    )


@pair("precision-on-sparse-labels")
def precision_with_class_id(broken):
    metric = M.Precision(class_id=1)
    run(
        lambda y, p: metric.update_state(y if broken else tf.one_hot(y, 3), p),
        activation="softmax",
        epochs=1,
    )


@pair("metric-on-logits")
def auc_on_logits(broken):
    metric = M.AUC(multi_label=True, num_labels=3)
    run(
        lambda y, p: metric.update_state(tf.one_hot(y, 3), p if broken else tf.nn.softmax(p)),
        epochs=1,
    )


@pair("saturated-ties")
def sigmoid_of_large_scores(broken):
    metric = M.SparseCategoricalAccuracy()
    run(
        lambda y, p: metric.update_state(y, tf.sigmoid(2000 * p) if broken else p),
        epochs=1,
        classes=8,
    )


@pair("low-precision-ids")
def bfloat16_ids(broken):
    rng = np.random.default_rng(0)
    metric = M.SparseCategoricalAccuracy()
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1000)])
    x, y = rng.normal(size=(64, 8)).astype("float32"), rng.integers(0, 1000, 64)
    optimizer, loss_fn = keras.optimizers.SGD(0.1), SCCE(from_logits=True)
    for xb, yb in batches(x, y):
        with tf.GradientTape() as tape:
            p = model(xb, training=True)
            loss = loss_fn(yb, p)
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables))
        metric.update_state(yb, tf.cast(p, tf.bfloat16) if broken else p)
