"""The loop of exercise 08-d as it was meant, and as it reports with its arguments swapped."""

from functools import cache
from typing import NamedTuple

import numpy as np

from .. import data, reference

EPOCHS = 6
NEAR = 1e-3  # nats, or shares of examples: above float32 rounding, below any fault
LARGEST = float(-np.log(1e-7))  # what Keras' clip makes of a label's 0


class Reports(NamedTuple):
    """What the loop could report, epoch by epoch.

    Attributes
    ----------
    loss : ndarray of float, shape (EPOCHS,)
        What it trains on: the cross-entropy, or the one with swapped arguments.
    accuracy : ndarray of float, shape (EPOCHS,)
        Of the predictions made in that epoch's step.
    swapped_accuracy : ndarray of float, shape (EPOCHS,)
        What SparseCategoricalAccuracy makes of (predictions, labels).
    """

    loss: np.ndarray
    accuracy: np.ndarray
    swapped_accuracy: np.ndarray


def fresh():
    """Return model, optimizer, images and one-hot labels: digits 0 to 3, unknown to the page."""
    import keras

    split = data.digits(seed=8)
    keep = split.y_train < 4
    keras.utils.set_random_seed(8)
    model = keras.Sequential(
        [keras.layers.Input((64,)), keras.layers.Dense(4, activation="softmax")]
    )
    one_hot = np.eye(4, dtype=np.float32)[split.y_train[keep]]
    return model, keras.optimizers.Adam(0.05), split.x_train[keep], one_hot


@cache
def reports(*, swapped: bool) -> Reports:
    """Train once and return what was to be reported.

    Parameters
    ----------
    swapped : bool
        Whether the loss gets the predictions first.
    """
    import keras
    import tensorflow as tf

    model, optimizer, x, one_hot = fresh()
    loss_fn = keras.losses.CategoricalCrossentropy()
    ids = one_hot.argmax(axis=-1)
    rows = []
    for _ in range(EPOCHS):
        with tf.GradientTape() as tape:
            p = model(x, training=True)
            loss = loss_fn(p, one_hot) if swapped else loss_fn(one_hot, p)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        metric = keras.metrics.SparseCategoricalAccuracy()
        metric.update_state(p, ids)
        rows.append((float(loss), reference.accuracy(ids, p), float(metric.result())))
    return Reports(*np.array(rows).T)


def verdict(loss, accuracy) -> tuple[str, str]:
    """Judge a learner's history.

    Parameters
    ----------
    loss, accuracy : ndarray of float, shape (EPOCHS,)

    Returns
    -------
    text : str
        What was seen, and what it means.
    kind : {"right", "swapped", "other"}
    """
    right, swapped = reports(swapped=False), reports(swapped=True)
    seen = f"Your first loss is {loss[0]:.2f}, your last accuracy {accuracy[-1]:.2f}."
    if _same(loss, swapped.loss):
        half = _same(accuracy, swapped.accuracy)
        return (
            f"{seen} {'The accuracy is right now, but the' if half else 'The'} loss still takes "
            f"the predictions for labels: four classes begin near ln 4 = {np.log(4):.2f}. Keras "
            f"clips the zeros of the one-hot rows, and the loss is {LARGEST:.2f} · (1 − p) with p "
            "for the true class. It falls, so nobody looks.",
            "swapped",
        )
    if not _same(loss, right.loss):
        why = (
            "The first one is right: is the gradient taken from that same loss?"
            if abs(loss[0] - right.loss[0]) < NEAR
            else "Change the order of the arguments, and nothing else."
        )
        told = f"The losses should be {_listed(right.loss)}; yours are {_listed(loss)}. {why}"
        return f"{seen} {told}", "other"
    if _same(accuracy, right.accuracy):
        return (
            f"On digits 0 to 3 the loss begins at {loss[0]:.2f}, near ln 4, not at "
            f"{swapped.loss[0]:.2f}, and the accuracy ends at {accuracy[-1]:.2f}. With keywords, "
            "loss_fn(y_true=…, y_pred=…), the order cannot go wrong.",
            "right",
        )
    if _same(accuracy, right.swapped_accuracy):
        return (
            f"{seen} The loss is right now. The metric still cuts the predictions off to whole "
            "numbers and compares these zeros with one place, that of the highest label in the "
            f"batch. It says 0 or 1, as it happens; the accuracy is {right.accuracy[-1]:.2f}.",
            "swapped",
        )
    listed = f"should be {_listed(right.accuracy)}; yours are {_listed(accuracy)}"
    return f"{seen} The loss is right. The accuracies {listed}.", "other"


def _same(given, expected) -> bool:
    return bool(np.allclose(given, expected, atol=NEAR))


def _listed(values) -> str:
    return ", ".join(f"{value:.2f}" for value in values)
