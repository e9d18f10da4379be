"""Graders of lesson 01, one-hot labels."""

import numpy as np

from .. import data, reference
from .engine import (
    Exercise,
    NotAttempted,
    Unusable,
    call,
    correct,
    describe,
    expect_function,
    incorrect,
)
from .predictions import Prediction

EXACT = 1e-4  # accuracies: below 1 / examples, above float32 rounding


# a · Mend a loop


def _grade_mended(answer):
    expect_function(answer, "mended")
    told = []
    for name, x, y, num_classes in (_digits(), _wine()):
        model = _Scores(x, y, num_classes)
        rows = np.eye(num_classes, dtype=np.float32)[y]
        truth = reference.accuracy(y, model.scores)
        for size in (num_classes, 1, 7, len(x)):
            value = _number(_run(answer, model, x, rows, size, name), "an accuracy")
            if abs(value - truth) > EXACT:
                return _wrong_accuracy(name, size, value, truth, y, model.scores, rows)
        told.append(f"{name} {truth:.3f}")
    return correct(
        f"Right for {' and '.join(told)}, in batches of C, of one, of seven (the last one "
        "shorter), and all at once."
    )


def _run(function, model, x, rows, size, name):
    try:
        return call(function, model, x, rows.copy(), batch_size=size)
    except NotAttempted:
        raise
    except Exception as error:
        if "Incompatible shapes" in str(error):
            raise Unusable(
                f"{name}, batches of {size}: labels and predictions have shapes that do not fit. "
                "The sparse metric accepts one-hot rows only when B = C or B = 1, and is wrong "
                "then."
            ) from None
        raise


def _wrong_accuracy(name, size, value, truth, y, scores, rows):
    seen = f"{name}, batches of {size}: you report {value:.3f}, the accuracy is {truth:.3f}."
    ids = scores.argmax(axis=-1)
    num_classes = rows.shape[1]
    if size in (1, num_classes) and abs(value - _broadcast(y, ids, num_classes, size)) < EXACT:
        return incorrect(
            f"{seen} The sparse metric still compares one-hot cells with ids.", "one-hot-labels"
        )
    if abs(value - np.mean(ids == 0)) < EXACT:
        return incorrect(
            f"{seen} That is the share of predictions of class 0: argmax was taken of labels "
            "that are ids already.",
            "sparse-labels-to-categorical",
        )
    cells = [np.mean((scores > 0.5) == rows), np.mean((scores > 0) == rows)]
    if min(abs(value - c) for c in cells) < EXACT:
        return incorrect(
            f"{seen} You count cells; an example is right or wrong as a whole.",
            "wrong-accuracy-metric",
        )
    batches = [(ids == y)[k : k + size].mean() for k in range(0, len(y), size)]
    if abs(value - np.mean(batches)) < EXACT:
        return incorrect(
            f"{seen} That is the mean of the batch accuracies: the last, shorter batch counts as "
            "much as a full one.",
            "ragged-batch",
        )
    whole = len(y) // size * size
    if abs(value - np.mean((ids == y)[:whole])) < EXACT:
        return incorrect(f"{seen} The last, shorter batch is missing.", "ragged-batch")
    if abs(value - 100 * truth) < 100 * EXACT:
        return incorrect(f"{seen} Right in per cent; a share between 0 and 1 is asked for.")
    if abs(value - batches[-1]) < EXACT:
        return incorrect(f"{seen} That is the last batch alone.", "last-batch-metric")
    return incorrect(seen)


def _broadcast(y, ids, num_classes, size):
    """Return the metric's value on one-hot rows, all batches counted by their cells."""
    rows = np.eye(num_classes)[y]
    matches = [
        (rows[k : k + size] == ids[k : k + size]).mean(axis=-1) for k in range(0, len(y), size)
    ]
    return float(np.mean(np.concatenate(matches)))


class _Scores:
    """A model that is good and not perfect: minus the distance to the mean of each class."""

    def __init__(self, x, y, num_classes):
        self._means = np.stack([x[y == k].mean(axis=0) for k in range(num_classes)])
        self.scores = self(x)

    def __call__(self, x, training=False):
        gaps = np.asarray(x)[:, None] - self._means
        return -np.sqrt((gaps**2).sum(axis=-1)).astype(np.float32)


def _digits():
    """Return 151 digits of five classes, the right half of each picture."""
    split = data.digits(seed=6)
    keep = np.flatnonzero(split.y_train < 5)[:151]
    x = split.x_train[keep].reshape(-1, 8, 8)[:, :, 5:].reshape(len(keep), -1)
    return "Digits 0 to 4", x, split.y_train[keep], 5


def _wine():
    """Return 45 wines by three of their measurements."""
    split = data.wine(seed=6)
    return "Wine", split.x_test[:, [0, 3, 7]], split.y_test, 3


def _number(value, what):
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        raise Unusable(f"Return {what} as one number. You returned {describe(value)}.") from None
    if array.shape != ():
        raise Unusable(f"Return {what} as one number. You returned {describe(value)}.")
    return float(array)


# b · Foresee the nonsense


def _grade_reported(answer):
    expect_function(answer, "reported")
    rng = np.random.default_rng(3)
    for num_classes in (3, 5, 10, 12, 2):
        y = rng.integers(0, num_classes, num_classes)
        # Often right, and rich in the classes 0 and 1, on which the value depends.
        guess = rng.integers(0, 2, num_classes)
        ids = np.where(rng.random(num_classes) < 0.5, y, guess)
        value = _number(call(answer, y.copy(), ids.copy(), num_classes), "the reported value")
        rows = np.eye(num_classes, dtype=np.float32)[y]
        truth = _keras_says(rows, np.eye(num_classes, dtype=np.float32)[ids])
        if abs(value - truth) > EXACT:
            return _wrong_forecast(value, truth, y, ids, rows)
    return correct(
        "Your figure equals Keras' in five batches, of 2 to 12 classes. None of them is the "
        "accuracy."
    )


def _wrong_forecast(value, truth, y, ids, rows):
    seen = f"Labels {y.tolist()}, predictions {ids.tolist()}: Keras reports {truth:.3f}, you say "
    num_classes = rows.shape[1]
    known = (
        (np.mean(y == ids), "That is the true accuracy. The metric never sees the ids of y_true."),
        (
            np.mean(rows == ids[:, None]),
            "That is the value on average, and what one id per row would give. But a vector of "
            "shape (B,) is laid over every row: id j meets column j.",
        ),
        (
            np.mean(y[:, None] == ids),
            "That is each id against each id (lesson 08). Here each id meets cells of 0 and 1.",
        ),
        (1 / num_classes, "That is its value for many even batches. For one batch, make the rows."),
    )
    for level, text in known:
        if abs(value - level) < EXACT:
            return incorrect(f"{seen}{value:.3f}. {text}", "one-hot-labels")
    return incorrect(f"{seen}{value:.3f}. Which axis of the rows meets the ids?", "one-hot-labels")


def _keras_says(rows, scores):
    import keras

    metric = keras.metrics.SparseCategoricalAccuracy()
    metric.update_state(rows, scores)
    return float(metric.result())


# c · A gate for labels


def _grade_gate(answer):
    import tensorflow as tf

    expect_function(answer, "to_ids")
    rng = np.random.default_rng(8)
    y = rng.integers(0, 4, 30)
    rows = np.eye(4)[y]
    good = (
        ("ids (N,)", y, 4),
        ("ids (N, 1)", y[:, None], 4),
        ("one-hot (N, C), float", rows, 4),
        ("one-hot (N, C), int", rows.astype(int), 4),
        ("one-hot as a TensorFlow tensor", tf.constant(rows), 4),
        ("one-hot, N = C", np.eye(4)[[2, 0, 3, 1]], 4),
        ("ids of N = C examples", np.array([3, 1, 0, 1]), 4),
        ("float ids (N, 1)", y[:, None].astype(np.float32), 4),
        ("one-hot, one example", rows[:1], 4),
        ("one-hot, two classes", np.eye(2)[[1, 0, 1]], 2),
        ("ids, a list", y.tolist(), 4),
    )
    for number, (name, labels, num_classes) in enumerate(good):
        expected = np.asarray(labels).reshape(len(labels), -1)
        expected = expected.argmax(axis=1) if expected.shape[1] > 1 else expected[:, 0]
        complaint = _judge_gate(answer, name, labels, num_classes, expected, first=number == 0)
        if complaint is not None:
            return complaint
    several, none, soft = rows.copy(), rows.copy(), rows.copy()
    several[7, (y[7] + 1) % 4] = 1
    none[7] = 0
    soft = 0.9 * rows + 0.025
    negative = rows.copy()
    negative[7] = [1, 1, -1, 0]
    for name, labels in (
        ("a row with two ones", several),
        ("a row of zeros", none),
        ("smoothed labels", soft),
        ("a row 1, 1, −1, 0, whose sum is 1", negative),
    ):
        try:
            value = answer(labels, 4)
        except ValueError:
            continue
        except Exception as error:
            return incorrect(
                f"For {name} you raise {type(error).__name__}; ValueError is asked for."
            )
        shown = "" if value is None else f" Row 7 became {np.asarray(value).reshape(-1)[7]}."
        return incorrect(
            f"You let {name} pass.{shown} Such labels have no single id: raise ValueError.",
            "one-hot-labels",
        )
    return correct(f"{len(good)} kinds of good labels pass, four kinds of bad ones are refused.")


def _judge_gate(function, name, labels, num_classes, expected, *, first):
    try:
        value = function(labels, num_classes)
    except Exception as error:
        if first:
            raise
        text = (str(error).strip().splitlines() or [""])[0][:160]
        return incorrect(f"Case “{name}”: your function raises {type(error).__name__}: {text}")
    if value is None:
        raise NotAttempted
    array = np.asarray(value)
    if array.shape != expected.shape:
        return incorrect(
            f"Case “{name}”: you return shape {array.shape}; wanted is {expected.shape}.",
            "one-hot-labels" if array.ndim > 1 and array.shape[1] > 1 else None,
        )
    if array.dtype.kind not in "iu":
        return incorrect(
            f"Case “{name}”: your ids have dtype {array.dtype}; wanted is an integer dtype."
        )
    if np.array_equal(array, expected):
        return None
    if len(array) and (array == 0).all():
        return incorrect(
            f"Case “{name}”: every id became 0. argmax over an axis of length 1 is always 0.",
            "sparse-labels-to-categorical",
        )
    k = int(np.flatnonzero(array != expected)[0])
    return incorrect(f"Case “{name}”: example {k} became {array[k]}; it is class {expected[k]}.")


EXERCISES = (
    Exercise(
        "01-a",
        "Mend a loop",
        (
            "Print y_batch.shape and scores.shape. Which metric wants labels of that shape?",
            "Change the metric or the labels. Not both.",
            "keras.metrics.CategoricalAccuracy() takes one-hot rows as they are.",
        ),
        _grade_mended,
    ),
    Exercise(
        "01-b",
        "Foresee the nonsense",
        (
            "Make the one-hot rows: np.eye(num_classes)[y_true].",
            "The metric compares these rows, (B, C), with the predicted ids, (B,).",
            "NumPy broadcasts by the same rule: the mean of rows == predicted.",
        ),
        _grade_reported,
    ),
    Exercise(
        "01-c",
        "A gate for labels",
        (
            "Tell the cases apart by labels.shape: (N,), (N, 1), (N, C).",
            "A row is one-hot if it holds only 0 and 1 and sums to 1. Both conditions are needed.",
            "np.asarray first; then argmax(axis=1) for rows, reshape(-1) for ids; "
            "astype('int64') at the end.",
        ),
        _grade_gate,
    ),
)

PREDICTIONS = (
    Prediction("01-p1", "What will SparseCategoricalAccuracy report?", tolerance=0.03),
    Prediction(
        "01-p2",
        "What does CategoricalAccuracy report for class ids in a column?",
        choices=("1.00", "the share of class 0", "an error"),
    ),
)
