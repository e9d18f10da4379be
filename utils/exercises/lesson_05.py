"""Graders of lesson 05, the wrong last layer."""

import numpy as np

from .. import data, reference
from . import mending
from .engine import Exercise, Unusable, call, correct, describe, expect_function, incorrect
from .judging import are_probabilities, call_for_model_and_loss, numbers
from .predictions import Prediction

NEAR = 0.02  # nats


# a · Mend a loop


def _grade_mended(answer):
    split = data.digits(seed=8)
    keep = split.y_train < 5
    x, y = split.x_train[keep], split.y_train[keep]
    trained = []

    def remembered(x, y, num_classes):
        trained.append(call_for_model_and_loss(answer, x, y, num_classes=num_classes))
        return trained[-1]

    expect_function(answer, "mended")
    seen = mending.run(remembered, "mended", x, y, 5)
    model = trained[0][0]
    outputs = np.asarray(model(x), np.float64)
    zeros = float(np.mean(outputs == 0))
    if outputs.min() >= 0 and zeros > 0.02:
        lost = sorted(set(range(5)) - set(outputs.argmax(axis=1).tolist()))
        return incorrect(
            f"No score is negative, and {zeros:.0%} are exactly 0: there is still a relu at the "
            "end." + (f" Never predicted of the digits 0 to 4: {lost}." if lost else ""),
            "wrong-output-activation",
        )
    wrong = mending.complaint(seen, least_accuracy=0.95)
    if wrong is not None:
        return wrong
    far = np.asarray(model(x * 1000), np.float64)
    width = float(far.max() - far.min())
    if not are_probabilities(outputs) and width <= 20:
        floor = np.log(1 + 4 * np.exp(-width))
        return incorrect(
            f"For inputs a thousand times as large the scores still lie between {far.min():.1f} "
            f"and {far.max():.1f}: the last activation has bounds. With five classes the loss "
            f"cannot fall below {floor:.3f}.",
            "wrong-output-activation",
        )
    return correct(
        f"On digits 0 to 4 all five are predicted, accuracy {seen.accuracy:.2f}, and the loss is "
        "the true cross-entropy."
    )


# b · The floor


def _grade_floor(answer):
    expect_function(answer, "floor")
    asked = ((0, 1, 10), (-1, 1, 10), (0, 6, 100), (-2.5, 0.5, 2), (3, 3, 4))
    given = np.array([numbers([call(answer, *a)], 1, f"one number for floor{a}")[0] for a in asked])
    low, high, classes = np.array(asked, float).T
    right = np.log(1 + (classes - 1) * np.exp(low - high))
    if np.allclose(given, right, atol=1e-3):
        rng = np.random.default_rng(0)
        for a, b, c in asked:
            z = rng.uniform(a, b, (2000, int(c)))
            assert reference.cross_entropy(np.zeros(2000, int), z).min() >= answer(a, b, c) - 1e-6
        return correct(
            f"Sigmoid with ten classes {right[0]:.3f}, tanh {right[1]:.3f}, relu6 with a hundred "
            f"{right[2]:.3f}; if all scores must be equal, it is ln C. None of 10 000 random rows "
            "was lower."
        )
    known = (
        (np.log(classes), "That is ln C, the loss when nothing is known. Better is possible."),
        (
            np.log(np.e + classes - 1) - 1,
            "That is the floor for scores between 0 and 1. Bounds may differ.",
        ),
        (
            np.log(1 + (classes - 1) * np.exp(-high)),
            "The others need not be 0: their best score is low.",
        ),
        (np.log(1 + classes * np.exp(low - high)), "Count the other classes: C − 1, not C."),
        (
            np.log(1 + (classes - 1) * np.exp(high - low)),
            "That is the highest loss, with the true class at low.",
        ),
        (np.exp(-right), "That is the probability. Take −ln of it."),
        (-right, "The sign is wrong: a loss is not negative."),
    )
    for values, text in known:
        if np.allclose(given, values, atol=1e-3):
            return incorrect(text)
    k = int(np.argmax(~np.isclose(given, right, atol=1e-3)))
    return incorrect(
        f"For low {low[k]:g}, high {high[k]:g} and {classes[k]:.0f} classes you say "
        f"{given[k]:.3f}. What is softmax of one {high[k]:g} and {classes[k] - 1:.0f} times "
        f"{low[k]:g}?"
    )


# c · Three heads


def _grade_heads(answer):
    expect_function(answer, "head")
    rng = np.random.default_rng(5)
    x = rng.normal(size=(60, 6)).astype(np.float32) * 1.5
    questions = {
        "one of n": (5, rng.integers(0, 5, 60)),
        "any of n": (4, rng.integers(0, 2, (60, 4)).astype(np.float32)),
        "yes or no": (2, rng.integers(0, 2, (60, 1)).astype(np.float32)),
    }
    for question, (n, y) in questions.items():
        complaint = _judge_head(question, n, x, y, call(answer, question, n))
        if complaint is not None:
            return complaint
    return correct(
        "All three report the cross-entropy that the labels deserve, in the loop and of what "
        "predict returns."
    )


def _judge_head(question, n, x, y, value):
    import keras

    if not (isinstance(value, tuple | list) and len(value) == 2 and callable(value[1])):
        raise Unusable(f"Return the pair (layer, loss_fn). Yours returned {describe(value)}.")
    layer, loss_fn = value
    if not isinstance(layer, keras.layers.Layer):
        raise Unusable(f"The first of the pair should be a layer; it is {describe(layer)}.")
    keras.utils.set_random_seed(5)
    model = keras.Sequential([keras.layers.Input((6,)), layer])
    weights = layer.get_weights()
    if len(weights) != 2 or weights[0].ndim != 2:
        raise Unusable("The layer should be one Dense layer with a bias.")
    outputs = np.asarray(model(x), np.float64)
    units, allowed = outputs.shape[-1], {"yes or no": (1, 2)}.get(question, (n,))
    if units not in allowed:
        return incorrect(
            f"“{question}” with n = {n}: your layer has {units} unit{'s' if units > 1 else ''}. "
            "How many scores does the answer need?",
            "output-units",
        )
    logits = (x @ weights[0] + weights[1]).astype(np.float64)
    truth = _true_head_loss(y, logits)
    # A NumPy copy is what predict returns: the numbers, without Keras' hidden logits.
    for route, made in (("in the loop", model(x)), ("predict", model(x).numpy())):
        try:
            reported = mending.scalar(loss_fn(y, made))
        except (ValueError, TypeError) as error:
            return incorrect(
                f"“{question}”: the loss does not take labels of shape {y.shape} with outputs of "
                f"shape {outputs.shape}. It says: {str(error).strip().splitlines()[0][:200]}"
            )
        if not abs(reported - truth) <= NEAR:
            where = (
                route if route == "in the loop" else "of what predict returns (in the loop: right)"
            )
            said = f"“{question}”: the loss is {reported:.3f} {where}; {truth:.3f} is true."
            return _wrong_head(question, said, outputs, reported, y)
    return None


def _true_head_loss(y, logits):
    if y.ndim == 1 or logits.shape[-1] != y.shape[-1]:
        return float(reference.cross_entropy(y, logits).mean())
    return float((np.logaddexp(0, logits) - y * logits).mean())


def _wrong_head(question, said, outputs, reported, y):
    units = outputs.shape[-1]
    bounded = outputs.min() >= 0 and outputs.max() <= 1 + 1e-6
    if units == 1 and np.allclose(outputs, 1):
        return incorrect(f"{said} A softmax over one unit is always 1.", "output-units")
    if not bounded:
        if outputs.min() >= 0:
            return incorrect(
                f"{said} No output is negative: the layer ends in a relu.",
                "wrong-output-activation",
            )
        return incorrect(
            f"{said} The layer returns logits. Does the loss know?", "logits-as-probabilities"
        )
    exclusive = question == "one of n" or (units == 2 and question == "yes or no")
    if exclusive != are_probabilities(outputs):
        kind = (
            "exclude each other, and need a softmax"
            if exclusive
            else "do not exclude each other, and need a sigmoid each"
        )
        return incorrect(f"{said} The classes {kind}.", "wrong-output-activation")
    if abs(reported - _true_head_loss(y, outputs)) <= NEAR:
        return incorrect(
            f"{said} The outputs are probabilities already, and the loss applies softmax or "
            "sigmoid again.",
            "double-softmax",
        )
    return incorrect(f"{said} Is it the loss that belongs to this question?")


EXERCISES = (
    Exercise(
        "05-a",
        "Mend a loop",
        (
            "Which activation does the last layer of the list get?",
            "The loss says from_logits=True: what may a logit be?",
            "Make the hidden layer with a relu, and the last one with none.",
        ),
        _grade_mended,
    ),
    Exercise(
        "05-b",
        "The floor",
        (
            "Which scores would the perfect model give, if it may only use low … high?",
            "Its loss is −ln(e^high / (e^high + (C − 1) e^low)).",
        ),
        _grade_floor,
    ),
    Exercise(
        "05-c",
        "Three heads",
        (
            "The table of the lesson has the answer to each question, twice.",
            "“Any of n” is n times “yes or no”.",
            "Without activations, all three losses say from_logits=True.",
        ),
        _grade_heads,
    ),
)

PREDICTIONS = (
    Prediction("05-p1", "How many of the ten digits does it never predict?", "digits"),
    Prediction(
        "05-p2",
        "What will the loss be, compared with a softmax on the same weights?",
        choices=("the same", "higher", "lower"),
    ),
)
