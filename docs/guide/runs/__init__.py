"""What the thirty-second tests are tried on, and the figures that no lesson has.

Every run is small and real: scikit-learn's digits, a few epochs. A case takes
``broken`` and returns the names that its probe uses; the fault is the only
difference between the two. A figure returns itself and its reading.
"""

from utils import data, plots, reference

from functools import cache

import keras
import numpy as np
import tensorflow as tf

M = keras.metrics
SCCE = keras.losses.SparseCategoricalCrossentropy


@cache
def digits() -> data.Split:
    """Return the digits as vectors of 64 pixels."""
    return data.digits()


def batch(size: int = 64):
    """Return the first images and labels of the training part."""
    return digits().x_train[:size], digits().y_train[:size]


def batches(size: int = 128, *, x=None, y=None):
    """Yield (x, y) slices in order; the last one is short if need be."""
    x = digits().x_train if x is None else x
    y = digits().y_train if y is None else y
    for start in range(0, len(x), size):
        yield x[start : start + size], y[start : start + size]


def model(units: int = 10, activation=None, *, hidden: int = 32, **last) -> keras.Model:
    """Return a small network for the digits, always with the same first weights."""
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(hidden, "relu"),
            keras.layers.Dense(units, activation, **last),
        ]
    )


def train(net, loss_fn=None, *, epochs: int = 3, size: int = 128, shuffled=False, each=None):
    """Run the plain loop; return the loss of each epoch.

    After every step `each` is called with the labels, the scores and the loss of the batch.
    """
    loss_fn = loss_fn or SCCE(from_logits=True)
    optimizer, rng = keras.optimizers.Adam(0.01), np.random.default_rng(0)
    order = np.arange(len(digits().y_train))
    optimizer.build(net.trainable_variables)

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            scores = net(x, training=True)
            loss = tf.reduce_mean(loss_fn(y, scores))
        optimizer.apply(tape.gradient(loss, net.trainable_variables), net.trainable_variables)
        return scores, loss

    history = []
    for _ in range(epochs):
        losses = []
        if shuffled:
            rng.shuffle(order)
        for x, y in batches(size, x=digits().x_train[order], y=digits().y_train[order]):
            scores, loss = step(tf.constant(x), tf.constant(y))
            losses.append(float(loss))
            if each:
                each(y, scores, losses[-1])
        history.append(float(np.mean(losses)))
    return history


def reported_and_true(update, *, metric=None, epochs: int = 5, size: int = 128, shuffled=False):
    """Train, and set what a loop reports beside the truth.

    Parameters
    ----------
    update : callable
        Takes labels and scores of a batch; without a metric it returns the figure to report,
        and the last one of an epoch counts.
    metric : keras.Metric, optional
        What `update` feeds: reset before each epoch, read after it.

    Returns
    -------
    dict of str to list of float
        Accuracy per epoch, as reported and as counted in NumPy.
    """
    steps = -(-len(digits().y_train) // size)
    hits, sizes, values = [], [], {"reported": [], "true": []}

    def each(y, scores, _):
        if metric and len(hits) % steps == 0:
            metric.reset_state()
        hits.append(reference.accuracy(y, scores.numpy()))
        sizes.append(len(y))
        last = update(y, scores)
        if len(hits) % steps == 0:
            values["reported"].append(float(metric.result() if metric else last))
            values["true"].append(float(np.average(hits[-steps:], weights=sizes[-steps:])))

    train(model(), epochs=epochs, size=size, shuffled=shuffled, each=each)
    return values


def accuracy_figure(values, title: str, references=None):
    """Draw accuracies per epoch; return the figure and its reading."""
    figure, ax = plots.axes()
    plots.curves(ax, values, references=references, ylabel="accuracy", title=title)
    ax.set_ylim(0, 1.05)
    return figure, plots.read_curves(values, references)
