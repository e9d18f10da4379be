"""Graders of lesson 04, logits as probabilities."""

import numpy as np

from .. import data, reference
from . import mending
from .engine import Exercise, call, correct, expect_function, incorrect
from .judging import numbers
from .predictions import Prediction

# a · Mend a loop


def _grade_mended(answer):
    split = data.digits(seed=4)
    keep = (split.y_train >= 4) & (split.y_train < 8)
    seen = mending.run(answer, "mended", split.x_train[keep], split.y_train[keep] - 4, 4)
    wrong = mending.complaint(seen)
    if wrong is not None:
        return wrong
    return correct(
        f"On digits 4 to 7 with noise, your loss reports {seen.reported['called eagerly']:.3f}; "
        f"the true cross-entropy is {seen.truth:.3f}. Accuracy without the noise: "
        f"{seen.accuracy:.2f}."
    )


# b · What is this image worth?


def _grade_share(answer):
    expect_function(answer, "share_confident")
    split = data.wine(seed=4)
    x = split.x_test
    told = {}
    for kind, activation in (("logits", None), ("probabilities", "softmax")):
        model = _wine_model(activation)
        p = reference.softmax(_wine_model(None)(x).numpy())
        for threshold in (0.5, 0.9):
            (share,) = numbers([call(answer, model, x, threshold)], 1, "one number, a share")
            right = float(np.mean(p.max(axis=1) > threshold))
            if abs(share - right) > 1e-6:
                return _wrong_share(kind, threshold, share, right, model(x).numpy(), p)
            told[threshold] = right
    return correct(
        "Above 0.5 and 0.9, for both kinds of model: "
        + " and ".join(f"{share:.2f}" for share in told.values())
        + " of 45 wines."
    )


def _wrong_share(kind, threshold, share, right, outputs, p):
    said = f"A model of {kind}, threshold {threshold}: you say {share:.3f}, it is {right:.3f}"
    if kind == "logits" and _same(share, np.mean(outputs.max(axis=1) > threshold)):
        return incorrect(
            f"{said}. You have compared the largest logit, which is no probability.",
            "logits-as-probabilities",
        )
    squashed = 1 / (1 + np.exp(-outputs))
    if kind == "logits" and _same(share, np.mean(squashed.max(axis=1) > threshold)):
        return incorrect(
            f"{said}. A sigmoid scores each class by itself; classes that exclude each other "
            "need a softmax.",
            "wrong-output-activation",
        )
    twice = reference.softmax(p).max(axis=1)
    if kind == "probabilities" and _same(share, np.mean(twice > threshold)):
        return incorrect(
            f"{said}. These outputs already are probabilities; a second softmax flattens them.",
            "double-softmax",
        )
    if _same(share, np.mean(p > threshold)):
        return incorrect(f"{said}. Count examples, not entries: take the top class of each row.")
    if _same(share, np.mean(p.max(axis=1) <= threshold)):
        return incorrect(f"{said}. That is the share at or below the threshold.")
    return incorrect(f"{said}. Rows that are ≥ 0 and sum to one are probabilities already.")


def _same(a, b):
    return abs(a - float(b)) < 1e-6


def _wine_model(activation):
    import keras

    keras.utils.set_random_seed(21)
    model = keras.Sequential(
        [keras.layers.Input((13,)), keras.layers.Dense(3, activation=activation)]
    )
    kernel, bias = model.get_weights()
    model.set_weights([kernel * 1.2, bias])
    return model


# c · A threshold for logits


def _grade_threshold(answer):
    expect_function(answer, "logit_threshold")
    asked = (0.5, 0.9, 0.2, 0.999)
    given = [numbers([call(answer, p)], 1, f"one number for the probability {p}")[0] for p in asked]
    right = [float(np.log(p / (1 - p))) for p in asked]
    if np.allclose(given, right, atol=1e-3):
        z = np.linspace(-8, 8, 10_000)
        for p, t in zip(asked, right, strict=True):
            assert ((z > t) == (1 / (1 + np.exp(-z)) > p)).all()
        return correct(
            "; ".join(
                f"p > {p} where the logit is above {t:.2f}"
                for p, t in zip(asked, right, strict=True)
            )
            + ". Compared on 10 000 logits."
        )
    p = np.array(asked)
    known = (
        (p, "That is the probability itself, compared with a logit.", "logits-as-probabilities"),
        (1 / (1 + np.exp(-p)), "That is sigmoid(p). You need its inverse.", None),
        (
            np.log(p),
            "ln p is the threshold for a log-probability; a logit is ln(p / (1 − p)).",
            None,
        ),
        (p - 0.5, "Right at one half only: the sigmoid is no straight line.", None),
        (-np.array(right), "The sign is wrong: a higher p needs a higher logit.", None),
        (p / (1 - p), "Those are the odds. A logit is their logarithm.", None),
        (np.array(right) / np.log(2), "Take the natural logarithm.", None),
        (np.array(right) / np.log(10), "Take the natural logarithm.", None),
    )
    for values, text, pitfall in known:
        if np.allclose(given, values, atol=1e-3):
            return incorrect(text, pitfall)
    k = int(np.argmax(~np.isclose(given, right, atol=1e-3)))
    return incorrect(
        f"For p = {asked[k]} you return {given[k]:.3f}. But sigmoid({given[k]:.3f}) = "
        f"{1 / (1 + np.exp(-given[k])):.3f}."
    )


EXERCISES = (
    Exercise(
        "04-a",
        "Mend a loop",
        (
            "What does the last layer return, and what is the loss told about it?",
            "The functional loss takes from_logits as well.",
            "Change one thing only. Two changes make lesson 03 of it.",
        ),
        _grade_mended,
    ),
    Exercise(
        "04-b",
        "What is this image worth?",
        (
            "How can you tell from the numbers which kind of model it is?",
            "Probabilities are never negative, and each row sums to one.",
            "Apply reference.softmax to logits only, then take the largest of each row.",
        ),
        _grade_share,
    ),
    Exercise(
        "04-c",
        "A threshold for logits",
        (
            "At which logit is the sigmoid one half?",
            "Solve p = 1 / (1 + exp(−z)) for z.",
        ),
        _grade_threshold,
    ),
)

PREDICTIONS = (
    Prediction("04-p1", "Where will its loss be after twelve epochs?", "nats", tolerance=0.15),
    Prediction(
        "04-p2",
        "Which metric will be the most wrong on logits?",
        choices=(
            "BinaryAccuracy",
            "Precision",
            "Recall",
            "AUC",
        ),
    ),
)
