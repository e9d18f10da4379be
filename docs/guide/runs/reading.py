"""Lessons 11 and 12: what a loss means, and what a split hides."""

from utils import data, plots

import keras
import numpy as np
import tensorflow as tf

from docs.guide.runs import SCCE, digits, model
from docs.guide.trial import case, figure


@case("memorised-noise")
def labels_by_lot(broken):
    d = digits()
    y = np.random.default_rng(0).permutation(d.y_train) if broken else d.y_train
    net = model(hidden=128)
    net.compile(keras.optimizers.Adam(0.01), SCCE(from_logits=True))
    net.fit(d.x_train, y, epochs=20 if broken else 3, verbose=0)
    return {"model": net, "x_new": d.x_test, "y_new": d.y_test}


@case("loss-without-anchor")
def only_the_ink(broken):
    d = data.rare_digits("ink") if broken else digits()
    net = keras.Sequential([keras.Input(d.x_train.shape[1:]), keras.layers.Dense(d.num_classes)])
    net.compile(keras.optimizers.Adam(0.05), SCCE(from_logits=True))
    loss = net.fit(d.x_train, d.y_train, epochs=6, verbose=0).history["loss"][-1]
    return {"loss": loss, "y_train": d.y_train}


@case("validation-leak")
def shuffled_before_the_split(broken):
    train_data, validation_data = split(broken)
    for _ in validation_data:  # an epoch has passed
        pass
    return {"train_data": train_data, "validation_data": validation_data}


def split(reshuffled: bool):
    """Cut a shuffled dataset of the digits in two with `take` and `skip`, and batch it."""
    d = digits()
    dataset = tf.data.Dataset.from_tensor_slices((d.x_train, d.y_train))
    dataset = dataset.shuffle(len(d.y_train), seed=1, reshuffle_each_iteration=reshuffled)
    return dataset.skip(300).batch(128), dataset.take(300).batch(128)


@figure("validation-leak")
def seen_in_training():
    values = {}
    for name, reshuffled in (("broken, reshuffled", True), ("fixed", False)):
        train_data, validation_data = split(reshuffled)
        seen, shares = set(), []
        for _ in range(6):
            seen |= {x.tobytes() for x, _ in train_data.unbatch().as_numpy_iterator()}
            held = [x.tobytes() in seen for x, _ in validation_data.unbatch().as_numpy_iterator()]
            shares.append(float(np.mean(held)))
        values[name] = shares
    figure, ax = plots.axes()
    plots.curves(ax, values, ylabel="share of validation images", title="Seen in training before")
    ax.set_ylim(-0.05, 1.1)
    return figure, plots.read_curves(values)


@case("early-stopping-without-restore")
def the_last_weights(broken):
    d, net = digits(), model(hidden=128)
    x_val, y_val, loss_fn = d.x_test, d.y_test, SCCE(from_logits=True)
    stop = keras.callbacks.EarlyStopping(patience=8, restore_best_weights=not broken)
    net.compile(keras.optimizers.Adam(0.03), loss_fn)
    few = slice(0, 300)
    history = net.fit(
        d.x_train[few], d.y_train[few], validation_data=(x_val, y_val), epochs=60,
        callbacks=[stop], verbose=0,
    )  # fmt: skip
    val_losses = history.history["val_loss"]
    return {
        "model": net, "loss_fn": loss_fn, "x_val": x_val, "y_val": y_val, "val_losses": val_losses
    }  # fmt: skip


@case("sorted-split")
def cut_in_two(broken):
    y_train, y_val = cut(broken)
    return {"y_train": y_train, "y_val": y_val}


def cut(in_order: bool):
    """Return labels of the first four fifths and of the rest, sorted before or not."""
    y = np.sort(digits().y_train) if in_order else digits().y_train
    return np.split(y, [len(y) * 4 // 5])


@figure("sorted-split")
def classes_on_each_side():
    figure, panels = plots.axes(2, sharey=True)
    readings = []
    for ax, name, in_order in zip(
        panels, ("broken: sorted", "fixed: mixed"), (True, False), strict=True
    ):
        parts = [np.bincount(y, minlength=10) for y in cut(in_order)]
        plots.bars(
            ax, {"training": parts[0], "validation": parts[1]}, range(10), xlabel="digit",
            ylabel="images", title=name,
        )  # fmt: skip
        ax.set_ylim(0, 200)
        gone = [np.flatnonzero(n == 0).size for n in parts]
        readings.append(f"{name}: {gone[0]} digits missing in training, {gone[1]} in validation.")
    return figure, " ".join(readings)
