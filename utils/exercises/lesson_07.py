"""Graders of lesson 07, softmax before accuracy."""

import numpy as np

from .. import data, reference
from .engine import Exercise, Unusable, call, correct, expect_function, incorrect
from .judging import numbers
from .predictions import Prediction

# a · Mend an evaluation


def _cases():
    """Return (what, pitfall, labels, scores): scores without a tie at the top of any row."""
    import tensorflow as tf

    rng = np.random.default_rng(7)
    y = rng.integers(0, 10, 150)
    z = rng.normal(size=(150, 10)) + 2.5 * np.eye(10)[y]
    many = rng.integers(1000, 4000, 120)
    wide = np.zeros((120, 4096), np.float32)
    near = (many + rng.integers(0, 3, 120)).clip(0, 4095)  # two of three are wrong by 1 or 2
    wide[np.arange(120), near] = 4.0
    small = rng.integers(0, 5, 70)
    half = np.round(rng.normal(size=(70, 5)) * 4) / 4
    half[np.arange(70), rng.integers(0, 5, 70)] = 6.5
    return (
        ("ordinary scores", None, y, tf.constant(z, tf.float32)),
        ("scores up to 200", "saturated-ties", y, tf.constant(40 * z, tf.float32)),
        ("scores close together", "saturated-ties", y, tf.constant(1e-4 * z, tf.float32)),
        ("4096 classes in float32", "low-precision-ids", many, tf.constant(wide)),
        ("4096 classes in bfloat16", "low-precision-ids", many, tf.cast(wide, tf.bfloat16)),
        ("5 classes in bfloat16", None, small, tf.cast(half, tf.bfloat16)),
    )


def _grade_evaluation(answer):
    import tensorflow as tf

    expect_function(answer, "mended")
    told = []
    for what, pitfall, y, scores in _cases():
        truth = reference.accuracy(y, tf.cast(scores, tf.float32).numpy())
        for size in (64, len(y), 7):
            (given,) = numbers([call(answer, y, scores, batch_size=size)], 1, "one accuracy")
            if abs(given - truth) > 1e-5:
                return _wrong_evaluation(what, pitfall, given, truth, size)
        told.append(f"{what} {truth:.2f}")
    return correct("Right for every batch size. " + "; ".join(told) + ".")


def _wrong_evaluation(what, pitfall, given, truth, size):
    said = f"For {what}, in batches of {size}, you report {given:.3f}; {truth:.3f} is true."
    if pitfall == "saturated-ties":
        return incorrect(
            f"{said} On the way to the metric several classes get the same score. Which step "
            "rounds them together?",
            pitfall,
        )
    if pitfall == "low-precision-ids":
        return incorrect(
            f"{said} The metric compares class ids in the dtype of the scores. Which dtype does it "
            "get?",
            pitfall,
        )
    return incorrect(
        f"{said} If the last batch is shorter than the others, a mean of batch accuracies is off."
    )


# b · Which of them can change the accuracy?


def _functions():
    import tensorflow as tf

    return {
        "A": ("softmax(z)", tf.nn.softmax),
        "B": ("z / 1000", lambda z: z / 1000),
        "C": ("softmax(z, axis=0)", lambda z: tf.nn.softmax(z, axis=0)),
        "D": (
            "z minus the row's mean",
            lambda z: z - tf.reduce_mean(z, axis=-1, keepdims=True),
        ),
        "E": (
            "z minus each class's mean over the batch",
            lambda z: z - tf.reduce_mean(z, axis=0, keepdims=True),
        ),
        "F": ("sigmoid(z)", tf.sigmoid),
        "G": ("log_softmax(z)", tf.nn.log_softmax),
        "H": ("relu(z)", tf.nn.relu),
    }


_WHY = {
    "A": "softmax divides the exponentials of a row by one number, and in float32 the largest "
    "stays the largest",
    "B": "a positive factor keeps the order",
    "C": "each class is divided by a number of its own",
    "D": "the same number is taken from every score of the row",
    "E": "each class is shifted by a number of its own",
    "F": "from about 17 on, a sigmoid is exactly 1 in float32, and ties go to the lower class",
    "G": "it is z minus one number for each row",
    "H": "negative scores become ties at 0: if the whole row is negative, class 0 wins",
}


def _changes() -> dict[str, float]:
    """Return for each function the share of rows whose argmax moves, at its worst over scales."""
    import tensorflow as tf

    rng = np.random.default_rng(70)
    moved = {}
    for letter, (_, function) in _functions().items():
        worst = 0.0
        for scale, shift in ((1, 0), (1, -3), (30, 0), (60, 60)):
            z = tf.constant(rng.normal(size=(400, 6)) * scale + shift, tf.float32)
            before = np.argmax(z, axis=-1)
            worst = max(worst, float(np.mean(np.argmax(function(z), axis=-1) != before)))
        moved[letter] = worst
    return moved


def _grade_letters(answer):
    what = 'the letters in one string, such as "AB"'
    if isinstance(answer, set | frozenset | tuple | list):
        answer = "".join(str(a) for a in answer)
    if not isinstance(answer, str):
        raise Unusable(f"Expected {what}.")
    letters = {c for c in answer.upper() if not c.isspace() and c not in ",;"}
    functions = _functions()
    if not letters or not letters <= set(functions):
        raise Unusable(f"Expected {what}; the letters are {', '.join(functions)}.")
    moved = _changes()
    right = {letter for letter, share in moved.items() if share > 0}
    for letter in sorted(letters - right):
        return incorrect(
            f"{letter}, {functions[letter][0]}, moves no prediction on 1600 rows: {_WHY[letter]}."
        )
    for letter in sorted(right - letters):
        return incorrect(
            f"One is missing that moves up to {moved[letter]:.0%} of the predictions: "
            f"{functions[letter][0]}. Try it on scores of another size or sign.",
            {"F": "saturated-ties", "H": "saturated-ties", "C": "wrong-axis"}.get(letter),
        )
    return correct("; ".join(f"{letter}: {_WHY[letter]}" for letter in sorted(right)) + ".")


# c · What ties can do


def _range(y, scores):
    on_top = scores == scores.max(axis=-1, keepdims=True)
    true_on_top = on_top[np.arange(len(y)), y]
    alone = on_top.sum(axis=-1) == 1
    return float(np.mean(true_on_top & alone)), float(np.mean(true_on_top))


def _grade_range(answer):
    expect_function(answer, "accuracy_range")
    split = data.wine(seed=7)
    rng = np.random.default_rng(3)
    weights = rng.normal(size=(13, 3))
    z = split.x_test @ weights
    rounded = np.clip(np.round(z), -1, 1)
    cases = (("without ties", z), ("with ties", rounded), ("all equal", np.zeros_like(z)))
    for what, scores in cases:
        scores = scores.astype(np.float32)
        value = call(answer, split.y_test, scores)
        if not isinstance(value, tuple | list | np.ndarray):
            raise Unusable("Expected two numbers: the lowest and the highest accuracy.")
        low, high = numbers(value, 2, "two numbers: the lowest and the highest accuracy")
        right = _range(split.y_test, scores)
        if not np.allclose((low, high), right, atol=1e-6):
            return _wrong_range(what, (low, high), right, split.y_test, scores)
    low, high = _range(split.y_test, rounded)
    return correct(
        f"On 45 wines with rounded scores anything from {low:.2f} to {high:.2f} could be reported, "
        f"and with equal scores anything from 0 to 1. Accuracy says "
        f"{reference.accuracy(split.y_test, rounded):.2f} for the first."
    )


def _wrong_range(what, given, right, y, scores):
    said = (
        f"Scores {what}: you say {given[0]:.3f} to {given[1]:.3f}, it is {right[0]:.3f} to "
        f"{right[1]:.3f}."
    )
    argmax = reference.accuracy(y, scores)
    if np.allclose(given, (right[1], right[0]), atol=1e-6):
        return incorrect(f"{said} The lowest comes first.")
    if np.allclose(given, (argmax, argmax), atol=1e-6):
        return incorrect(
            f"{said} That is what argmax says, which always takes the first of the tied classes.",
            "saturated-ties",
        )
    if what != "without ties" and abs(given[1] - right[1]) < 1e-6 and abs(given[0] - argmax) < 1e-6:
        return incorrect(
            f"{said} The highest is right. argmax is only one way to break ties, not the worst.",
            "saturated-ties",
        )
    if abs(given[1] - right[1]) < 1e-6:
        return incorrect(f"{said} The highest is right. At worst, a row with a tie on top is lost.")
    if abs(given[0] - right[0]) < 1e-6:
        return incorrect(
            f"{said} The lowest is right. For the highest, it is enough that the true class is "
            "among the tied."
        )
    return incorrect(said)


EXERCISES = (
    Exercise(
        "07-a",
        "Mend an evaluation",
        (
            "There are two faults. Which classes share the score 1?",
            "Does the metric need a sigmoid at all?",
            "A model may hand you bfloat16 scores: what should the metric get?",
        ),
        _grade_evaluation,
    ),
    Exercise(
        "07-b",
        "Which of them can change the accuracy?",
        (
            "Does it do the same to all scores of a row?",
            "Is it strictly increasing? Also in float32, also for scores of 100?",
            "Four letters are right.",
        ),
        _grade_letters,
        _functions,
    ),
    Exercise(
        "07-c",
        "What ties can do",
        (
            "Which classes of a row share the largest score?",
            "At best the true class wins every tie that it is part of.",
            "At worst it wins none: then only rows count where it is alone on top.",
        ),
        _grade_range,
    ),
)

PREDICTIONS = (
    Prediction("07-p1", "By how much will they differ in the last epoch?", tolerance=0.0),
    Prediction(
        "07-p2",
        "What happens to the accuracy?",
        choices=("same", "a little lower", "much lower", "higher"),
    ),
)
