"""Lesson 18: padding, masks and order."""

from utils import data, plots

import keras
import numpy as np
import tensorflow as tf

from docs.guide.runs import SCCE, digits
from docs.guide.trial import case, figure


def reader(masked: bool = False) -> keras.Model:
    """Return a small network that reads each box of a code by itself."""
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Masking()] if masked else []
    return keras.Sequential(
        [keras.Input((None, 64)), *layers, keras.layers.Dense(32, "relu"), keras.layers.Dense(10)]
    )


@case("padding-counted")
def every_box_counts(broken):
    codes, net = data.codes(), reader()

    def measure(x, y):
        mask = None if broken else (x != 0).any(axis=-1).astype("float32")
        metric = keras.metrics.SparseCategoricalAccuracy()
        metric.update_state(y, net(x), sample_weight=mask)
        return metric.result()

    return {"measure": measure, "x_batch": codes.x_train[:32], "y_batch": codes.y_train[:32]}


@case("padding-counted")
def a_loss_over_every_box(broken):
    codes, net, loss_fn = data.codes(), reader(), SCCE(from_logits=True, reduction="none")

    def measure(x, y):
        losses = loss_fn(y, net(x))
        mask = tf.ones_like(losses) if broken else tf.cast((x != 0).any(axis=-1), tf.float32)
        return tf.reduce_sum(mask * losses) / tf.reduce_sum(mask)

    return {"measure": measure, "x_batch": codes.x_train[:32], "y_batch": codes.y_train[:32]}


@case("lost-mask")
def a_cast_on_the_way(broken):
    scores = reader(masked=True)(data.codes().x_train[:32])
    return {"y_pred": tf.cast(scores, tf.float32) * 1.0 if broken else scores}


@figure("lost-mask")
def loss_by_padding():
    codes, net, loss_fn = data.codes(), reader(masked=True), SCCE(from_logits=True)
    net.compile(keras.optimizers.Adam(0.01), loss_fn)
    net.fit(codes.x_train, codes.y_train, epochs=5, verbose=0)
    boxes = np.arange(0, 49, 6)
    values = {"broken, mask lost": [], "fixed, mask kept": []}
    for more in boxes:
        x = np.pad(codes.x_test, [(0, 0), (0, more), (0, 0)])
        y = np.pad(codes.y_test, [(0, 0), (0, more)])
        scores = net(x)
        values["broken, mask lost"].append(float(loss_fn(y, scores * 1.0)))
        values["fixed, mask kept"].append(float(loss_fn(y, scores)))
    figure, ax = plots.axes()
    plots.functions(
        ax, 12 + boxes, values, xlabel="boxes of a sequence", title="The same digits, more padding"
    )
    ax.set_ylim(0, None)
    return figure, f"From 12 to {12 + boxes[-1]} boxes. {plots.read_curves(values)}"


@case("unshuffled-labels")
def sorted_with_a_short_buffer(broken):
    d = digits()
    order = np.argsort(d.y_train, kind="stable")
    dataset = tf.data.Dataset.from_tensor_slices((d.x_train[order], d.y_train[order]))
    return {
        "dataset": dataset.shuffle(64 if broken else len(order), seed=1).batch(64),
        "num_classes": 10,
    }
