"""Loops whose fault takes the whole run to show."""

import keras
import numpy as np
import tensorflow as tf

from . import batches, blobs, pair
from .outputs import SCCE, mlp

M = keras.metrics


class Trainer:
    """A model, its optimizer and one step."""

    def __init__(self, model=None, loss=None, classes=3):
        self.model = model or mlp(classes)
        self.optimizer = keras.optimizers.Adam(0.01)
        self.loss = loss or SCCE(from_logits=True)

    def step(self, x, y, **kwargs):
        with tf.GradientTape() as tape:
            logits = self.model(x, training=True)
            loss = self.loss(y, logits, **kwargs)
        grads = tape.gradient(loss, self.model.trainable_variables)
        self.optimizer.apply_gradients(zip(grads, self.model.trainable_variables))
        return loss, logits


def dataset(n=256, size=32, **kwargs):
    return tf.data.Dataset.from_tensor_slices(blobs(n, **kwargs)).batch(size)


@pair("metric-not-reset")
def never_reset_in_graph(broken):
    trainer, metric, data = Trainer(), M.SparseCategoricalAccuracy(), dataset()

    @tf.function
    def step(x, y):
        loss, logits = trainer.step(x, y)
        metric.update_state(y, logits)
        return loss

    for _ in range(3):
        for x, y in data:
            step(x, y)
        float(metric.result())
        if not broken:
            metric.reset_state()


@pair("metric-not-reset")
def shared_by_training_and_validation(broken):
    trainer, metric = Trainer(), M.SparseCategoricalAccuracy()
    for _ in range(2):
        metric.reset_state()
        for x, y in dataset():
            _, logits = trainer.step(x, y)
            metric.update_state(y, logits)
        float(metric.result())
        if not broken:
            metric.reset_state()
        for x, y in dataset(96, seed=1):
            metric.update_state(y, trainer.model(x, training=False))
        float(metric.result())


@pair("running-value")
def call_read_as_batch_value(broken):
    trainer, metric, history = Trainer(), M.SparseCategoricalAccuracy(), []
    for x, y in dataset():
        _, logits = trainer.step(x, y)
        if not broken:
            metric.reset_state()
        history.append(float(metric(y, logits)))
    np.mean(history)


@pair("metric-recreated")
def metric_in_the_step(broken):
    trainer, metric = Trainer(), M.SparseCategoricalAccuracy()
    for x, y in dataset():
        _, logits = trainer.step(x, y)
        if broken:
            metric = M.SparseCategoricalAccuracy()
        metric.update_state(y, logits)
        float(metric.result())


@pair("metric-recreated", raises=True)
def metric_in_the_traced_step(broken):
    trainer, metric = Trainer(), M.SparseCategoricalAccuracy()

    @tf.function
    def step(x, y):
        _, logits = trainer.step(x, y)
        m = M.SparseCategoricalAccuracy() if broken else metric
        m.update_state(y, logits)
        return m.result()

    for x, y in dataset():
        step(x, y)


@pair("optimizer-recreated")
def optimizer_in_the_loop(broken):
    trainer = Trainer()
    for x, y in dataset():
        if broken:
            trainer.optimizer = keras.optimizers.Adam(0.01)
        trainer.step(x, y)


@pair("ragged-batch")
def mean_of_batch_means(broken):
    x, y = blobs(131)
    y[-3:] = (y[-3:] + 1) % 3
    trainer, mean = Trainer(), M.Mean("loss")
    for _ in range(15):
        mean.reset_state()
        for xb, yb in batches(x, y, 32):
            loss, _ = trainer.step(xb, yb)
            mean.update_state(loss, **({} if broken else {"sample_weight": len(xb)}))
        float(mean.result())


@pair("retracing")
def python_number_as_argument(broken):
    trainer = Trainer()

    @tf.function
    def step(x, y, i):
        loss, _ = trainer.step(x, y)
        return loss * tf.cast(i, tf.float32)

    for i, (x, y) in enumerate(dataset()):
        step(x, y, i if broken else tf.constant(i))


@pair("retracing")
def decorated_inside_the_loop(broken):
    trainer = Trainer()
    compiled = tf.function(lambda x, y: trainer.step(x, y)[0])
    for x, y in dataset():
        if broken:
            compiled = tf.function(lambda x, y: trainer.step(x, y)[0])
        compiled(x, y)


@pair("python-side-effects")
def list_append_in_the_step(broken):
    trainer, losses = Trainer(), []

    @tf.function
    def step(x, y):
        loss, _ = trainer.step(x, y)
        if broken:
            losses.append(loss)
        return loss

    for x, y in dataset():
        value = step(x, y)
        if not broken:
            losses.append(value)


@pair("python-side-effects")
def counter_in_the_step(broken):
    trainer, steps = Trainer(), 0

    def counting(x, y):
        nonlocal steps
        steps += 1
        return trainer.step(x, y)[0]

    def plain(x, y):
        return trainer.step(x, y)[0]

    step = tf.function(counting if broken else plain)
    for x, y in dataset():
        step(x, y)
        if not broken:
            steps += 1


@pair("python-side-effects")
def frozen_learning_rate(broken):
    model, loss_fn = mlp(3), SCCE(from_logits=True)
    rate = 0.1
    variable = tf.Variable(0.1)

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            loss = loss_fn(y, model(x, training=True))
        for g, v in zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables):
            v.assign_sub((rate if broken else variable) * g)
        return loss

    for i, (x, y) in enumerate(dataset()):
        if i == 4:
            if broken:
                rate = 0.01
            variable.assign(0.01)
        step(x, y)


@pair("unshuffled-labels")
def sorted_by_class(broken):
    x, y = blobs(512)
    order = np.argsort(y, kind="stable") if broken else np.arange(len(y))
    trainer = Trainer()
    for _ in range(2):
        for xb, yb in batches(x[order], y[order]):
            trainer.step(xb, yb)


@pair("class-imbalance")
def majority_only(broken):
    rng = np.random.default_rng(0)
    x, y = blobs(640, classes=2)
    keep = (y == 0) | (rng.random(640) < 0.15)
    x, y = x[keep], y[keep]
    trainer = Trainer(classes=2)
    trainer.optimizer = keras.optimizers.SGD(0.01)
    if broken:
        trainer.model.layers[-1].bias.assign([6.0, -6.0])
        trainer.optimizer = keras.optimizers.SGD(1e-5)
    else:
        trainer.optimizer = keras.optimizers.Adam(0.01)
    for _ in range(6):
        for xb, yb in batches(x, y):
            trainer.step(xb, yb)


@pair("label-offset")
def encoder_fitted_again(broken):
    x, y = blobs(512, classes=4)
    trainer = Trainer(classes=4)
    for _ in range(6):
        for xb, yb in batches(x, y):
            trainer.step(xb, yb)
    keep = y > 0
    x_test, y_test = x[keep], y[keep] - (1 if broken else 0)
    metric = M.SparseCategoricalAccuracy()
    for xb, yb in batches(x_test, y_test):
        metric.update_state(yb, trainer.model(xb, training=False))
    float(metric.result())


@pair("class-weights-ignored")
def declared_and_dropped(broken):
    trainer = Trainer()
    class_weight = {0: 1.0, 1: 5.0, 2: 1.0}
    table = tf.constant(list(class_weight.values()))
    for x, y in dataset():
        trainer.step(x, y, **({} if broken else {"sample_weight": tf.gather(table, y) / 2.3}))


@pair("class-weights-scale")
def weights_that_scale(broken):
    trainer = Trainer()
    table = tf.constant([9.0, 2.0, 2.0]) / (1.0 if broken else 4.0)
    for x, y in dataset():
        trainer.step(x, y, sample_weight=tf.gather(table, y))


@pair("last-batch-metric")
def functional_accuracy_after_the_loop(broken):
    trainer, metric = Trainer(), M.SparseCategoricalAccuracy()
    for _ in range(3):
        metric.reset_state()
        for x, y in dataset():
            _, logits = trainer.step(x, y)
            metric.update_state(y, logits)
        if broken:
            np.mean(keras.metrics.sparse_categorical_accuracy(y, logits))
        else:
            float(metric.result())


@pair("undefined-precision")
def nothing_predicted_positive(broken):
    x, y = blobs(classes=2)
    model, precision = mlp(1, "sigmoid"), M.Precision()
    trainer = Trainer(model, keras.losses.BinaryCrossentropy())
    if broken:
        model.layers[-1].bias.assign([-30.0])
        trainer.optimizer = keras.optimizers.SGD(1e-6)
    for _ in range(3):
        precision.reset_state()
        for xb, yb in batches(x, y[:, None].astype("float32")):
            _, p = trainer.step(xb, yb)
            precision.update_state(yb, p)
        float(precision.result())


@pair("per-batch-precision")
def precision_averaged_over_batches(broken):
    x, y = blobs(classes=2)
    model, precision, values = mlp(1, "sigmoid"), M.Precision(), []
    trainer = Trainer(model, keras.losses.BinaryCrossentropy())
    for xb, yb in batches(x, y[:, None].astype("float32")):
        _, p = trainer.step(xb, yb)
        precision.update_state(yb, p)
        if broken:
            values.append(float(precision.result()))
            precision.reset_state()
    float(precision.result())


@pair("nan-scores")
def diverged(broken):
    trainer = Trainer()
    trainer.optimizer = keras.optimizers.SGD(1e30 if broken else 0.01)
    metric = M.SparseCategoricalAccuracy()
    for x, y in dataset(512):
        _, p = trainer.step(x, y)
        metric.update_state(y, p)


@pair("batch-mismatch")
def one_label_for_the_batch(broken):
    trainer, metric = Trainer(), M.SparseCategoricalAccuracy()
    for x, y in dataset():
        _, p = trainer.step(x, y)
        metric.update_state(y[:1] if broken else y, p)
