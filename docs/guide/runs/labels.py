"""Lessons 01 and 02: labels."""

from utils import plots

import numpy as np
import tensorflow as tf

from docs.guide.runs import M, accuracy_figure, batch, digits, model, reported_and_true
from docs.guide.trial import case, figure


@case("one-hot-labels")
def one_hot_labels(broken):
    x, y = batch()
    return {"y_batch": tf.one_hot(y, 10) if broken else y, "y_pred": model()(x)}


@case("one-hot-labels")
def as_many_examples_as_classes(broken):
    """The metric raises nothing here; the healthy labels are a column."""
    x, y = batch(10)
    return {"y_batch": np.eye(10)[y] if broken else y[:, None], "y_pred": model()(x)}


@case("sparse-labels-to-categorical")
def class_ids_for_a_categorical_metric(broken):
    metric = M.CategoricalAccuracy() if broken else M.SparseCategoricalAccuracy()
    return {"metric": metric, "y_batch": batch()[1][:, None], "num_classes": 10}


@figure("sparse-labels-to-categorical")
def argmax_of_a_column():
    metric, zeros = M.CategoricalAccuracy(), []

    def update(y, scores):
        metric.update_state(y[:, None], scores)
        zeros.append(np.mean(np.argmax(scores, axis=-1) == 0))

    values = reported_and_true(update, metric=metric)
    return accuracy_figure(
        values, "Labels (B, 1) in CategoricalAccuracy", {"predicted as 0": float(np.mean(zeros))}
    )


@case("label-range")
def a_label_too_far(broken):
    x, y = batch()
    return {"y_batch": np.where(y == 3, 10, y) if broken else y, "y_pred": model()(x)}


@case("label-range")
def minus_one_for_unlabelled(broken):
    x, y = batch()
    return {"y_batch": np.where(y == 3, -1, y) if broken else y, "y_pred": model()(x)}


@case("label-offset")
def labels_from_one(broken):
    d, offset = digits(), int(broken)
    return {
        "model": model(10 + offset),
        "y_train": d.y_train + offset,
        "y_test": d.y_test + offset,
    }


@case("label-offset")
def a_class_that_training_never_saw(broken):
    d = digits()
    kept = d.y_train < 9
    return {
        "model": model(9 if broken else 10),
        "y_train": d.y_train[kept] if broken else d.y_train,
        "y_test": d.y_test,
    }


@figure("label-offset")
def a_unit_without_examples():
    y = digits().y_train
    counts = {
        "broken, 1 … 10": np.bincount(y + 1, minlength=11),
        "fixed, 0 … 9": np.bincount(y, minlength=11),
    }
    figure, ax = plots.axes()
    plots.bars(ax, counts, range(11), xlabel="output unit", ylabel="training images")
    ax.set_ylim(0, 210)
    empty = {name: np.flatnonzero(n == 0).tolist() for name, n in counts.items()}
    return figure, "; ".join(
        f"{name}: no examples for unit {e[0]}" for name, e in empty.items()
    ) + "."


@case("fractional-labels")
def labels_scaled_with_the_pixels(broken):
    y = batch()[1]
    return {"y_batch": y / 255 if broken else y.astype("float32")}


@case("mixed-labels")
def some_labels_one_hot(broken):
    return {"labels": mixed(batch()[1]) if broken else list(batch()[1])}


def mixed(y):
    """Return a list of labels of which the 3s were encoded and the 7s written out."""
    return [np.eye(10)[k] if k == 3 else "seven" if k == 7 else k for k in y]


@figure("mixed-labels")
def kinds_of_labels():
    labels = mixed(digits().y_train)
    kinds = {"id": 0, "one-hot vector": 0, "string": 0}
    for label in labels:
        kinds[
            "string" if isinstance(label, str) else "one-hot vector" if np.ndim(label) else "id"
        ] += 1
    figure, ax = plots.axes()
    plots.bars(
        ax, {"labels": list(kinds.values())}, list(kinds), ylabel="training labels",
        title="Three kinds in one list",
    )  # fmt: skip
    return figure, ", ".join(f"{n} of kind {kind}" for kind, n in kinds.items()) + "."


@case("label-dtype")
def unsigned_labels(broken):
    return {"y_batch": batch()[1].astype("uint8" if broken else "int64")}


@figure("label-dtype")
def one_less_than_zero():
    y = digits().y_train
    shifted = {"broken, uint8": y.astype("uint8") - 1, "fixed, int64": y - 1}
    ids = [-1, *range(9), 255]
    figure, ax = plots.axes()
    counts = {name: [int(np.sum(v.astype(int) == k)) for k in ids] for name, v in shifted.items()}
    plots.bars(
        ax, counts, ids, xlabel="label after y − 1", ylabel="training images",
        title="Where the zeros go",
    )  # fmt: skip
    ax.set_ylim(0, 210)
    return figure, (
        f"The {counts['fixed, int64'][0]} zeros become −1 in int64, which every check sees, "
        f"and 255 in uint8 ({counts['broken, uint8'][-1]})."
    )
