"""Graders of lesson 10, reported against true."""

from functools import cache

import numpy as np

from .. import data, reference
from .engine import Exercise, Unusable, call, correct, describe, expect_function, incorrect
from .judging import numbers
from .predictions import Prediction

NEAR = 2e-3


# a · Mend an evaluation


def _grade_evaluation(answer):
    expect_function(answer, "mended")
    model, x, y = _model_with_batch_norm()
    # In order, with a short last batch whose one label is wrong: it must count for one.
    in_order = _dataset(x, y, batch_size=len(x) - 1)
    before = [v.copy() for v in model.get_weights()]
    given = _two(call(answer, model, in_order))
    moved = any(not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    model.set_weights(before)
    truth = _evaluate(model, x, y)
    if moved:
        return incorrect(
            "Evaluating has changed the model: its batch-norm averages are no longer what they "
            "were. Somewhere it is called with training=True.",
            "training-flag",
        )
    for position, name in enumerate(("loss", "accuracy")):
        if abs(given[position] - truth[position]) <= NEAR:
            continue
        return _wrong_figure(name, given[position], truth[position], position, model, x, y)
    shuffled = _dataset(x, y, batch_size=16, shuffle=True)
    again = _two(call(answer, model, shuffled))
    if not np.allclose(again, truth, atol=NEAR):
        return incorrect(
            f"On the same data, shuffled, you say loss {again[0]:.3f} and accuracy {again[1]:.3f}; "
            f"true are {truth[0]:.3f} and {truth[1]:.3f}. Predictions and labels come from two "
            "passes, and each pass has an order of its own.",
            "reshuffled-pass",
        )
    return correct(
        f"Loss {given[0]:.3f} and accuracy {given[1]:.3f} on {len(x)} wines, whatever the batches "
        "and their order, and the model is as it was."
    )


def _wrong_figure(name, said, true, position, model, x, y):
    seen = f"Your {name} is {said:.3f}; over all examples it is {true:.3f}."
    cut = len(x) - 1
    parts = [_evaluate(model, x[:cut], y[:cut])[position], _evaluate(model, x[cut:], y[cut:])]
    means = (parts[0] + parts[1][position]) / 2
    if abs(said - means) <= NEAR:
        return incorrect(
            f"{seen} That is the mean of the batches' means. The last batch holds one example, "
            "and it must not count for as much as all the others.",
            "ragged-batch",
        )
    if abs(said - parts[1][position]) <= NEAR:
        return incorrect(f"{seen} That is the last batch alone.", "last-batch-metric")
    if name == "loss" and abs(said - true * len(x)) <= NEAR * len(x):
        return incorrect(
            f"{seen} That is the sum. Divide by the number of examples.", "summed-loss"
        )
    if name == "loss":
        p = reference.softmax(_scores(model, x))
        if abs(said - reference.cross_entropy(y, p).mean()) <= NEAR:
            return incorrect(f"{seen} A softmax too many.", "double-softmax")
    return incorrect(f"{seen} Call the model with training=False, and average over examples.")


@cache
def _parts():
    """Return weights of a softmax regression on wine, trained in NumPy, and the data."""
    split = data.wine(seed=10)
    x, y = split.x_train, split.y_train
    kernel = np.zeros((13, 3))
    for _ in range(60):
        kernel -= 0.3 * x.T @ (reference.softmax(x @ kernel) - np.eye(3)[y]) / len(x)
    y = y.copy()
    y[-1] = np.argmin(x[-1] @ kernel)
    return kernel, x, y


def _model_with_batch_norm():
    import keras

    kernel, x, y = _parts()
    norm, dense = keras.layers.BatchNormalization(), keras.layers.Dense(3)
    model = keras.Sequential([keras.layers.Input((13,)), norm, dense])
    # The moving averages differ from the data's own: the flag shows in every figure.
    norm.set_weights([np.ones(13), np.zeros(13), np.full(13, 0.3), np.full(13, 1.5)])
    dense.set_weights([kernel, np.zeros(3)])
    return model, x, y


def _dataset(x, y, *, batch_size, shuffle=False):
    import tensorflow as tf

    pairs = tf.data.Dataset.from_tensor_slices((x, y))
    return (pairs.shuffle(len(x), seed=10) if shuffle else pairs).batch(batch_size)


def _scores(model, x):
    return np.asarray(model(x, training=False), np.float64)


def _evaluate(model, x, y):
    scores = _scores(model, x)
    return reference.cross_entropy(y, scores).mean(), reference.accuracy(y, scores)


def _two(value):
    what = "the pair (loss, accuracy), two finite numbers"
    if not isinstance(value, tuple | list):
        raise Unusable(f"Expected {what}. You gave {describe(value)}.")
    return numbers(value, 2, what)


# b · Take a gap apart


TERMS = ("moving weights", "dropout", "new data")


def _grade_terms(answer):
    expect_function(answer, "decompose")
    model, split = _model_with_dropout()
    arrays = (split.x_train, split.y_train, split.x_test, split.y_test)
    off, val = (
        reference.accuracy(arrays[1], _scores(model, arrays[0])),
        reference.accuracy(arrays[3], _scores(model, arrays[2])),
    )
    on = np.mean(
        [reference.accuracy(arrays[1], model(arrays[0], training=True)) for _ in range(20)]
    )
    reported = on - 0.12
    given = call(answer, model, *arrays, reported)
    given = np.array(numbers(list(_three(given)), 3, "three finite numbers"))
    truth = np.array([on - reported, off - on, val - off])
    gap = val - reported
    shown = ", ".join(f"{name} {term:+.3f}" for name, term in zip(TERMS, given, strict=True))
    seen = f"You say {shown}; together {given.sum():+.3f}, and the gap is {gap:+.3f}."
    if np.allclose(given, -truth, atol=0.04):
        return incorrect(f"{seen} All signs are turned round: validation minus reported.")
    if abs(given.sum() - gap) > NEAR:
        return incorrect(f"{seen} The terms must add up: each begins where the last one ended.")
    close = np.abs(given - truth) < 0.04
    if close.all():
        return correct(f"{seen} Each step changes one thing at a time.")
    if abs(given[1]) < 1e-6:
        return incorrect(
            f"{seen} Dropout explains nothing in yours: model(x) means training=False, so it was "
            "off in both measurements.",
            "training-flag",
        )
    if np.allclose(np.sort(given), np.sort(truth), atol=0.04):
        return incorrect(f"{seen} The numbers are right, their order is not: {', '.join(TERMS)}.")
    if abs(given[2] - truth[2]) > 0.04 and not close[1]:
        return incorrect(
            f"{seen} Measure the training data twice, with dropout on and off, and the validation "
            "data with dropout off.",
            "training-flag",
        )
    name = TERMS[int(np.argmin(close))]
    right = truth[int(np.argmin(close))]
    return incorrect(f"{seen} “{name}” should be about {right:+.2f}. Is dropout random? Average.")


def _three(value):
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, tuple | list | np.ndarray):
        raise Unusable(f"Return three numbers: {', '.join(TERMS)}. Yours is {describe(value)}.")
    return value


@cache
def _digits_kernel():
    split = data.digits(seed=10)
    x, y = split.x_train, split.y_train
    kernel = np.zeros((64, 10))
    for _ in range(40):
        kernel -= 0.8 * x.T @ (reference.softmax(x @ kernel) - np.eye(10)[y]) / len(x)
    return kernel, split


def _model_with_dropout():
    import keras

    kernel, split = _digits_kernel()
    keras.utils.set_random_seed(10)
    dense = keras.layers.Dense(10)
    model = keras.Sequential([keras.layers.Input((64,)), keras.layers.Dropout(0.6), dense])
    dense.set_weights([kernel, np.zeros(10)])
    return model, split


# c · Do they belong together?


def _grade_together(answer):
    expect_function(answer, "belong_together")
    told = 0
    for name, x, y, truth in _cases():
        given = call(answer, x.copy(), y.copy())
        if not isinstance(given, bool | np.bool_):
            raise Unusable(f"Return True or False. Yours returned {describe(given)}.")
        if bool(given) != truth:
            return _wrong_verdict(name, bool(given), len(np.unique(y)))
        told += 1
    return correct(f"Right on all {told}: digits, wine, iris and unequal classes, in both states.")


def _cases():
    rng = np.random.default_rng(10)
    digits, wine, iris = data.digits(seed=8), data.wine(seed=8), data.iris(seed=8)
    rare = data.rare_digits(seed=8)
    by_class = np.argsort(digits.y_train, kind="stable")
    x, y = digits.x_train, digits.y_train
    return (
        ("digits", x, y, True),
        ("digits, labels shuffled", x, rng.permutation(y), False),
        ("digits, labels moved by one row", x, np.roll(y, 1), False),
        ("digits, sorted by class", x[by_class], y[by_class], True),
        ("wine", wine.x_train, wine.y_train, True),
        ("wine, rows shuffled", rng.permutation(wine.x_train), wine.y_train, False),
        ("iris", iris.x_train, iris.y_train, True),
        ("unequal classes", rare.x_train, rare.y_train, True),
        ("unequal classes, labels shuffled", rare.x_train, rng.permutation(rare.y_train), False),
    )


def _wrong_verdict(name, given, classes):
    said = "belong together" if given else "do not belong together"
    if name.startswith("unequal") and given:
        return incorrect(
            f"{name}: you say that they {said}. Eight labels in ten are of one class here, so "
            "neighbours agree two times in three by chance. Compare with what chance gives.",
            "class-imbalance",
        )
    if given:
        return incorrect(
            f"{name}: you say that they {said}. The rows and the frequencies of the {classes} "
            "classes are all there; only the pairs are wrong.",
            "misaligned-labels",
        )
    if "sorted" in name:
        return incorrect(
            f"{name}: you say that they {said}. Every label is right; only the order is by class. "
            "Draw your examples from all of the data.",
            "sorted-split",
        )
    return incorrect(f"{name}: you say that they {said}, but here nothing was shuffled.")


EXERCISES = (
    Exercise(
        "10-a",
        "Mend an evaluation",
        (
            "Three questions: which flag, how are batches averaged, and are there two passes?",
            "keras.metrics.Mean takes a sample_weight: the number of examples in the batch.",
            "training=False; mean_loss.update_state(loss, sample_weight=len(y_batch)).",
        ),
        _grade_evaluation,
    ),
    Exercise(
        "10-b",
        "Take a gap apart",
        (
            "Four figures in a row: reported; training data with dropout; without; validation.",
            "model(x, training=True) keeps dropout on; it is random, so average some passes.",
            "Each term is one figure minus the figure before it.",
        ),
        _grade_terms,
    ),
    Exercise(
        "10-c",
        "Do they belong together?",
        (
            "If labels belong to rows, the nearest neighbour of a row mostly has the same label.",
            "By chance, two labels agree with probability Σ q², q being the class frequencies.",
            "Draw a few hundred rows at random: the data may be sorted.",
        ),
        _grade_together,
    ),
)

PREDICTIONS = (
    Prediction("10-p1", "What does evaluate_broken report with a batch size of 1?", tolerance=0.05),
    Prediction(
        "10-p2",
        "What is the largest part of this gap?",
        choices=("dropout", "moving weights", "lucky split", "a bug"),
    ),
)
