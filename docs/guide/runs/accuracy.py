"""Lesson 08: accuracies whose shapes or arguments are wrong."""

from utils import plots

import numpy as np
import tensorflow as tf

from docs.guide.runs import M, accuracy_figure, batch, digits, model, reported_and_true
from docs.guide.trial import case, figure


@case("broadcast-shapes")
def a_column_of_labels(broken):
    x, y = batch()
    return {"y_batch": y[:, None] if broken else y, "y_pred": model()(x)}


@case("wrong-axis")
def softmax_over_the_batch(broken):
    return {"p": tf.nn.softmax(model()(batch()[0]), axis=0 if broken else -1)}


@figure("wrong-axis")
def sums_of_rows():
    scores = model()(digits().x_train[:12])
    sums = {
        name: np.sum(tf.nn.softmax(scores, axis=axis), axis=-1)
        for name, axis in (("broken, axis=0", 0), ("fixed, axis=-1", -1))
    }
    figure, ax = plots.axes()
    plots.bars(
        ax, sums, range(1, 13), xlabel="image", ylabel="sum of its ten probabilities",
        title="Twelve images",
    )  # fmt: skip
    ax.set_ylim(0, 1.4)
    broken = sums["broken, axis=0"]
    return figure, (
        f"Over the batch axis the rows sum to {broken.min():.2f} … {broken.max():.2f}; "
        f"over the last axis to {sums['fixed, axis=-1'].max():.2f} each."
    )


@case("swapped-arguments")
def predictions_first(broken):
    x, y = batch()
    pair = (y, model()(x))
    return {"arguments": pair[::-1] if broken else pair}


@case("swapped-arguments")
def predictions_first_with_one_hot_labels(broken):
    x, y = batch()
    pair = (tf.one_hot(y, 10), tf.nn.softmax(model()(x)))
    return {"arguments": pair[::-1] if broken else pair}


@figure("swapped-arguments")
def accuracy_with_swapped_arguments():
    metric = M.SparseCategoricalAccuracy()
    values = reported_and_true(lambda y, scores: metric.update_state(scores, y), metric=metric)
    return accuracy_figure(values, "update_state(y_pred, y_true)", {"1 / C": 0.1})


@case("class-ids-as-scores")
def argmax_before_the_metric(broken):
    scores = model()(batch()[0])
    return {"y_pred": tf.argmax(scores, axis=-1) if broken else scores, "num_classes": 10}


@case("class-ids-as-scores")
def a_column_of_ids(broken):
    scores = model()(batch()[0])
    return {
        "y_pred": tf.argmax(scores, axis=-1)[:, None] if broken else scores,
        "num_classes": 10,
    }


@figure("class-ids-as-scores")
def accuracy_of_ids():
    metric = M.SparseCategoricalAccuracy()

    def update(y, scores):
        metric.update_state(y, tf.argmax(scores, axis=-1)[:, None])

    values = reported_and_true(update, metric=metric)
    share = float(np.mean(digits().y_train == 0))
    return accuracy_figure(values, "argmax of an argmax", {"share of class 0": share})


@case("batch-mismatch")
def one_label_for_the_batch(broken):
    x, y = batch()
    return {"y_batch": y[:1] if broken else y, "y_pred": model()(x)}


@case("batch-mismatch")
def a_batch_axis_squeezed_away(broken):
    x, y = batch(1)
    y = y[:, None]
    return {
        "y_batch": tf.squeeze(y) if broken else tf.squeeze(y, axis=-1),
        "y_pred": model()(x),
    }


@figure("batch-mismatch")
def accuracy_against_one_label():
    metric = M.SparseCategoricalAccuracy()

    def update(y, scores):
        metric.update_state(y[:1], scores)

    values = reported_and_true(update, metric=metric)
    return accuracy_figure(values, "One label for a batch of scores", {"1 / C": 0.1})


@case("wrong-accuracy-metric")
def binary_accuracy_on_one_hot_labels(broken):
    y = tf.one_hot(batch()[1], 10)
    metric = M.BinaryAccuracy() if broken else M.CategoricalAccuracy()
    return {"metric": metric, "y_batch": y, "num_classes": 10}


@case("wrong-accuracy-metric")
def accuracy_of_scores(broken):
    y = tf.one_hot(batch()[1], 10)
    return {
        "metric": M.Accuracy() if broken else M.SparseCategoricalAccuracy(),
        "y_batch": y if broken else batch()[1],
        "num_classes": 10,
    }


@figure("wrong-accuracy-metric")
def accuracy_of_cells():
    metric = M.BinaryAccuracy()

    def update(y, scores):
        metric.update_state(tf.one_hot(y, 10), tf.nn.softmax(scores))

    values = reported_and_true(update, metric=metric)
    return accuracy_figure(values, "BinaryAccuracy on one-hot labels", {"all cells 0": 0.9})
