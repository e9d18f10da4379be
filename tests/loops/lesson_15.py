"""Loops of lesson 15: precision, recall, F1 and AUC of class ids."""

import keras
import numpy as np
import tensorflow as tf

from . import batches, blobs, pair
from .outputs import SCCE, mlp

M = keras.metrics


def run(update, *, activation="softmax", wrap=lambda f: f, finish=lambda: None):
    """Train for two epochs; `update` gets each batch of labels and outputs."""
    keras.utils.set_random_seed(0)
    x, y = blobs()
    model, optimizer = mlp(3, activation), keras.optimizers.Adam(0.01)
    loss_fn = SCCE(from_logits=activation is None)

    @wrap
    def step(xb, yb):
        with tf.GradientTape() as tape:
            outputs = model(xb, training=True)
            loss = loss_fn(yb, outputs)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return outputs

    for _ in range(2):
        for xb, yb in batches(x, y):
            update(yb, step(tf.constant(xb), tf.constant(yb)))
        finish()


@pair("precision-on-sparse-labels")
def recall_by_class_id(broken):
    recalls = [M.Recall(class_id=k, top_k=1) for k in range(3)]

    def update(y, p):
        for recall in recalls:
            recall.update_state(y if broken else tf.one_hot(y, 3), p)

    def finish():
        for recall in recalls:
            recall.result()
            recall.reset_state()

    run(update, wrap=tf.function, finish=finish)


@pair("precision-on-sparse-labels", raises=True)
def plain_precision(broken):
    metric = M.Precision()
    run(lambda y, p: metric.update_state(y if broken else tf.one_hot(y, 3), p))


@pair("precision-on-sparse-labels")
def ids_against_ids(broken):
    metric = M.Precision() if broken else M.Precision(top_k=1)

    def update(y, p):
        if broken:
            metric.update_state(y, tf.argmax(p, axis=-1))
        else:
            metric.update_state(tf.one_hot(y, 3), p)

    run(update)


@pair("precision-on-sparse-labels")
def f1_of_a_column(broken):
    metric = M.F1Score(average="macro")
    run(lambda y, p: metric.update_state(y[:, None] if broken else tf.one_hot(y, 3), p))


@pair("precision-on-sparse-labels")
def auc_of_a_column(broken):
    metric = M.AUC(multi_label=True, num_labels=3)
    run(lambda y, p: metric.update_state(y[:, None] if broken else tf.one_hot(y, 3), p))


@pair("metric-on-logits")
def precision_by_threshold_on_logits(broken):
    metric = M.Precision(class_id=1)
    run(
        lambda y, z: metric.update_state(tf.one_hot(y, 3), z if broken else tf.nn.softmax(z)),
        activation=None,
    )


@pair("metric-on-logits")
def recall_on_logits_compiled(broken):
    metric = M.Recall(class_id=2) if broken else M.Recall(class_id=2, top_k=1)
    run(
        tf.function(lambda y, z: metric.update_state(tf.one_hot(y, 3), z)),
        activation=None,
        wrap=tf.function,
    )


@pair("per-batch-precision")
def precision_reset_for_every_batch(broken):
    metric = M.Precision(class_id=1, top_k=1)
    values = []

    def update(y, p):
        if broken:
            metric.reset_state()
        metric.update_state(tf.one_hot(y, 3), p)
        if broken:
            values.append(float(metric.result()))

    def finish():
        if broken:
            np.mean(values)
            values.clear()
        else:
            float(metric.result())
            metric.reset_state()

    run(update, finish=finish)


# scikit-learn's precision of each batch, averaged by hand, passes through no Keras object.
UNDETECTABLE = {
    "per-batch-precision, by scikit-learn": "no Keras metric takes part, only NumPy arithmetic",
}
