"""Graders of lesson 08, shapes that broadcast."""

import numpy as np

from .. import data, reference
from . import ported_loop
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
from .judging import are_probabilities, call_for_model_and_loss, true_loss
from .mending import scalar
from .predictions import Prediction

NEAR = 0.02  # nats; far above rounding, far below any of the faults
EXACT = 1e-4  # accuracies: below 1 / examples, above float32 rounding


# a · Mend a loop


def _grade_mended(answer):
    expect_function(answer, "mended")
    x, y, num_classes = _four_digits()
    model, loss_fn = call_for_model_and_loss(answer, x, y[:, None], num_classes=num_classes)
    outputs = _scores(model, x, num_classes)
    learned = reference.accuracy(y, outputs)
    # Scores of our own: those of a model that has learned nothing hide the fault.
    scores = np.random.default_rng(0).normal(0, 2, (60, num_classes)).astype(np.float32)
    if are_probabilities(outputs):
        scores = reference.softmax(scores).astype(np.float32)
    y = np.random.default_rng(1).integers(0, num_classes, 60)
    for name, labels in (
        ("(N, 1)", y[:, None]),
        ("(N,)", y),
        ("(1, 1), a batch of one", y[:1, None]),
    ):
        kept = scores[: len(labels)]
        value = scalar(_value(loss_fn, name, labels, kept))
        truth = true_loss(y[: len(labels)], kept)
        if not abs(value - truth) < NEAR:
            return _untrue_loss(name, value, truth, y[: len(labels)], kept)
    if learned < 0.9:
        return incorrect(
            f"The loss is right now, but the model has not learned: accuracy {learned:.2f} on the "
            "data it was trained on. Change as little of the loop as possible."
        )
    return correct(
        f"On unseen scores your loss is {true_loss(y, scores):.3f}, the true cross-entropy, for "
        f"labels of either shape. Accuracy on digits 0 to 3: {learned:.2f}."
    )


def _value(loss_fn, name, labels, scores):
    import tensorflow as tf

    try:
        return loss_fn(labels, tf.constant(scores))
    except Exception as error:
        text = (str(error).strip().splitlines() or [""])[0]
        raise Unusable(
            f"With labels of shape {name} your loss raises {type(error).__name__}: {text[:160]}"
        ) from None


def _untrue_loss(name, value, truth, y, scores):
    seen = (
        f"For labels of shape {name} your loss is {value:.3f}; the true cross-entropy "
        f"is {truth:.3f}."
    )
    probabilities = are_probabilities(scores)
    if abs(value - reference.cross_entropy(y, scores).mean()) < NEAR and probabilities:
        return incorrect(f"{seen} The model and the loss both apply a softmax.", "double-softmax")
    if not probabilities and abs(value - _from_clipped(y, scores)) < NEAR:
        return incorrect(
            f"{seen} The loss takes the scores for probabilities: say from_logits=True.",
            "logits-as-probabilities",
        )
    log_p = np.log(scores) if probabilities else reference.log_softmax(scores)
    everyone = -log_p[:, y].mean()
    over_batch = scores - np.log(np.exp(scores).sum(axis=0))
    wrong_axis = -over_batch[np.arange(len(y)), y].mean()
    count = len(y) * truth
    if len(y) > 1 and abs(value - everyone) < NEAR:
        return incorrect(
            f"{seen} Every example is still scored against every label.", "broadcast-shapes"
        )
    if abs(value - wrong_axis) < NEAR:
        return incorrect(f"{seen} The softmax runs over the batch.", "wrong-axis")
    if abs(value - count) < 0.01 * abs(count):
        return incorrect(f"{seen} That is the sum over the batch, not its mean.", "summed-loss")
    if abs(value - truth / scores.shape[1]) < NEAR:
        return incorrect(
            f"{seen} That is {scores.shape[1]} times too little: sum over the classes, and "
            "average only over the examples."
        )
    return incorrect(seen)


def _from_clipped(y, scores):
    """Return the loss of Keras' default, which clips scores as if they were probabilities."""
    import keras

    return float(keras.losses.SparseCategoricalCrossentropy()(y, scores))


def _scores(model, x, num_classes):
    scores = np.asarray(model(x), np.float64)
    if scores.shape != (len(x), num_classes):
        raise Unusable(
            f"The model should return shape ({len(x)}, {num_classes}); "
            f"it returns {tuple(scores.shape)}."
        )
    return scores


def _four_digits():
    """Return digits 0 to 3: data that the exercise's page does not use."""
    split = data.digits(seed=3)
    keep = split.y_train < 4
    return split.x_train[keep], split.y_train[keep], 4


# b · An accuracy that no shape can fool


def _grade_accuracy(answer):
    import tensorflow as tf

    expect_function(answer, "accuracy")
    split = data.wine(seed=5)
    scores = _nearest_centre(split, split.x_test)
    y, rows = split.y_test, len(split.y_test)
    narrow = _balanced_rows(y)
    cases = (
        ("labels (B,), int64", y, scores),
        ("labels (B, 1)", y[:, None], scores),
        ("B = C, labels (B,)", y[narrow], scores[narrow]),
        ("B = C, labels (B, 1)", y[narrow][:, None], scores[narrow]),
        ("a batch of one, (1,)", y[:1], scores[:1]),
        ("a batch of one, (1, 1)", y[:1, None], scores[:1]),
        ("TensorFlow tensors, int64", tf.constant(y), tf.constant(scores)),
        ("TensorFlow tensors, int32", tf.constant(y, tf.int32), tf.constant(scores)),
        ("labels (B, 1), float32", y[:, None].astype(np.float32), scores),
        ("labels uint8", y.astype(np.uint8), scores),
    )
    for number, (name, labels, p) in enumerate(cases):
        complaint = _judge_case(answer, name, labels, p, first=number == 0)
        if complaint is not None:
            return complaint
    return correct(
        f"Right in all {len(cases)} cases: (B,) and (B, 1), B = {rows}, B = C and B = 1, integers "
        "and floats, NumPy and TensorFlow."
    )


def _judge_case(function, name, labels, scores, *, first):
    # The learner's function must not be able to change what it is compared with.
    y, p = np.array(labels).reshape(-1), np.array(scores)
    try:
        value = function(labels, scores)
    except Exception as error:
        if first:
            raise
        return _raised(name, labels, error)
    if value is None:
        raise NotAttempted
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        raise Unusable(f"Return one number. You returned {describe(value)}.") from None
    truth = reference.accuracy(y, p)
    if array.shape != ():
        square = array.ndim == 2 and array.shape[0] == array.shape[1] == len(y) > 1
        if square:
            return incorrect(
                f"Case “{name}”: {array.shape[0]} examples gave comparisons of shape "
                f"{array.shape}.",
                "broadcast-shapes",
            )
        raise Unusable(f"Return one number, the mean. You returned shape {array.shape}.")
    if abs(float(array) - truth) < EXACT:
        return None
    return incorrect(
        f"Case “{name}”: you report {float(array):.3f}, the accuracy is {truth:.3f}. "
        + _why_wrong(float(array), y, p)[1],
        _why_wrong(float(array), y, p)[0],
    )


def _why_wrong(value, y, p):
    ids = p.argmax(axis=-1)
    known = (
        (
            (ids == y[:, None]).mean(),
            "broadcast-shapes",
            "That is every label against every prediction.",
        ),
        (
            (p.argmax(axis=0) == y).mean() if len(y) == p.shape[1] else 0.0,
            "wrong-axis",
            "Along which axis does argmax look for the largest score?",
        ),
        (
            (ids == 0).mean(),
            "sparse-labels-to-categorical",
            "That is the share of predictions of class 0: something took argmax of the labels.",
        ),
        ((y == 0).mean(), "class-ids-as-scores", "That is the share of class 0."),
        (
            100 * (ids == y).mean(),
            None,
            "That is right in per cent; a share between 0 and 1 is asked for.",
        ),
    )
    for level, pitfall, text in known:
        if abs(value - level) < EXACT:
            return pitfall, text
    return None, "Print the shape of the comparison in this case."


def _raised(name, labels, error):
    text = (str(error).strip().splitlines() or [""])[0][:160]
    pitfall = None
    if len(np.asarray(labels)) == 1:
        pitfall = "batch-mismatch"
    elif "int32" in name or "uint8" in name or "float32" in name:
        pitfall = "label-dtype"
    return incorrect(f"Case “{name}”: your function raises {type(error).__name__}: {text}", pitfall)


def _nearest_centre(split, x):
    """Return scores of a model that is good and not perfect: minus the distance to each centre.

    Only two of the measurements are used, so that some wines are taken for another.
    """
    kept = [0, 10]
    centres = np.stack(
        [split.x_train[split.y_train == k][:, kept].mean(axis=0) for k in range(split.num_classes)]
    )
    gaps = x[:, None, kept] - centres
    return -np.sqrt((gaps**2).sum(axis=-1)).astype(np.float32)


def _balanced_rows(y):
    """Return one row per class, not in the order of the classes."""
    first = [int(np.flatnonzero(y == k)[0]) for k in np.unique(y)]
    return np.array(first[1:] + first[:1])


# c · Which slip was it?

NAMES = ("right", "broadcast-shapes", "class-ids-as-scores", "wrong-accuracy-metric")


def _material():
    """Return labels, probabilities and four reported accuracies of one model.

    Digits 0 to 4, class 0 thinned out so that no two slips report the same figure.
    """
    split = data.digits(seed=4)
    keep = split.y_train < 5
    keep &= (split.y_train != 0) | (np.cumsum(split.y_train == 0) % 3 == 0)
    x, y = split.x_train[keep][:300], split.y_train[keep][:300]
    # Half the picture only: good, not perfect.
    centres = np.stack([x[y == k][:, :32].mean(axis=0) for k in range(5)])
    gaps = ((x[:, None, :32] - centres) ** 2).sum(axis=-1)
    p = reference.softmax(-2 * gaps)
    ids = p.argmax(axis=-1)
    values = {
        "right": np.mean(ids == y),
        "broadcast-shapes": np.mean(ids == y[:, None]),
        "class-ids-as-scores": np.mean(y == 0),
        "wrong-accuracy-metric": np.mean((p > 0.5) == np.eye(5)[y]),
    }
    order = (
        "wrong-accuracy-metric",
        "class-ids-as-scores",
        "right",
        "broadcast-shapes",
    )
    return {
        "y_true": y,
        "probabilities": p,
        "reported": {k: float(values[name]) for k, name in zip("ABCD", order, strict=True)},
        "_answer": dict(zip("ABCD", order, strict=True)),
    }


def _grade_slips(answer):
    what = 'a dictionary such as {"A": "right", "B": …}, with the letters A to D'
    if not isinstance(answer, dict):
        raise Unusable(f"Expected {what}. You gave {describe(answer)}.")
    given = {str(k).strip().upper(): str(v).strip().lower() for k, v in answer.items()}
    case = _material()
    right = case["_answer"]
    if set(given) != set(right):
        raise Unusable(f"Expected {what}. You gave the letters {', '.join(given) or 'none'}.")
    if unknown := [v for v in given.values() if v not in NAMES]:
        raise Unusable(f"{unknown[0]!r} is none of the names: {', '.join(NAMES)}.")
    wrong = [k for k in right if given[k] != right[k]]
    if not wrong:
        return correct(
            "All four. "
            + ", ".join(f"{k} {case['reported'][k]:.3f} {name}" for k, name in right.items())
            + "."
        )
    k = wrong[0]
    named = given[k]
    value = next(case["reported"][j] for j, name in right.items() if name == named)
    return incorrect(
        f"{4 - len(wrong)} of 4. {k} reports {case['reported'][k]:.3f}, but “{named}” gives "
        f"{value:.3f} on these labels and probabilities. Compute it.",
        right[k] if right[k] != "right" else None,
    )


# d · Who stands first?


def _grade_in_order(answer):
    expect_function(answer, "in_order")
    value = call(answer, *ported_loop.fresh(), ported_loop.EPOCHS)
    try:
        loss, accuracy = np.asarray(value, np.float64).reshape(ported_loop.EPOCHS, 2).T
    except (TypeError, ValueError):
        raise Unusable(
            f"Return a list of {ported_loop.EPOCHS} pairs (loss, accuracy), one for each epoch. "
            f"You returned {describe(value)}."
        ) from None
    told, kind = ported_loop.verdict(loss, accuracy)
    if kind == "right":
        return correct(told)
    return incorrect(told, "swapped-arguments" if kind == "swapped" else None)


EXERCISES = (
    Exercise(
        "08-a",
        "Mend a loop",
        (
            "Print the shape of one_hot, and of its product with the log-probabilities.",
            "With labels (N, 1), tf.one_hot returns (N, 1, C). What does that make of (N, C)?",
            "Flatten the labels before tf.one_hot: tf.reshape(y_true, [-1]).",
        ),
        _grade_mended,
    ),
    Exercise(
        "08-b",
        "An accuracy that no shape can fool",
        (
            "Three steps: the predicted ids, the labels as a vector, the mean of the matches.",
            "tf.argmax returns int64 and looks along axis 0 unless you say axis=-1.",
            "Cast the labels to the dtype of the ids, then tf.reshape(…, [-1]). Never tf.squeeze "
            "without an axis.",
        ),
        _grade_accuracy,
    ),
    Exercise(
        "08-c",
        "Which slip was it?",
        (
            "Compute the four figures yourself from case['y_true'] and case['probabilities'].",
            "argmax over an axis of length 1 is always 0. With whom do the labels agree then?",
            "BinaryAccuracy compares each of the C cells with 0.5: np.mean((p > 0.5) == one_hot).",
        ),
        _grade_slips,
        lambda: {k: v for k, v in _material().items() if not k.startswith("_")},
    ),
    Exercise(
        "08-d",
        "Who stands first?",
        (
            "What would a model that knows nothing report as its loss for three classes?",
            "Two calls take labels and predictions. Keras wants (y_true, y_pred) in both.",
            "Write the names: loss_fn(y_true=…, y_pred=…). Then no order can be wrong.",
        ),
        _grade_in_order,
    ),
)

PREDICTIONS = (
    Prediction("08-p1", "What will accuracy_by_hand report?", tolerance=0.02),
    Prediction(
        "08-p2",
        "What does a model learn from that?",
        choices=("the digits", "only how often each digit occurs", "nothing: it raises"),
    ),
)
