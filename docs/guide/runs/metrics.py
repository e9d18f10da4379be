"""Lessons 09 and 10: what a metric remembers, and what is averaged."""

from utils import plots, reference

import keras
import numpy as np
import tensorflow as tf

from docs.guide.runs import (
    M,
    accuracy_figure,
    batch,
    batches,
    digits,
    model,
    reported_and_true,
    train,
)
from docs.guide.trial import case, figure

SIZE = 100  # 1347 images leave 47 for the last batch


@case("metric-not-reset")
def never_reset(broken):
    metric = M.SparseCategoricalAccuracy()
    train(model(), epochs=1, each=lambda y, scores, _: metric.update_state(y, scores))
    if not broken:
        metric.reset_state()
    return {"metric": metric}


@case("running-value")
def the_metric_called(broken):
    def batch_value(y, p):
        return tf.reduce_mean(M.sparse_categorical_accuracy(y, p))

    return {"batch_value": M.SparseCategoricalAccuracy() if broken else batch_value}


@case("last-batch-metric")
def accuracies_of_last_batches(broken):
    values = last_batches()
    return {
        "reported": values["reported" if broken else "true"],
        "last_batch_size": len(digits().y_train) % SIZE,
    }


def last_batches():
    """Return the accuracy of the last batch beside that of the epoch."""
    return reported_and_true(
        lambda y, scores: tf.reduce_mean(M.sparse_categorical_accuracy(y, scores)),
        epochs=12,
        size=SIZE,
        shuffled=True,
    )


@figure("last-batch-metric", "metric-recreated")
def the_last_batch_of_each_epoch():
    return accuracy_figure(last_batches(), "The last of the shuffled batches")


@case("metric-recreated")
def a_metric_per_step(broken):
    kept = {"metric": M.SparseCategoricalAccuracy()}

    def each(y, scores, _):
        if broken:
            kept["metric"] = M.SparseCategoricalAccuracy()
        kept["metric"].update_state(y, scores)

    train(model(), epochs=1, each=each)
    return {"metric": kept["metric"], "examples": len(digits().y_train)}


@case("running-average")
def averaged_over_the_first_epoch(broken):
    d, net, hits = digits(), model(), []
    train(net, epochs=1, each=lambda y, scores, _: hits.append(reference.accuracy(y, scores)))
    after = reference.accuracy(d.y_train, net(d.x_train))
    return {
        "model": net,
        "x_train": d.x_train,
        "y_train": d.y_train,
        "reported": np.mean(hits) if broken else after,
    }


@case("training-flag")
def without_the_flag(broken):
    net = keras.Sequential(
        [keras.Input((64,)), keras.layers.BatchNormalization(), keras.layers.Dense(10)]
    )
    return {
        "model": net,
        "x_batch": batch()[0],
        "forward": net if broken else lambda x: net(x, training=True),
        "evaluate": lambda x: net(x, training=False),
    }


@case("training-flag")
def the_flag_left_on(broken):
    keras.utils.set_random_seed(0)
    net = keras.Sequential([keras.Input((64,)), keras.layers.Dropout(0.5), keras.layers.Dense(10)])
    return {
        "model": net,
        "x_batch": batch()[0],
        "forward": lambda x: net(x, training=True),
        "evaluate": lambda x: net(x, training=broken),
    }


@case("ragged-batch")
def mean_of_means(broken):
    values, sizes = batch_accuracies(64)
    return {
        "batch_values": values,
        "batch_sizes": sizes,
        "reported": np.mean(values) if broken else np.average(values, weights=sizes),
    }


def batch_accuracies(size: int):
    """Return accuracies of the batches of the test images, which end in a short one, and sizes."""
    d, net = digits(), model()
    train(net, epochs=2)
    rows = [
        (reference.accuracy(y, net(x)), len(y)) for x, y in batches(size, x=d.x_test, y=d.y_test)
    ]
    return [value for value, _ in rows], [n for _, n in rows]


@figure("ragged-batch")
def by_batch_size():
    sizes = (16, 32, 64, 128, 224)
    runs = [batch_accuracies(size) for size in sizes]
    values = {
        "broken, mean of means": [float(np.mean(v)) for v, _ in runs],
        "fixed, weighed": [float(np.average(v, weights=n)) for v, n in runs],
    }
    figure, ax = plots.axes()
    labels = [f"{size}\n(last {n[-1]})" for size, (_, n) in zip(sizes, runs, strict=True)]
    plots.bars(
        ax, values, labels, xlabel="batch size", ylabel="accuracy", title="One model, 450 images"
    )
    low = min(values["broken, mean of means"] + values["fixed, weighed"])
    ax.set_ylim(low - 0.02, max(values["broken, mean of means"]) + 0.04)
    pairs = [
        f"{size}: {a:.3f} against {b:.3f}"
        for size, a, b in zip(sizes, *values.values(), strict=True)
    ]
    return figure, "Accuracy by batch size. " + "; ".join(pairs) + "."


@case("reshuffled-pass")
def shuffled_for_evaluation(broken):
    return {"dataset": evaluation_data(shuffled=broken)}


def evaluation_data(shuffled: bool):
    """Return the test images in batches."""
    d = digits()
    dataset = tf.data.Dataset.from_tensor_slices((d.x_test, d.y_test))
    return (dataset.shuffle(450, seed=1) if shuffled else dataset).batch(64)


@figure("reshuffled-pass")
def two_passes():
    net = model()
    train(net, epochs=5)
    figure, panels = plots.axes(2, height=4.2, width=4.2)
    readings = []
    for ax, name, shuffled in zip(
        panels, ("broken, shuffled", "fixed, in order"), (True, False), strict=True
    ):
        dataset = evaluation_data(shuffled)
        predicted = np.argmax(np.concatenate([net(x) for x, _ in dataset]), axis=-1)
        labels = np.concatenate([y for _, y in dataset])
        matrix = np.zeros((10, 10), int)
        np.add.at(matrix, (labels, predicted), 1)
        plots.confusion_matrix(ax, matrix, digits().class_names, title=name)
        readings.append(f"{name}: {np.trace(matrix) / matrix.sum():.2f}")
    return figure, "Share on the diagonal. " + "; ".join(readings) + "."


@case("misaligned-labels")
def shuffled_apart(broken):
    d = digits()
    order = np.random.default_rng(0).permutation(len(d.y_train))
    return {"x_train": d.x_train, "y_train": d.y_train[order] if broken else d.y_train}
