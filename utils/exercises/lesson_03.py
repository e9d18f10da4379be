"""Graders of lesson 03, double softmax."""

import numpy as np

from .. import data, reference
from .engine import Exercise, Unusable, call, correct, expect_function, incorrect
from .judging import are_probabilities, call_for_model_and_loss, numbers, true_loss
from .predictions import Prediction

NEAR = 0.02  # nats; far above rounding, far below any of the faults


# a · Mend a loop


def _grade_mended(answer):
    expect_function(answer, "mended")
    x, y, num_classes = _four_digits()
    model, loss_fn = call_for_model_and_loss(answer, x, y, num_classes=num_classes)
    outputs = np.asarray(model(x), np.float64)
    learned = reference.accuracy(y, outputs) if outputs.ndim == 2 else 0.0
    # A perfect model hides errors of the loss: compare where it is unsure.
    x = x + np.random.default_rng(0).normal(0, 0.35, x.shape).astype(np.float32)
    outputs = np.asarray(model(x), np.float64)
    if outputs.shape != (len(x), num_classes):
        raise Unusable(
            f"The model should return shape ({len(x)}, {num_classes}); "
            f"it returns {tuple(outputs.shape)}."
        )
    truth = true_loss(y, outputs)
    shown = {
        "called eagerly": _scalar(loss_fn(y, model(x))),
        "through predict": _scalar(loss_fn(y, model.predict(x, verbose=0))),
    }
    wrong = {route: value for route, value in shown.items() if abs(value - truth) > NEAR}
    if wrong:
        return _untrue_loss(wrong, truth, y, outputs)
    if learned < 0.9:
        return incorrect(
            f"The loss is true now, but the model has not learned: accuracy {learned:.2f} on the "
            "data it was trained on. Change as little of the loop as possible."
        )
    return correct(
        f"On digits 0 to 3 with noise, your loss reports {shown['called eagerly']:.3f}; the true "
        f"cross-entropy is {truth:.3f}. Accuracy without the noise: {learned:.2f}."
    )


def _untrue_loss(wrong, truth, y, outputs):
    route, value = next(iter(wrong.items()))
    seen = f"{route} it reports {value:.3f}, the true cross-entropy is {truth:.3f}."
    probabilities = are_probabilities(outputs)
    if probabilities and "called eagerly" not in wrong:
        return incorrect(
            f"In the loop the loss is right, because Keras repairs it: but {seen} "
            "There is still a softmax too many.",
            "double-softmax",
        )
    twice = reference.cross_entropy(y, outputs).mean()
    if probabilities and abs(value - twice) < NEAR:
        return incorrect(f"Still two softmaxes: {seen}", "double-softmax")
    if not probabilities and (outputs.min() < 0 or outputs.max() > 1):
        return incorrect(
            f"The model now returns logits (from {outputs.min():.1f} to {outputs.max():.1f}), "
            f"and the loss takes them for something else: {seen} One change was enough.",
            "logits-as-probabilities",
        )
    if not probabilities:
        return incorrect(
            f"The outputs lie between 0 and 1 but their rows do not sum to one: {seen}",
            "wrong-output-activation",
        )
    return incorrect(f"The loss is not the cross-entropy of the model's outputs: {seen}")


def _four_digits():
    """Return digits 0 to 3: data that the exercise's page does not use."""
    split = data.digits(seed=3)
    keep = split.y_train < 4
    return split.x_train[keep], split.y_train[keep], 4


def _scalar(loss):
    array = np.asarray(loss, np.float64)
    if array.shape != ():
        raise Unusable(
            f"loss_fn should return one number; it returned shape {array.shape}. "
            "Keep the mean over the batch."
        )
    return float(array)


# b · From the curves alone


def _material():
    """Return three loss curves of softmax regression on digits 0 to 5, trained in NumPy.

    A learns slowly, B is doubly softmaxed, C learns fast. Only B stays above
    ln(e + 5) − 1; at the end A is near B.
    """
    split = data.digits(seed=5)
    keep = split.y_train < 6
    x, y = split.x_train[keep], np.eye(6)[split.y_train[keep]]
    return {
        "A": _descend(x, y, step=0.13, epochs=40),
        "B": _descend(x, y, step=4.0, epochs=40, twice=True),
        "C": _descend(x, y, step=2.2, epochs=40),
    }


def _descend(x, y, *, step, epochs, twice=False):
    weights = np.zeros((x.shape[1], y.shape[1]))
    losses = []
    for _ in range(epochs):
        p = reference.softmax(x @ weights)
        q = reference.softmax(p) if twice else p
        losses.append(float(-np.log((q * y).sum(axis=1)).mean()))
        delta = q - y
        if twice:
            delta = p * (delta - (p * delta).sum(axis=1, keepdims=True))
        weights -= step * x.T @ delta / len(x)
    return losses


def _grade_curves(answer):
    what = 'a pair such as ("A", 0.5): the letter and the floor'
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise Unusable(f"Expected {what}.")
    letter = str(answer[0]).strip().upper()
    (floor,) = numbers([answer[1]], 1, what)
    curves, right = _material(), reference.double_softmax_floor(6)
    if letter not in curves:
        raise Unusable(f"Expected {what}; the letters are {', '.join(curves)}.")
    if letter != "B":
        return incorrect(
            f"{letter} falls to {min(curves[letter]):.2f}. Compute the floor for six classes: "
            "a doubly softmaxed loss cannot go below it."
        )
    if abs(floor - right) < 0.01:
        return correct(
            f"B flattens at {curves['B'][-1]:.2f} and stays above ln(e + 5) − 1 = {right:.3f}; "
            f"A and C both go below it (to {min(curves['A']):.2f} and {min(curves['C']):.2f})."
        )
    return incorrect(f"B it is. But its floor is not {floor:.3f}{_why_not(floor)}.")


def _why_not(floor):
    known = {
        np.log(6): ": that is ln 6, the loss of a model that knows nothing",
        reference.double_softmax_floor(10): ": that is the floor for ten classes; here are six",
        reference.double_softmax_floor(7): ": count the other classes, C − 1, not C",
        1 / np.log(6): ": the floor is −ln of the best second softmax",
        np.exp(-reference.double_softmax_floor(6)): ": that is the probability; take −ln of it",
        -np.log(1e-7): ": that is the clip of losses from probabilities (lesson 06)",
    }
    for value, text in known.items():
        if abs(floor - value) < 0.01:
            return text
    return ". What does softmax make of (1, 0, 0, 0, 0, 0)?"


# c · Why does it agree with fit?


def _grade_three_losses(answer):
    import tensorflow as tf

    expect_function(answer, "three_losses")
    split = data.wine(seed=7)
    x, y = split.x_train, split.y_train
    kinds = {"tf.nn.softmax": tf.nn.softmax, "Keras' softmax": "softmax", "no activation": None}
    told = []
    for name, activation in kinds.items():
        model = _small_model(activation)
        eager, compiled, truth = numbers(
            call(answer, model, x, y), 3, "three numbers: eager, compiled, true"
        )
        complaint = _judge_three(name, (eager, compiled, truth), _three_losses(model, x, y))
        if complaint is not None:
            return complaint
        told.append(f"{name}: {eager:.2f}, {compiled:.2f}, {truth:.2f}")
    return correct(
        "Eager, compiled, true. " + "; ".join(told) + ". Only tf.nn.softmax tells two stories: "
        "inside tf.function Keras sees the operation and repairs the loss, and fit compiles."
    )


def _judge_three(name, given, expected):
    if all(abs(a - b) < NEAR for a, b in zip(given, expected, strict=True)):
        return None
    eager, compiled, truth = expected
    if abs(given[0] - compiled) < NEAR and abs(given[1] - eager) < NEAR and eager != compiled:
        return incorrect("Eager and compiled stand in the wrong order.")
    if abs(given[2] - truth) >= NEAR:
        return incorrect(
            f"With {name} the true loss is {truth:.3f}; you say {given[2]:.3f}. Does this model "
            "return logits or probabilities? Look at its rows: do they sum to one?"
        )
    if abs(given[0] - eager) >= NEAR:
        return incorrect(
            f"With {name} the eager loss is {eager:.3f}; you say {given[0]:.3f}. Call the model "
            "and the loss outside of any tf.function.",
            "double-softmax",
        )
    return incorrect(
        f"With {name} the compiled loss is {compiled:.3f}; you say {given[1]:.3f}. The model must "
        "be called inside the tf.function too: of finished probabilities, Keras cannot see where "
        "they come from.",
        "double-softmax",
    )


def _small_model(activation):
    import keras

    keras.utils.set_random_seed(11)
    model = keras.Sequential(
        [keras.layers.Input((13,)), keras.layers.Dense(3, activation=activation)]
    )
    kernel, bias = model.get_weights()
    model.set_weights([kernel * 2, bias])
    return model


def _three_losses(model, x, y):
    import warnings

    import keras
    import tensorflow as tf

    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @tf.function
    def compiled(x, y):
        return loss_fn(y, model(x))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outputs = model(x)
        return float(loss_fn(y, outputs)), float(compiled(x, y)), true_loss(y, outputs)


EXERCISES = (
    Exercise(
        "03-a",
        "Mend a loop",
        (
            "How many softmaxes stand between the last weights and the loss? Look in two places.",
            "Wine has three classes. Compute ln(e + 2) − 1 and compare it with the loss.",
            "Take away one of the two: the activation, or from_logits=True. Not both.",
        ),
        _grade_mended,
    ),
    Exercise(
        "03-b",
        "From the curves alone",
        (
            "A doubly softmaxed loss has a floor. Which curves go below it?",
            "The best a model can say is (1, 0, 0, 0, 0, 0). What is −ln of the first entry after "
            "one more softmax?",
        ),
        _grade_curves,
        _material,
    ),
    Exercise(
        "03-c",
        "Why does it agree with fit?",
        (
            "Keras looks at the operation that made the tensor. When can it see one?",
            "Write an inner function with @tf.function that calls both the model and the loss.",
            "For the true loss, find out first whether the rows of model(x) sum to one.",
        ),
        _grade_three_losses,
    ),
)

PREDICTIONS = (
    Prediction("03-p1", "What will the loop report as its loss?", "nats", tolerance=0.15),
    Prediction(
        "03-p2",
        "Where will Keras warn?",
        choices=("where the loss is right", "where the loss is wrong", "everywhere"),
    ),
)
