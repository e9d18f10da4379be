"""Lessons 13 to 15: rare classes, their weights, and precision."""

from utils import data, plots, reference

from functools import cache

import keras
import numpy as np
import tensorflow as tf
from sklearn.metrics import precision_score

from docs.guide.runs import SCCE, M, batch, digits, model, train
from docs.guide.trial import case, figure


@cache
def rare(features: str) -> data.Split:
    """Return the digits as three unequal classes."""
    return data.rare_digits(features)


def fitted(features: str, *, epochs: int = 12, weights=None, **compiled):
    """Return a small model of the three unequal classes, trained with `fit`."""
    d = rare(features)
    x = d.x_train.reshape(len(d.x_train), -1)
    keras.utils.set_random_seed(0)
    net = keras.Sequential(
        [
            keras.Input((x.shape[1],)),
            keras.layers.Dense(16, "relu"),
            keras.layers.Dense(d.num_classes),
        ]
    )
    net.compile(keras.optimizers.Adam(0.01), SCCE(from_logits=True), **compiled)
    history = net.fit(x, d.y_train, epochs=epochs, class_weight=weights, verbose=0)
    return net, history.history


def balanced(y, *, mean_one: bool):
    """Return n / (C · count) for each class, or n / count."""
    counts = np.bincount(y)
    return (len(y) / counts / (len(counts) if mean_one else 1)).astype("float32")


@case("class-imbalance")
def only_the_ink(broken):
    features = "ink" if broken else "pixels"
    return {
        "model": fitted(features)[0],
        "x_val": rare(features).x_test,
        "y_val": rare(features).y_test,
    }


@case("undefined-precision")
def a_class_never_named(broken):
    features = "ink" if broken else "pixels"
    return {"y_pred": fitted(features)[0](rare(features).x_test), "num_classes": 3}


@case("class-weights-ignored")
def declared_and_dropped(broken):
    x, y = batch()
    net, loss_fn = model(), SCCE(from_logits=True)

    def weighted_loss(class_weights):
        weights = None if broken else tf.gather(class_weights, y)
        return loss_fn(y, net(x), sample_weight=weights)

    return {"weighted_loss": weighted_loss, "y_batch": y, "num_classes": 10}


@case("class-weights-scale")
def weights_of_mean_three(broken):
    y = rare("rows").y_train
    return {"class_weights": balanced(y, mean_one=not broken), "y_train": y}


@figure("class-weights-scale")
def losses_of_three_scales():
    y = rare("rows").y_train
    weights = {
        "broken, n / count": dict(enumerate(balanced(y, mean_one=False))),
        "fixed, n / (C · count)": dict(enumerate(balanced(y, mean_one=True))),
        "true, unweighted": None,
    }
    losses = {name: fitted("rows", weights=w)[1]["loss"] for name, w in weights.items()}
    figure, ax = plots.axes()
    plots.curves(ax, losses, references={"ln 3": float(np.log(3))}, title="One model, three scales")
    ax.set_ylim(0, None)
    return figure, plots.read_curves(losses)


@case("loss-weights-misuse")
def given_to_compile(broken):
    return {"model": model(), "loss_weights": [5.0] if broken else None}


@figure("loss-weights-misuse")
def recall_under_loss_weights():
    d, y = rare("rows"), rare("rows").y_train
    runs = {
        "broken, loss_weights=[5]": fitted("rows", loss_weights=[5.0])[0],
        "no weights": fitted("rows")[0],
        "fixed, class_weight": fitted("rows", weights=dict(enumerate(balanced(y, mean_one=True))))[
            0
        ],
    }
    recalls = {
        name: [
            reference.accuracy(d.y_test[d.y_test == k], net(d.x_test[d.y_test == k]))
            for k in range(d.num_classes)
        ]
        for name, net in runs.items()
    }
    figure, ax = plots.axes()
    plots.bars(ax, recalls, d.class_names, ylabel="recall, test images", title="Who is found")
    ax.set_ylim(0, 1.5)
    ax.set_yticks(np.linspace(0, 1, 6))
    return figure, "Recall of eights. " + "; ".join(
        f"{name}: {values[1]:.2f}" for name, values in recalls.items()
    ) + "."


@case("weights-not-in-metric")
def weights_for_the_loss_alone(broken):
    x, y = batch()

    def accuracy(y, y_pred, w):
        metric = M.SparseCategoricalAccuracy()
        metric.update_state(y, y_pred, sample_weight=None if broken else w)
        return metric.result()

    net = model()
    train(net, epochs=2)
    return {"accuracy": accuracy, "y_batch": y, "y_pred": net(x), "num_classes": 10}


@figure("weights-not-in-metric")
def two_accuracies():
    y = rare("rows").y_train
    history = fitted(
        "rows",
        weights=dict(enumerate(balanced(y, mean_one=True))),
        metrics=["accuracy"],
        weighted_metrics=[M.SparseCategoricalAccuracy("weighted")],
    )[1]
    values = {
        "broken, metrics=": history["accuracy"],
        "fixed, weighted_metrics=": history["weighted"],
    }
    figure, (left, right) = plots.axes(2)
    plots.curves(left, {"training": history["loss"]}, title="The weighted loss")
    plots.curves(right, values, ylabel="accuracy", title="Two accuracies of one run")
    left.set_ylim(0, None)
    right.set_ylim(0, 1.05)
    return figure, (
        f"Loss: {plots.read_curves({'training': history['loss']})} "
        f"Accuracy: {plots.read_curves(values)}"
    )


@case("precision-on-sparse-labels")
def ids_with_class_id(broken):
    net, d = model(), digits()
    train(net, epochs=2)
    y = d.y_test[:64]
    return {
        "metric": M.Precision(class_id=3, top_k=1),
        "metric_labels": y if broken else tf.one_hot(y, 10),
        "y_batch": y,
        "y_pred": net(d.x_test[:64]),
    }


@case("per-batch-precision")
def averaged_over_batches(broken):
    d = rare("rows")
    predicted = np.argmax(fitted("rows")[0](d.x_test), axis=-1)

    def mean_of_batches(size):
        cuts = range(0, len(predicted), size)
        return np.mean([precision(predicted[k : k + size], d.y_test[k : k + size]) for k in cuts])

    def counted_once(size):
        return precision(predicted, d.y_test)

    return {"epoch_precision": mean_of_batches if broken else counted_once, "y_val": d.y_test}


def precision(predicted, y) -> float:
    """Return the precision of class 1, and 0 where it is undefined."""
    return precision_score(y, predicted, labels=[1], average=None, zero_division=0)[0]


@case("metric-on-logits")
def logits_against_one_half(broken):
    scores = model(1)(batch()[0])
    return {"y_pred": scores if broken else tf.sigmoid(scores)}


@figure("metric-on-logits")
def recall_at_the_default_threshold():
    d = rare("rows")
    y = (d.y_train == 2).astype("float32")[:, None]
    keras.utils.set_random_seed(0)
    net = keras.Sequential(
        [keras.Input((8,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(1)]
    )
    net.compile(keras.optimizers.Adam(0.01), keras.losses.BinaryCrossentropy(from_logits=True))
    values = {"broken, logits": [], "fixed, probabilities": []}
    for _ in range(12):
        net.fit(d.x_train, y, epochs=1, verbose=0)
        scores = net(d.x_train)
        for name, given in zip(values, (scores, tf.sigmoid(scores)), strict=True):
            recall = M.Recall()
            recall.update_state(y, given)
            values[name].append(float(recall.result()))
    figure, ax = plots.axes()
    plots.curves(ax, values, ylabel="recall of nines", title="One model, threshold 0.5")
    ax.set_ylim(0, 1.05)
    return figure, plots.read_curves(values)
