"""Graders of lesson 13, low loss and low precision."""

from typing import NamedTuple

import numpy as np

from .. import data, reference
from .engine import Exercise, Unusable, call, correct, describe, expect_function, incorrect
from .judging import numbers
from .predictions import Prediction

NEAR = 1e-3


# a · Who has learned nothing?


class Run(NamedTuple):
    """A finished training run."""

    counts: tuple[int, ...]
    loss: float
    accuracy: float


def _runs():
    """Return three runs on four digits: balanced and hard, rare and blind, rare and well seen."""
    few = slice(24, 32)  # one row: enough to do better than nothing
    blank = slice(0, 1)  # a corner that is always empty
    return {
        "A": _run((150, 140, 150, 145), few, steps=8),
        "B": _run((150, 30, 20, 10), slice(0, 64), steps=60),
        "C": _run((140, 40, 25, 12), blank, steps=400),
    }


def _run(counts, pixels, *, steps):
    split = data.digits(seed=2, test_size=0.1)
    kept = [np.flatnonzero(split.y_train == k)[:n] for k, n in enumerate(counts)]
    rows = np.concatenate(kept)
    x, y = split.x_train[rows][:, pixels], split.y_train[rows]
    one_hot = np.eye(len(counts))[y]
    kernel, bias = np.zeros((x.shape[1], len(counts))), np.zeros(len(counts))
    for _ in range(steps):
        delta = (reference.softmax(x @ kernel + bias) - one_hot) / len(x)
        kernel -= 0.5 * x.T @ delta
        bias -= 0.5 * delta.sum(axis=0)
    logits = x @ kernel + bias
    loss = float(reference.cross_entropy(y, logits).mean())
    return Run(tuple(map(len, kept)), loss, reference.accuracy(y, logits))


def _grade_run(answer):
    what = 'a pair such as ("A", 1.0): the letter and the entropy'
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise Unusable(f"Expected {what}.")
    letter = str(answer[0]).strip().upper()
    (entropy,) = numbers([answer[1]], 1, what)
    runs = _runs()
    if letter not in runs:
        raise Unusable(f"Expected {what}; the letters are {', '.join(runs)}.")
    run = runs[letter]
    own = _entropy(run.counts)
    if letter != "C":
        return incorrect(
            f"{letter} has loss {run.loss:.3f}, and the entropy of its own frequencies is "
            f"{own:.3f}: it knows more than these. Compare each loss with its own anchor.",
            "loss-without-anchor",
        )
    if abs(entropy - own) < 0.01:
        return correct(
            f"C rests at {run.loss:.3f}, the entropy of its frequencies is {own:.3f}, and its "
            f"accuracy is the share of its largest class, {max(run.counts) / sum(run.counts):.2f}."
        )
    if abs(entropy - own / np.log(2)) < 0.01:
        return incorrect(
            "C it is. But this entropy is in bits; the loss uses the natural logarithm."
        )
    if abs(entropy - np.log(4)) < 0.01:
        return incorrect(
            "C it is. But ln 4 is the entropy of four equal classes; these are not equal.",
            "loss-without-anchor",
        )
    return incorrect(
        f"C it is. But its entropy is not {entropy:.3f}: it is −Σ f ln f over the four frequencies."
    )


def _entropy(counts):
    return reference.prior_entropy(np.repeat(np.arange(len(counts)), counts))


# b · Mend a report


def _grade_report(answer):
    import tensorflow as tf

    expect_function(answer, "mended")
    y, logits = _four_classes()
    batches = tf.data.Dataset.from_tensor_slices((logits, y)).batch(50)
    value = call(answer, _identity(), batches, 4)
    if not isinstance(value, tuple | list) or len(value) != 3:
        raise Unusable(
            "Return three things: predictions by class, precision by class, their mean. Yours "
            f"returned {describe(value)}."
        )
    given_named, given, macro = (_array(v) for v in value)
    if given_named.shape != (4,) or given.shape != (4,) or macro.shape != ():
        raise Unusable(
            "For four classes the shapes are (4,), (4,) and (); yours are "
            f"{given_named.shape}, {given.shape} and {macro.shape}."
        )
    matrix = reference.confusion_matrix(y, logits.argmax(axis=1), 4)
    return _judge_report(given_named, given, float(macro), matrix)


def _identity():
    """Return a Keras model that hands its input back, so that its logits are known."""
    import keras

    return keras.Sequential([keras.layers.Input((4,)), keras.layers.Activation("linear")])


def _judge_report(given_named, given, macro, matrix):
    named, precision = matrix.sum(axis=0), reference.precision(matrix)
    seen = (
        f"Of four classes, class 2 was never named and class 3 was named {named[3]} times, always "
        "wrongly."
    )
    if given[2] == 0:
        return incorrect(
            f"{seen} You report 0 for both. The first is 0/0: report np.nan.", "undefined-precision"
        )
    if np.isnan(given[3]):
        return incorrect(
            f"{seen} You report NaN for class 3: its precision is 0, and known.",
            "undefined-precision",
        )
    if not np.array_equal(given_named, named):
        images = np.array_equal(given_named, matrix.sum(axis=1))
        return incorrect(
            f"Predictions by class are {_few(named)}; you return {_few(given_named)}"
            + (", the images by class." if images else ".")
        )
    if not np.allclose(given, precision, atol=NEAR, equal_nan=True):
        recall = np.allclose(given[:2], reference.recall(matrix)[:2], atol=NEAR)
        return incorrect(
            f"The precisions are {_few(precision)}; you return {_few(given)}"
            + (", the recalls: divide by columns." if recall else ".")
        )
    expected = float(np.nanmean(precision))
    if abs(macro - expected) < NEAR:
        return correct(
            f"{seen} You report {_few(given)} and the mean {macro:.3f} of the three that have one."
        )
    if np.isnan(macro):
        return incorrect(f"{seen} Your mean is NaN: leave the undefined class out of it.")
    if abs(macro - float(np.nan_to_num(precision).mean())) < NEAR:
        return incorrect(
            f"{seen} Your mean, {macro:.3f}, counts the undefined one as 0; over the others it is "
            f"{expected:.3f}.",
            "undefined-precision",
        )
    if abs(macro - np.trace(matrix) / matrix.sum()) < NEAR:
        return incorrect(f"Your mean, {macro:.3f}, is the accuracy: that is the micro average.")
    return incorrect(f"Over the classes that have one the mean precision is {expected:.3f}.")


def _array(value):
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise Unusable(f"Numbers were expected; there is {describe(value)}.") from None


def _four_classes():
    """Return labels and logits: class 2 never the highest, class 3 highest only where wrong."""
    rng = np.random.default_rng(4)
    y = rng.choice(4, 230, p=[0.6, 0.2, 0.1, 0.1])
    logits = rng.normal(0, 1, (230, 4)) + 1.5 * np.eye(4)[y]
    logits[:, 2] -= 9
    logits[:, 3] -= np.where(y == 3, 9, 0.8)
    return y, logits.astype(np.float32)


# c · Choose a threshold


def _grade_threshold(answer):
    expect_function(answer, "threshold_for")
    told = []
    for is_nine, p, recall in _threshold_cases():
        value = call(answer, is_nine.copy(), p.copy(), recall)
        t, precision = numbers(value, 2, "two numbers: the threshold and the precision there")
        complaint = _judge_threshold(t, precision, is_nine, p, recall)
        if complaint is not None:
            return complaint
        told.append(f"recall {recall:g}: precision {precision:.2f}")
    return correct("Highest threshold that reaches it, in three problems. " + "; ".join(told) + ".")


def _judge_threshold(t, precision, is_nine, p, recall):
    right, right_precision = _threshold(is_nine, p, recall)
    called = p >= t
    reached = called[is_nine].mean()
    where = f"{is_nine.sum()} nines among {len(p)} images, recall {recall:g} wanted:"
    if not called.any() or reached < recall:
        return incorrect(
            f"{where} at your threshold {t:.4g} the recall is {reached:.3f}. An image at the "
            "threshold itself counts as called, p >= t."
        )
    if not np.array_equal(called, p >= right):
        return incorrect(
            f"{where} your threshold {t:.4g} reaches {reached:.3f}, and so does a higher one, "
            f"with precision {right_precision:.2f} instead of {is_nine[called].mean():.2f}."
        )
    if abs(precision - right_precision) < NEAR:
        return None
    if abs(precision - reached) < NEAR:
        return incorrect(
            f"{where} the threshold is right, but {precision:.3f} is the recall there."
        )
    return incorrect(
        f"{where} the threshold is right. Of {called.sum()} called, {is_nine[called].sum()} are "
        f"nines: the precision is {right_precision:.3f}, not {precision:.3f}."
    )


def _threshold(is_nine, p, recall):
    for t in np.unique(p)[::-1]:
        called = p >= t
        if called[is_nine].mean() >= recall:
            return float(t), float(is_nine[called].mean())
    raise AssertionError("calling every image a nine has recall 1")


def _threshold_cases():
    """Return labels, probabilities and a recall: distinct scores, tied scores, a rare class."""
    cases = []
    for seed, count, share, digits, recall in (
        (0, 300, 0.2, 6, 0.9),
        (1, 400, 0.1, 1, 0.8),
        (2, 250, 0.04, 6, 0.5),
    ):
        rng = np.random.default_rng(seed)
        is_nine = rng.random(count) < share
        p = 1 / (1 + np.exp(-rng.normal(-2.5 + 1.8 * is_nine, 1)))
        cases.append((is_nine, np.round(p, digits), recall))
    return cases


def _few(values) -> str:
    shown = ("nan" if np.isnan(v) else f"{v:g}" if v == int(v) else f"{v:.2f}" for v in values)
    return "(" + ", ".join(shown) + ")"


EXERCISES = (
    Exercise(
        "13-a",
        "Who has learned nothing?",
        (
            "Each run has an anchor of its own: −Σ f ln f over its class frequencies f.",
            "Compare each loss with its own anchor. Which two agree?",
        ),
        _grade_run,
        _runs,
    ),
    Exercise(
        "13-b",
        "Mend a report",
        (
            "Count a confusion matrix over the batches; its columns are predictions.",
            "reference.precision(matrix) is NaN where a column is empty.",
            "np.nanmean leaves the undefined classes out.",
        ),
        _grade_report,
    ),
    Exercise(
        "13-c",
        "Choose a threshold",
        (
            "Only the values in p_nine can be thresholds: between two of them nothing changes.",
            "Go through them from the highest down, and stop at the first that is low enough.",
            "Of the images that are called, which share are nines?",
        ),
        _grade_threshold,
    ),
)

PREDICTIONS = (
    Prediction(
        "13-p1", "How many of 90 nines will the model call a nine?", "images", tolerance=0.5
    ),
    Prediction(
        "13-p2",
        "Which average of precision is always equal to the accuracy?",
        choices=("macro", "weighted", "micro"),
    ),
)
