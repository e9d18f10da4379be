"""Graders of lesson 15, precision on sparse labels."""

from typing import NamedTuple

import numpy as np

from .. import data, reference
from .engine import Exercise, Unusable, call, correct, describe, expect_function, incorrect
from .judging import numbers
from .predictions import Prediction

NEAR = 2e-3  # rates are shares of at least 40 examples; float32 rounding is far below


# a · Mend an evaluation


def _wine_model():
    """Return a linear classifier of the wine data that looks at two measurements only."""
    split = data.wine()
    two = split.x_train * (np.arange(split.x_train.shape[1]) < 2)
    return _linear_model(*_descend(two, split.y_train, steps=20), activation="softmax")


def _grade_recall(answer):
    import tensorflow as tf

    expect_function(answer, "mended")
    x, y, kernel, bias = _five_digits()
    batches = tf.data.Dataset.from_tensor_slices((x, y)).batch(16)
    scores = reference.softmax(x @ kernel + bias)
    expected = reference.recall(reference.confusion_matrix(y, scores.argmax(axis=1), 5))
    for kind, activation in (("probabilities", "softmax"), ("logits", None)):
        model = _linear_model(kernel, bias, activation=activation)
        given = numbers(call(answer, model, batches, 5), 5, "five recalls, one per class")
        if not np.allclose(given, expected, atol=NEAR):
            p = np.asarray(model(x), np.float64)
            return _untrue_recall(np.array(given), expected, y, p, kind)
    return correct(
        f"On five digits, with probabilities and with logits: {_few(expected)}, as the confusion "
        "matrix says."
    )


def _untrue_recall(given, expected, y, p, kind):
    seen = f"On a model with {kind} you return {_few(given)}; the recalls are {_few(expected)}."
    named = p.argmax(axis=1)
    matrix = reference.confusion_matrix(y, named, 5)
    for says in (p > 0.5, np.eye(5)[named] > 0):
        if np.allclose(given, _recall_by_position(y, says, 16), atol=NEAR):
            return incorrect(
                f"{seen} Yours still take the k-th label of each batch: with class_id, the labels "
                "must be one-hot rows.",
                "precision-on-sparse-labels",
            )
    above = [np.mean(p[y == k, k] > 0.5) for k in range(5)]
    if np.allclose(given, above, atol=NEAR):
        return incorrect(
            f"{seen} The labels are right now, but you count every score above 0.5 as a "
            "prediction. Those of this model are not probabilities, or not all of its highest "
            "scores are above 0.5.",
            "metric-on-logits",
        )
    for absent in (0.0, np.nan, 1.0):
        if np.allclose(given, _mean_of_batches(_recall, y, named, 16, absent), atol=NEAR):
            return incorrect(
                f"{seen} Yours are means over batches: add the counts up, and divide once.",
                "per-batch-precision",
            )
    last = (len(y) - 1) // 16 * 16
    if np.allclose(given, np.nan_to_num(_recall(y[last:], named[last:])), atol=NEAR):
        return incorrect(
            f"{seen} Yours are those of the last batch: make the metrics before the loop.",
            "last-batch-metric",
        )
    if np.allclose(given, reference.precision(matrix), atol=NEAR):
        return incorrect(f"{seen} Yours are the precisions, TP / (TP + FP).")
    if np.ptp(given) < NEAR:
        return incorrect(f"{seen} You return one figure for all classes: which is it?")
    return incorrect(seen + " Compare with a confusion matrix on a small example.")


def _recall_by_position(y, says, size):
    """Return what class_id makes of labels (B,): the k-th label of a batch stands for all rows."""
    found = []
    for k in range(says.shape[1]):
        right = actual = 0
        for start in range(0, len(y), size):
            part = slice(start, start + size)
            if len(y[part]) > k and y[part][k] != 0:
                right += says[part, k].sum()
                actual += len(y[part])
        found.append(right / actual if actual else 0.0)
    return found


def _mean_of_batches(figure, y, named, size, absent=0.0):
    """Return the mean over batches; `absent` stands for 0/0, and NaN leaves it out."""
    starts = range(0, len(y), size)
    rows = [figure(y[s : s + size], named[s : s + size]) for s in starts]
    rows = np.where(np.isnan(rows), absent, rows)
    return np.nanmean(rows, axis=0)


def _recall(y, named, num_classes=5):
    return reference.recall(reference.confusion_matrix(y, named, num_classes))


def _five_digits():
    """Return noisy digits 0 to 4 in an order without pattern, and the weights of a weak model."""
    split = data.digits(seed=3)
    keep = split.y_test < 5
    rng = np.random.default_rng(0)
    x, y = split.x_test[keep], split.y_test[keep]
    order = rng.permutation(len(y))[:215]  # 13 batches of 16, and one of 7
    x = x[order] + rng.normal(0, 0.5, (len(order), 64))
    kernel, bias = _descend(split.x_train, split.y_train, steps=30)
    return x.astype(np.float32), y[order], kernel[:, :5], bias[:5]


# b · Four figures, one model


class Report(NamedTuple):
    """Labels (N,), probabilities (N, 3), and four figures by letter."""

    y_true: np.ndarray
    y_pred: np.ndarray
    figures: dict[str, float]


NAMES = {"A": "batch mean", "B": "ids", "C": "macro", "D": "pooled"}


def _report():
    split = data.rare_digits("rows", seed=5)
    kernel, bias = _descend(split.x_train, split.y_train, steps=300)
    y, p = split.y_test, reference.softmax(split.x_test @ kernel + bias)
    values = _four_figures(y, p)
    return Report(y, p, {letter: values[name] for letter, name in NAMES.items()})


def _four_figures(y, p):
    named = p.argmax(axis=1)
    above = p > 0.5
    parts = [slice(start, start + 32) for start in range(0, len(y), 32)]
    return {
        "macro": float(np.nanmean(_precision(y, named))),
        "pooled": float((above & (np.eye(3)[y] > 0)).sum() / above.sum()),
        "ids": float(np.mean(y[named > 0] > 0)),
        "batch mean": float(
            np.mean([np.nan_to_num(_precision(y[part], named[part])) for part in parts])
        ),
    }


def _precision(y, named):
    return reference.precision(reference.confusion_matrix(y, named, 3))


def _grade_report(answer):
    what = 'a dictionary such as {"A": "macro", "B": "ids", "C": "pooled", "D": "batch mean"}'
    if not isinstance(answer, dict):
        raise Unusable(f"Expected {what}. You gave {describe(answer)}.")
    given = {str(k).strip().upper(): str(v).strip().lower() for k, v in answer.items()}
    if set(given) != set(NAMES) or not set(given.values()) <= set(NAMES.values()):
        raise Unusable(f"Expected {what}, with these four letters and names.")
    wrong = [letter for letter in NAMES if given[letter] != NAMES[letter]]
    report = _report()
    values = _four_figures(report.y_true, report.y_pred)
    if not wrong:
        return correct(
            "Four questions, four answers: "
            + ", ".join(f"{name} {values[name]:.3f}" for name in values)
            + ". Only the macro figure gives a rare class the same say as the large one."
        )
    letter = wrong[0]
    mistaken, right = given[letter], NAMES[letter]
    pitfalls = {"batch mean": "per-batch-precision", "ids": "precision-on-sparse-labels"}
    return incorrect(
        f"{letter} is {report.figures[letter]:.3f}. The {mistaken} figure of these predictions is "
        f"{values[mistaken]:.3f}. Compute all four, then match.",
        pitfalls.get(right, pitfalls.get(mistaken)),
    )


# c · A streaming F1


def _grade_streaming(answer):
    import keras

    if isinstance(answer, keras.metrics.Metric):
        raise Unusable("Hand over the class itself, `StreamingF1`, not an instance of it.")
    expect_function(answer, "StreamingF1")
    y, p = _scored(seed=0)
    metric = answer(4)
    for name in ("update_state", "result", "reset_state"):
        if not callable(getattr(metric, name, None)):
            raise Unusable(f"StreamingF1(4) has no {name}: derive it from keras.metrics.Metric.")
    for judge in (_whole, _in_batches, _after_reset, _column_labels, _compiled, _absent_class):
        complaint = judge(answer, y, p)
        if complaint is not None:
            return complaint
    return correct(
        f"{_few(_f1(y, p))} in one batch and in batches of any size and order, eager and compiled, "
        "with labels (B,) and (B, 1), and after a reset."
    )


def _whole(make, y, p):
    given = _result(_fed(make, y, p, len(y)))
    expected = _f1(y, p)
    if np.allclose(given, expected, atol=NEAR, equal_nan=True):
        return None
    named = p.argmax(axis=1)
    matrix = reference.confusion_matrix(y, named, 4)
    seen = f"On one batch you report {_few(given)}; the F1 by class is {_few(expected)}."
    for other, values in (
        ("precision", reference.precision(matrix)),
        ("recall", reference.recall(matrix)),
    ):
        if np.allclose(given, values, atol=NEAR):
            return incorrect(f"{seen} Yours is the {other}.")
    if np.allclose(given, expected / 2, atol=NEAR):
        return incorrect(f"{seen} Half of it: the numerator is 2 TP.")
    above = p > 0.5
    actual = np.eye(4)[y] > 0
    thresholded = 2 * (above & actual).sum(axis=0) / (above.sum(axis=0) + actual.sum(axis=0))
    if np.allclose(given, thresholded, atol=NEAR):
        return incorrect(
            f"{seen} You count scores above 0.5; the highest score is the prediction.",
            "metric-on-logits",
        )
    return incorrect(seen)


def _in_batches(make, y, p):
    expected = _f1(y, p)
    for size, seed in ((16, 1), (50, 2)):
        order = np.random.default_rng(seed).permutation(len(y))
        given = _result(_fed(make, y[order], p[order], size))
        if np.allclose(given, expected, atol=NEAR):
            continue
        seen = (
            f"In one batch it is right, {_few(expected)}; in batches of {size} it is {_few(given)}."
        )
        last = (len(y) - 1) // size * size
        if np.allclose(given, _f1(y[order][last:], p[order][last:]), atol=NEAR):
            return incorrect(f"{seen} That is the last batch alone: add up.", "last-batch-metric")
        return incorrect(
            f"{seen} Keep counts, not rates: add them up and divide in result().",
            "per-batch-precision",
        )
    return None


def _after_reset(make, y, p):
    metric = _fed(make, y, p, 50)
    metric.reset_state()
    half = slice(0, len(y) // 2)
    metric.update_state(y[half], p[half])
    if np.allclose(_result(metric), _f1(y[half], p[half]), atol=NEAR):
        return None
    return incorrect(
        "After reset_state() it still remembers the epoch before. Keep the counts in variables "
        "made with add_weight, which Keras sets to zero, or write reset_state yourself.",
        "metric-not-reset",
    )


def _column_labels(make, y, p):
    if np.allclose(_result(_fed(make, y[:, None], p, 50)), _f1(y, p), atol=NEAR):
        return None
    return incorrect(
        "With labels of shape (B, 1) the figures change. Flatten the labels first, with "
        "tf.reshape(y_true, [-1]).",
        "broadcast-shapes",
    )


def _compiled(make, y, p):
    import tensorflow as tf

    metric = make(4)
    step = tf.function(metric.update_state, reduce_retracing=True)
    try:
        for start in range(0, len(y), 40):
            step(tf.constant(y[start : start + 40]), tf.constant(p[start : start + 40]))
        given = _result(metric)
    except TypeError:  # a symbolic tensor kept in a Python attribute is out of scope later
        given = np.full(4, np.nan)
    except (AttributeError, NotImplementedError) as error:  # .numpy() or NumPy on a symbol
        first = str(error).strip().splitlines()[0]
        return incorrect(
            f"In eager mode it is right; inside tf.function it raises {type(error).__name__}: "
            f"{first[:120]} Use TensorFlow operations only, and counts made with add_weight.",
            "python-side-effects",
        )
    if np.allclose(given, _f1(y, p), atol=NEAR):
        return None
    return incorrect(
        f"Inside tf.function it reports {_few(given)} instead of {_few(_f1(y, p))}. Python "
        "attributes change only while the function is traced: keep the counts in variables made "
        "with add_weight, and change them with assign_add.",
        "python-side-effects",
    )


def _absent_class(make, y, p):
    keep = (y < 3) & (p.argmax(axis=1) < 3)
    given = _result(_fed(make, y[keep], p[keep], 50))
    if np.allclose(given[:3], _f1(y[keep], p[keep])[:3], atol=NEAR) and given[3] == 0:
        return None
    return incorrect(
        f"A class that is neither predicted nor present has {given[3]:.3g}; it should have 0. "
        "tf.math.divide_no_nan makes 0 of 0/0.",
        "undefined-precision",
    )


def _fed(make, y, p, size):
    metric = make(4)
    for start in range(0, len(y), size):
        metric.update_state(y[start : start + size], p[start : start + size])
    return metric


def _result(metric):
    values = np.asarray(metric.result(), np.float64)
    if values.shape != (4,):
        raise Unusable(f"result() should have shape (4,), one F1 per class; it has {values.shape}.")
    return values


def _f1(y, p):
    matrix = reference.confusion_matrix(y, p.argmax(axis=1), 4)
    counted = matrix.sum(axis=0) + matrix.sum(axis=1)
    return 2 * np.diag(matrix) / np.maximum(counted, 1)


def _scored(seed):
    """Return 230 labels and probabilities of four classes, one of them rare, half of them sure."""
    rng = np.random.default_rng(seed)
    y = rng.choice(4, 230, p=[0.5, 0.25, 0.15, 0.1])
    logits = rng.normal(0, 1, (230, 4)) + 1.3 * np.eye(4)[y]
    return y, reference.softmax(logits).astype(np.float32)


# Shared


def _descend(x, y, *, steps, rate=0.5):
    """Return kernel and bias of a softmax regression after some steps of gradient descent."""
    one_hot = np.eye(int(y.max()) + 1)[y]
    kernel, bias = np.zeros((x.shape[1], one_hot.shape[1])), np.zeros(one_hot.shape[1])
    for _ in range(steps):
        delta = (reference.softmax(x @ kernel + bias) - one_hot) / len(x)
        kernel -= rate * x.T @ delta
        bias -= rate * delta.sum(axis=0)
    return kernel, bias


def _linear_model(kernel, bias, *, activation):
    import keras

    model = keras.Sequential(
        [
            keras.layers.Input((kernel.shape[0],)),
            keras.layers.Dense(kernel.shape[1], activation=activation),
        ]
    )
    model.set_weights([kernel.astype(np.float32), bias.astype(np.float32)])
    return model


def _few(values) -> str:
    return "(" + ", ".join(f"{v:.2f}" for v in values) + ")"


EXERCISES = (
    Exercise(
        "15-a",
        "Mend an evaluation",
        (
            "What is y_true[..., k] when the labels have shape (B,)?",
            "Give the metric one-hot rows: tf.one_hot(y_batch, num_classes).",
            "A logit above 0.5 is no prediction. Which setting makes the highest score the "
            "prediction?",
        ),
        _grade_recall,
        _wine_model,
    ),
    Exercise(
        "15-b",
        "Four figures, one model",
        (
            "Compute all four from report_b.y_true and report_b.y_pred, then match them.",
            "Class ids are report_b.y_pred.argmax(axis=1). mean_of_batches, above, is already "
            "written; take the mean of what it returns.",
        ),
        _grade_report,
        _report,
    ),
    Exercise(
        "15-c",
        "A streaming F1",
        (
            "Start from PrecisionByClass. Which count is missing?",
            "named + actual can be added up in one variable.",
            "Divide in result(), with tf.math.divide_no_nan.",
        ),
        _grade_streaming,
    ),
)

PREDICTIONS = (
    Prediction(
        "15-p1",
        "What will Precision(class_id=2) give for integer labels?",
        choices=("an error", "the precision of class 2", "something else"),
    ),
    Prediction(
        "15-p2",
        "With batches of 8, the mean precision of class eight will be …",
        choices=("lower", "the same", "higher"),
    ),
)
