"""Graders of lesson 02, label range."""

import numpy as np

from .. import data, reference
from . import joined_labels
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
from .judging import are_probabilities, true_loss
from .predictions import Prediction

NEAR = 0.02  # nats; far above rounding, far below any of the faults
EXACT = 1e-4  # accuracies: below 1 / examples, above float32 rounding


# a · Mend a loop


def _grade_mended(answer):
    expect_function(answer, "mended")
    x, y, y_true, num_classes = _four_digits()
    model, loss_fn, accuracy_fn = _three(call(answer, x, y.copy(), num_classes=num_classes))
    outputs = np.asarray(model(x), np.float64)
    if outputs.shape != (len(x), num_classes):
        raise Unusable(
            f"The model should return shape ({len(x)}, {num_classes}); "
            f"it returns {tuple(outputs.shape)}."
        )
    if not np.isfinite(outputs).all():
        return incorrect(
            "The model's outputs are NaN: a label of −1 entered the loss.", "label-range"
        )
    complaint = _judge_functions(loss_fn, accuracy_fn, outputs, y, num_classes)
    if complaint is not None:
        return complaint
    return _judge_learning(outputs, y, y_true)


def _judge_functions(loss_fn, accuracy_fn, outputs, y, num_classes):
    import tensorflow as tf

    # Scores of our own, so that right and wrong figures are far apart.
    rng = np.random.default_rng(2)
    scores = rng.normal(0, 2, (65, num_classes)).astype(np.float32)
    scores[:, 0] += 1  # so that “as class 0” and “as the last class” differ
    if are_probabilities(outputs):
        scores = reference.softmax(scores).astype(np.float32)
    labels = rng.integers(0, num_classes, 65)
    scores[np.arange(30), labels[:30]] += 2 * scores.max()
    if are_probabilities(outputs):
        scores /= scores.sum(axis=1, keepdims=True)
    labels[::5] = -1
    kept = labels >= 0
    value = _figure(loss_fn, labels, tf.constant(scores), "loss_fn")
    truth = true_loss(labels[kept], scores[kept])
    seen = f"Of {len(labels)} examples {np.sum(~kept)} are unlabelled: your loss is {value:.3f}; "
    seen += f"that of the labelled ones is {truth:.3f}."
    if not np.isfinite(value):
        return incorrect(seen, "label-range")
    if abs(value - truth) > NEAR:
        return _untrue_loss(value, truth, seen, labels, scores, kept)
    value = _figure(accuracy_fn, labels, tf.constant(scores), "accuracy_fn")
    truth = reference.accuracy(labels[kept], scores[kept])
    if abs(value - truth) > EXACT:
        seen = f"Your accuracy is {value:.3f}; that of the labelled examples is {truth:.3f}."
        if abs(value - truth * kept.mean()) < EXACT:
            return incorrect(
                f"{seen} The unlabelled ones still count, as mistakes.", "padding-counted"
            )
        if abs(value - reference.accuracy(np.maximum(labels, 0), scores)) < EXACT:
            return incorrect(f"{seen} The unlabelled ones count as class 0.", "label-range")
        return incorrect(seen)
    return None


def _untrue_loss(value, truth, seen, labels, scores, kept):
    if abs(value - truth * kept.mean()) < NEAR:
        return incorrect(
            f"{seen} You divide by all examples, not by the labelled ones.", "padding-counted"
        )
    if abs(value - true_loss(np.maximum(labels, 0), scores)) < NEAR:
        return incorrect(f"{seen} The unlabelled ones count as class 0.", "label-range")
    last = np.where(kept, labels, scores.shape[1] - 1)
    if abs(value - true_loss(last, scores)) < NEAR:
        return incorrect(
            f"{seen} The unlabelled ones count as the last class: index −1 is the last one.",
            "label-range",
        )
    return incorrect(seen)


def _judge_learning(outputs, y, y_true):
    labelled = y >= 0
    learned = reference.accuracy(y[labelled], outputs[labelled])
    unlabelled = reference.accuracy(y_true[~labelled], outputs[~labelled])
    zeros = np.mean(outputs[~labelled].argmax(axis=-1) == 0)
    if learned < 0.9 or unlabelled < 0.75:
        why = (
            f" {zeros:.0%} of the unlabelled ones it takes for class 0: was it trained on them?"
            if zeros > 0.5
            else " Change as little of the loop as possible."
        )
        return incorrect(
            f"The figures are right, but the model gets {learned:.2f} of the labelled and "
            f"{unlabelled:.2f} of the unlabelled digits right.{why}",
            "label-range" if zeros > 0.5 else None,
        )
    return correct(
        f"Loss and accuracy count the labelled examples only. The model gets {learned:.2f} of "
        f"them right, and {unlabelled:.2f} of the unlabelled ones."
    )


def _three(value):
    if not (isinstance(value, tuple | list) and len(value) == 3 and all(map(callable, value))):
        raise Unusable(
            f"Return the three (model, loss_fn, accuracy_fn). Yours returned {describe(value)}."
        )
    return value


def _figure(function, labels, scores, name):
    try:
        array = np.asarray(function(labels, scores), np.float64)
    except Exception as error:
        if "outside the valid range" in str(error):
            raise Unusable(
                f"{name} stops at a label of −1: it is outside the valid range. Tell the loss to "
                "ignore that label."
            ) from None
        raise
    if array.shape != ():
        raise Unusable(f"{name} should return one number; it returned shape {array.shape}.")
    return float(array)


def _four_digits():
    """Return digits 0 to 3, with labels in which more than half are −1, and the true ones."""
    split = data.digits(seed=3)
    keep = split.y_train < 4
    x, y = split.x_train[keep], split.y_train[keep]
    hidden = np.random.default_rng(4).random(len(y)) < 0.6
    return x, np.where(hidden, -1, y), y, 4


# b · One encoder


def _grade_encoder(answer):
    expect_function(answer, "encode")
    cases = (
        ("the same names in both", ["b", "c", "a", "b", "c", "a"], ["c", "a", "b", "b"]),
        ("a class that the test lacks", ["b", "c", "a", "b", "c", "a"], ["c", "b", "c"]),
        ("a name that training lacks", ["b", "c", "a", "b", "c", "a"], ["c", "z", "b", "aa"]),
        ("names of several words", ["red wine", "rosé", "white wine"], ["white wine", "rosé"]),
        ("one test name", ["x", "y", "x"], ["y"]),
    )
    for number, (name, train, test) in enumerate(cases):
        complaint = _judge_encoding(answer, name, train, test, first=number == 0)
        if complaint is not None:
            return complaint
    return correct(f"{len(cases)} cases: ids from 0, alike in both, −1 for names not seen before.")


def _judge_encoding(function, name, train, test, *, first):
    try:
        value = call(function, np.array(train), np.array(test))
    except Exception as error:
        if first:
            raise
        text = (str(error).strip().splitlines() or [""])[0][:160]
        return incorrect(f"Case “{name}”: your function raises {type(error).__name__}: {text}")
    if not (isinstance(value, tuple | list) and len(value) == 2):
        raise Unusable(f"Return the pair (train_ids, test_ids). You returned {describe(value)}.")
    ids = [np.asarray(part) for part in value]
    for part, names, which in zip(ids, (train, test), ("train_ids", "test_ids"), strict=True):
        if part.shape != (len(names),):
            raise Unusable(
                f"Case “{name}”: {which} should have shape ({len(names)},); it has {part.shape}."
            )
        if part.dtype.kind not in "iu":
            return incorrect(f"Case “{name}”: {which} has dtype {part.dtype}.", "label-dtype")
    return _judge_ids(name, train, test, *ids)


def _judge_ids(name, train, test, train_ids, test_ids):
    shown = f"Case “{name}”: training {list(zip(train, train_ids.tolist(), strict=True))[:4]}, "
    shown += f"test {list(zip(test, test_ids.tolist(), strict=True))}."
    classes = len(set(train))
    number = dict(zip(train, train_ids.tolist(), strict=True))
    if len(set(number.values())) < classes or any(
        number[n] != k for n, k in zip(train, train_ids.tolist(), strict=True)
    ):
        return incorrect(f"{shown} Each training name needs one id of its own.")
    if set(number.values()) != set(range(classes)):
        return incorrect(
            f"{shown} {classes} training names should get the ids 0 to {classes - 1}.",
            "label-offset" if 0 not in number.values() else "label-range",
        )
    for one, k in zip(test, test_ids.tolist(), strict=True):
        if one in number and k != number[one]:
            return incorrect(
                f"{shown} “{one}” is {number[one]} in training and {k} in the test.",
                "label-offset",
            )
        if one not in number and k != -1:
            what = "the id of another class" if 0 <= k < classes else "not −1"
            return incorrect(
                f"{shown} “{one}” does not occur in training; its id {k} is {what}.",
                "label-range",
            )
    return None


# c · Four patients

NAMES = ("healthy", "label-range", "label-offset", "fractional-labels")
ORDER = ("label-offset", "label-range", "healthy", "fractional-labels")


def _material():
    """Return (loss, training accuracy, test accuracy) of four softmax regressions in NumPy."""
    split = data.digits(seed=7)
    keep, held = split.y_train < 3, split.y_test < 3
    x, y, x_test, y_test = (
        split.x_train[keep],
        split.y_train[keep],
        split.x_test[held],
        split.y_test[held],
    )
    y_test = y_test.copy()
    reports = {
        # The loss cuts y / 255 off to 0; the metric compares y / 255 with the id.
        "fractional-labels": _fit(x, np.zeros_like(y), 3, y / 255, x_test, y_test),
        "label-offset": _fit(x, y + 1, 4, y + 1, x_test, y_test),
        "healthy": _fit(x, y, 3, y, x_test, y_test),
        # Weights of NaN: every argmax is 0.
        "label-range": (float("nan"), float(np.mean(y == 0)), float(np.mean(y_test == 0))),
    }
    return {letter: reports[name] for letter, name in zip("ABCD", ORDER, strict=True)}


def _fit(x, y, units, compared, x_test, y_test):
    weights, one_hot = np.zeros((x.shape[1], units)), np.eye(units)[y]
    for _ in range(200):
        p = reference.softmax(x @ weights)
        weights -= 0.5 * x.T @ (p - one_hot) / len(x)
    loss = reference.cross_entropy(y, x @ weights).mean()
    training = np.mean((x @ weights).argmax(axis=-1) == compared)
    return float(loss), float(training), reference.accuracy(y_test, x_test @ weights)


def _grade_patients(answer):
    what = 'a dictionary such as {"A": "healthy", "B": …}, with the letters A to D'
    if not isinstance(answer, dict):
        raise Unusable(f"Expected {what}. You gave {describe(answer)}.")
    given = {str(k).strip().upper(): str(v).strip().lower() for k, v in answer.items()}
    if set(given) != set("ABCD"):
        raise Unusable(f"Expected {what}. You gave the letters {', '.join(given) or 'none'}.")
    if unknown := [v for v in given.values() if v not in NAMES]:
        raise Unusable(f"{unknown[0]!r} is none of the names: {', '.join(NAMES)}.")
    right = dict(zip("ABCD", ORDER, strict=True))
    wrong = [k for k in "ABCD" if given[k] != right[k]]
    if not wrong:
        return correct(
            "All four. NaN comes from the range, a tiny loss beside a poor accuracy from "
            "fractions, and what is fine in training and 0 on clean labels is an offset."
        )
    k = wrong[0]
    loss, training, test = _material()[k]
    clue = {
        "label-range": "A NaN loss with an accuracy that looks alive: which fault makes NaN?",
        "fractional-labels": (
            f"A loss of {loss:.2f} says “nearly certain”, the training accuracy {training:.2f} "
            "says “mostly wrong”. Who cuts labels off, and who compares them?"
        ),
        "label-offset": (
            f"Training accuracy {training:.2f}, clean test accuracy {test:.2f}: worse than "
            "guessing. It learned well, but something else."
        ),
        "healthy": "Loss, training and test accuracy agree with each other.",
    }[right[k]]
    return incorrect(
        f"{4 - len(wrong)} of 4. Patient {k} is not “{given[k]}”. {clue}",
        None if right[k] == "healthy" else right[k],
    )


# d · Three kinds in one list


def _grade_class_ids(answer):
    expect_function(answer, "class_ids")
    cases = joined_labels.cases()
    for number, (name, labels, num_classes, y) in enumerate(cases):
        complaint = _judge_class_ids(answer, name, labels, num_classes, y, first=number == 0)
        if complaint is not None:
            return complaint
    for what, label in joined_labels.NO_CLASS.items():
        try:
            value = answer([0, label, "1"], 3)
        except Exception:
            continue
        shown = value.tolist() if isinstance(value, np.ndarray) else value
        return incorrect(
            f"[0, {label!r}, '1'] became {shown}: {what} names no class. It must stop with an "
            "error, or the loss learns it as one.",
            "label-range",
        )
    return correct(
        f"{len(cases)} lists of ids, text and one-hot rows became one array of whole numbers each, "
        "and what names no class stops where the data set is built."
    )


def _judge_class_ids(function, name, labels, num_classes, y, *, first):
    try:
        value = function(list(labels), num_classes)
        given = np.asarray(value)
    except Exception as error:
        if first:
            raise
        text = (str(error).strip().splitlines() or [""])[0][:160]
        return incorrect(
            f"Case “{name}”: no array comes out, but {type(error).__name__}: {text}", "mixed-labels"
        )
    if value is None and first:
        raise NotAttempted
    if given.shape == (len(y), num_classes):
        return incorrect(
            f"Case “{name}”: you return one-hot rows, shape {given.shape}. Ids are asked for, "
            f"shape ({len(y)},).",
            "one-hot-labels",
        )
    if given.ndim != 1:
        raise Unusable(f"Return one array of shape (N,). You returned {describe(value)}.")
    if len(given) != len(y):
        return incorrect(
            f"Case “{name}”: {len(y)} labels go in and {len(given)} come out. From the first one "
            "left out, each example has another's label.",
            "mixed-labels",
        )
    if given.dtype.kind not in "iu":
        return incorrect(
            f"Case “{name}”: the array has dtype {given.dtype}. End with whole numbers, int64.",
            "mixed-labels" if given.dtype == object else "label-dtype",
        )
    told = joined_labels.misread(labels, given, y)
    return incorrect(f"Case “{name}”: {told}", "mixed-labels") if told else None


EXERCISES = (
    Exercise(
        "02-a",
        "Mend a loop",
        (
            "Two places must know that −1 is no class: the loss and the accuracy.",
            "SparseCategoricalCrossentropy has the setting ignore_class.",
            "For the accuracy: sum the matches of the labelled examples, divide by their number.",
        ),
        _grade_mended,
    ),
    Exercise(
        "02-b",
        "One encoder",
        (
            "Look at the training names only when you number them.",
            "A dictionary from name to id: {name: k for k, name in enumerate(np.unique(…))}.",
            "dict.get(name, -1) gives −1 for a name that is not there.",
        ),
        _grade_encoder,
    ),
    Exercise(
        "02-c",
        "Four patients",
        (
            "One of the four losses is not a number. Which fault does that?",
            "If a loss is near 0 and the training accuracy is poor, the two read the labels "
            "differently.",
            "Compare training and test accuracy of the two that are left.",
        ),
        _grade_patients,
        _material,
    ),
    Exercise(
        "02-d",
        "Three kinds in one list",
        (
            "np.ndim(label) is 1 for a row, and 0 for an id or for text.",
            "int(…) reads an id and its text alike. The class of a row is the place of its one.",
            "np.argmax of a single number, or of a row of zeros, is 0: sum the row first.",
        ),
        _grade_class_ids,
    ),
)

PREDICTIONS = (
    Prediction(
        "02-p1",
        "What will the compiled loop do?",
        choices=("stop with an error", "report a loss of nan", "leave these wines out"),
    ),
    Prediction("02-p2", "Where will the loss go?", choices=("near 0", "near ln 10", "to nan")),
)
