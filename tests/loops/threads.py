"""Faults that public threads tell of, each as short as it gets, beside its mended twin."""

import keras
import numpy as np
import tensorflow as tf

from . import batches, blobs, pair
from .outputs import SCCE, mlp
from .run import Trainer, dataset

M = keras.metrics


def apply(tape, loss, variables, optimizer):
    optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))


@pair("gradients-none")
def variables_listed_before_the_head(broken):
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(16, "relu")])
    early = list(model.trainable_variables)
    model.add(keras.layers.Dense(3))
    variables = early if broken else model.trainable_variables
    optimizer, loss_fn = keras.optimizers.Adam(0.01), SCCE(from_logits=True)
    for x, y in dataset():
        with tf.GradientTape() as tape:
            loss = loss_fn(y, model(x, training=True))
        apply(tape, loss, variables, optimizer)


@pair("optimizer-recreated")
def compiled_in_every_epoch(broken):
    x, y = blobs(96)
    model = mlp(3)
    for epoch in range(5):
        if broken or epoch == 0:
            model.compile(keras.optimizers.Adam(0.01), SCCE(from_logits=True))
        model.fit(x, y, verbose=0)


@pair("validation-leak")
def copies_made_before_the_split(broken):
    x, y = blobs(200)
    cut = 150
    if broken:
        again = np.random.default_rng(0).permutation(300) % 200
        x, y, cut = x[again], y[again], 220
    model = mlp(3)
    model.compile("adam", SCCE(from_logits=True))
    model.fit(x[:cut], y[:cut], validation_data=(x[cut:], y[cut:]), verbose=0)


@pair("replica-loss-scale")
def average_of_an_average(broken):
    strategy = tf.distribute.OneDeviceStrategy("CPU:0")
    with strategy.scope():
        trainer = Trainer()
        loss_fn = SCCE(from_logits=True, reduction="sum_over_batch_size" if broken else "none")
        trainer.loss = lambda y, p: tf.reduce_sum(loss_fn(y, p)) / 32
    for batch in dataset():
        strategy.run(trainer.step, args=batch)


@pair("low-precision-ids")
def accuracy_of_ids_in_half_precision(broken):
    rng = np.random.default_rng(0)
    accuracy = M.Accuracy(dtype="bfloat16" if broken else "float32")
    trainer = Trainer(mlp(400))
    for x in np.split(rng.normal(size=(128, 8)).astype("float32"), 4):
        y = rng.integers(0, 400, 32)
        _, logits = trainer.step(x, y)
        accuracy.update_state(y, tf.argmax(logits, axis=-1))


@pair("padding-counted")
def void_left_out_of_the_loss_only(broken):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, (32, 6, 6))
    x = (y[..., None] + rng.normal(size=(32, 6, 6, 1)) * 0.1).astype("float32")
    y[:, :2] = 255
    model = keras.Sequential([keras.Input((6, 6, 1)), keras.layers.Conv2D(3, 1)])
    trainer = Trainer(model, SCCE(from_logits=True, ignore_class=255))
    accuracy = M.SparseCategoricalAccuracy()
    for xb, yb in batches(x, y, 8):
        _, logits = trainer.step(xb, yb)
        weight = {} if broken else {"sample_weight": tf.cast(yb != 255, tf.float32)}
        accuracy.update_state(yb, logits, **weight)


@pair("precision-on-sparse-labels", raises=True)
def precision_that_refuses_ids(broken):
    x, y = blobs(96)
    model = mlp(3, "softmax")
    loss = "sparse_categorical_crossentropy" if broken else "categorical_crossentropy"
    model.compile("adam", loss, metrics=[M.Precision()])
    model.fit(x, y if broken else np.eye(3)[y], verbose=0)


@pair("batch-mismatch", raises=True)
def scores_squeezed_in_a_last_batch_of_one(broken):
    x, y = blobs(65, classes=2)
    model, optimizer = mlp(1), keras.optimizers.Adam(0.01)
    loss_fn = keras.losses.BinaryCrossentropy(from_logits=True)
    for xb, yb in batches(x, y.astype("float32")):
        with tf.GradientTape() as tape:
            scores = model(xb, training=True)
            loss = loss_fn(yb, tf.squeeze(scores) if broken else tf.squeeze(scores, axis=-1))
        apply(tape, loss, model.trainable_variables, optimizer)


@pair("mixed-labels", raises=True)
def rows_among_the_ids(broken):
    x, y = blobs(96)
    labels = [int(v) for v in y]
    if broken:
        labels[50:] = [np.eye(3)[v].tolist() for v in labels[50:]]
    model = mlp(3)
    model.compile("adam", SCCE(from_logits=True))
    model.fit(x, np.array(labels, dtype=object) if broken else np.array(labels), verbose=0)


@pair("label-range")
def minus_one_and_plus_one(broken):
    x, y = blobs(classes=2)
    trainer = Trainer(mlp(1, "sigmoid"), keras.losses.BinaryCrossentropy())
    labels = (2 * y - 1 if broken else y)[:, None].astype("float32")
    for xb, yb in batches(x, labels):
        trainer.step(xb, yb)


class Decaying:
    """A step that reads its learning rate from the object, as a number or as a variable."""

    def __init__(self, broken):
        self.model, self.loss = mlp(3), SCCE(from_logits=True)
        self.rate = 0.1 if broken else tf.Variable(0.1)

    @tf.function
    def step(self, x, y):
        with tf.GradientTape() as tape:
            loss = self.loss(y, self.model(x, training=True))
        variables = self.model.trainable_variables
        for variable, gradient in zip(variables, tape.gradient(loss, variables), strict=True):
            variable.assign_sub(self.rate * gradient)
        return loss

    def decay(self):
        if isinstance(self.rate, tf.Variable):
            self.rate.assign(self.rate / 2)
        else:
            self.rate /= 2


@pair("python-side-effects")
def learning_rate_of_an_object(broken):
    trainer = Decaying(broken)
    for _ in range(3):
        for x, y in dataset():
            trainer.step(x, y)
        trainer.decay()


@pair("label-offset")
def classes_numbered_as_they_come(broken):
    """Training labels by the alphabet; validation labels in the order of their first example."""
    x, y = blobs(512, classes=4)
    x_val, y_val = x[:128], y[:128].copy()
    if broken:
        _, first, ids = np.unique(y_val, return_index=True, return_inverse=True)
        y_val = np.argsort(np.argsort(first))[ids]
    model = mlp(4)
    model.compile(keras.optimizers.Adam(0.02), SCCE(from_logits=True), metrics=["accuracy"])
    model.fit(x, y, validation_data=(x_val, y_val), epochs=5, verbose=0)
