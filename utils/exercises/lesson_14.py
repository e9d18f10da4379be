"""Graders of lesson 14, class weights."""

import numpy as np

from .. import data, reference
from .engine import Exercise, Unusable, call, correct, describe, expect_function, incorrect
from .judging import call_for_model_and_loss, numbers
from .predictions import Prediction

NEAR = 1e-3


# a · Mend a loop


def _grade_mended(answer):
    expect_function(answer, "mended")
    x, y = _four_digits()
    class_weight = {0: 0.6, 1: 1.7, 2: 2.4, 3: 0.9}
    model, loss_fn = call_for_model_and_loss(answer, x, y, class_weight)
    table = np.array([class_weight[k] for k in range(4)])
    logits = np.random.default_rng(0).normal(0, 2, (len(y), 4)).astype(np.float32)
    value = np.asarray(loss_fn(y, logits), np.float64)
    if value.shape != ():
        raise Unusable(f"weighted_loss should return one number; its shape is {value.shape}.")
    complaint = _judge_loss(float(value), y, logits, table)
    if complaint is not None:
        return complaint
    return _judge_model(answer, model, x, y, float(value))


def _judge_loss(value, y, logits, table):
    losses = reference.cross_entropy(y, logits)
    weights = table[y]
    truth = float((losses * weights).mean())
    if abs(value - truth) < NEAR:
        return None
    seen = f"On made-up logits your loss is {value:.3f}; the mean of weight × loss is {truth:.3f}."
    cut = table.astype(int)[y]
    cases = (
        (losses.mean(), "class-weights-ignored", "Yours has no weights in it."),
        (
            losses.mean() * weights.mean(),
            "weights-not-in-metric",
            "Yours is the mean loss times the mean weight: weights (B, 1) and losses (B,) make a "
            "(B, B) table, in which every weight meets every loss.",
        ),
        (
            (losses * cut).mean(),
            "class-weights-scale",
            f"Yours has the weights {table.astype(int).tolist()}: their fractions are cut off.",
        ),
        (
            losses.mean() * cut.mean(),
            "weights-not-in-metric",
            "Both faults are still there: weights are cut to integers, and every weight meets "
            "every loss.",
        ),
        (
            truth / weights.mean(),
            "class-weights-scale",
            "Yours divides by the sum of the weights; here, as in Keras, it is divided by the "
            "number of examples.",
        ),
        (
            truth * len(y),
            "summed-loss",
            "Yours is the sum; take the mean.",
        ),
    )
    for other, pitfall, text in cases:
        if abs(value - other) < NEAR * max(1, abs(other)):
            return incorrect(f"{seen} {text}", pitfall)
    return incorrect(seen)


def _judge_model(answer, model, x, y, value):
    """Set one weight to 0: a model whose training uses the weights never learns that class."""
    without, _ = call_for_model_and_loss(answer, x, y, {0: 1.0, 1: 1.0, 2: 0.0, 3: 1.0})
    recall = [_recall(m, x, y)[2] for m in (model, without)]
    if recall[0] < 0.7:
        return incorrect(
            f"The loss is right now, but the model has not learned: with weight 2.4 it finds "
            f"{recall[0]:.2f} of class 2. Change as little of the loop as possible."
        )
    if recall[1] > 0.2:
        return incorrect(
            f"weighted_loss is right, but the training does not use it: with weight 0 the model "
            f"still finds {recall[1]:.2f} of class 2.",
            "class-weights-ignored",
        )
    return correct(
        f"On four digits the weighted loss agrees ({value:.3f}), and the training follows it: "
        f"recall of a class {recall[0]:.2f} with weight 2.4, {recall[1]:.2f} with weight 0."
    )


def _recall(model, x, y):
    outputs = np.asarray(model(x))
    if outputs.shape != (len(x), 4):
        raise Unusable(f"For four classes the model should return (N, 4), not {outputs.shape}.")
    return reference.recall(reference.confusion_matrix(y, outputs.argmax(axis=1), 4))


def _four_digits():
    split = data.digits(seed=3)
    keep = split.y_train < 4
    return split.x_train[keep][:240], split.y_train[keep][:240]


# b · Balanced weights


def _grade_balanced(answer):
    expect_function(answer, "balanced_weights")
    rng = np.random.default_rng(0)
    y = rng.choice(4, 300, p=[0.6, 0.2, 0.15, 0.05])
    gap = np.where(y == 1, 0, y)
    cases = (
        ("integer labels", y),
        ("labels of shape (N, 1)", y[:, None]),
        ("float labels", y.astype(np.float32)),
        ("labels without class 1", gap),
    )
    for name, labels in cases:
        complaint = _judge_balanced(name, call(answer, labels, 4), labels)
        if complaint is not None:
            return complaint
    return correct(
        f"For counts {np.bincount(y).tolist()} your weights are {_few(_balanced(y))}: mean 1 over "
        "the examples, and so with columns, floats, and a class that is missing."
    )


def _judge_balanced(name, value, labels):
    given = np.asarray(value)
    if given.dtype.kind not in "biuf":
        raise Unusable(f"Return an array of numbers. Yours returned {describe(value)}.")
    if given.shape != (4,):
        raise Unusable(f"For four classes the shape is (4,); yours is {given.shape}.")
    y = labels.reshape(-1).astype(int)
    counts, expected = np.bincount(y, minlength=4), _balanced(y)
    seen = f"With {name}, counts {counts.tolist()}, you return {_few(given)}"
    if given.dtype.kind in "iu":
        return incorrect(
            f"{seen}, of dtype {given.dtype}. Integers lose the fractions: make them float32.",
            "class-weights-scale",
        )
    if not np.isfinite(given).all():
        return incorrect(
            f"{seen}. A class without examples divides by 0; give it weight 0.",
            "class-weights-scale",
        )
    if np.allclose(given, expected, atol=NEAR):
        return None
    mean = given[y].mean()
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = given[counts > 0] / expected[counts > 0]
    if np.allclose(ratio, ratio[0]) and counts.min() == 0 and given[counts == 0].any():
        return incorrect(f"{seen}. A class without examples gets 0.")
    if np.allclose(ratio, ratio[0]):
        return incorrect(
            f"{seen}. The proportions are right, but the mean over the examples is {mean:.2f}: the "
            f"loss and the step are {mean:.2f} times what they were. Divide by the number of "
            "classes that are present, too.",
            "class-weights-scale",
        )
    return incorrect(f"{seen}; {_few(expected)} was wanted: proportional to 1 / count.")


def _balanced(y):
    counts = np.bincount(y, minlength=4)
    present = counts > 0
    weights = np.zeros(4)
    weights[present] = len(y) / (present.sum() * counts[present])
    return weights


# c · Ask the plain model


def _grade_decision(answer):
    expect_function(answer, "weighted_decision")
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 1.5, (400, 4)).astype(np.float32)
    weights = np.array([0.3, 1.0, 4.0, 9.0], np.float32)
    value = np.asarray(call(answer, logits.copy(), weights.copy()))
    if value.dtype.kind not in "biuf" or value.reshape(-1).shape != (400,):
        raise Unusable(
            f"Return one class id for each of 400 rows. Yours returned {describe(value)}."
        )
    given = value.reshape(-1)
    expected = (reference.softmax(logits) * weights).argmax(axis=1)
    if np.mean(given == expected) > 0.995:
        plain = logits.argmax(axis=1)
        return correct(
            f"Of 400 rows, {np.sum(plain == 3)} had class 3 as the highest logit; with weight 9 "
            f"it is decided {np.sum(given == 3)} times."
        )
    seen = f"{np.sum(given != expected)} of 400 decisions differ from argmax of p × weight."
    cases = (
        (logits.argmax(axis=1), "class-weights-ignored", "Yours are those without weights."),
        (
            (logits * weights).argmax(axis=1),
            None,
            "Yours multiply the logits: a negative logit then sinks further. Weights are factors "
            "of probabilities.",
        ),
        (
            (logits + weights).argmax(axis=1),
            None,
            "Yours add the weights themselves; a factor of the probability is a logarithm in the "
            "logit.",
        ),
        (
            (logits - np.log(weights)).argmax(axis=1),
            None,
            "Yours divide by the weights: the sign of the logarithm is turned round.",
        ),
        (
            (reference.log_softmax(logits) * weights).argmax(axis=1),
            None,
            "Yours multiply log-probabilities, which are negative: a heavy class sinks.",
        ),
    )
    for other, pitfall, text in cases:
        if np.mean(given == other) > 0.995:
            return incorrect(f"{seen} {text}", pitfall)
    return incorrect(seen)


def _few(values) -> str:
    return "(" + ", ".join(f"{v:.3g}" for v in values) + ")"


# d · Two outputs, two classes

EPOCHS, RATE, BATCH = 3, 0.05, 64  # plain SGD; the grader's images are one batch


def _grade_weighted_fit(answer):
    expect_function(answer, "weighted_fit")
    split = data.rare_digits("rows", seed=3)
    x, y = split.x_train[:BATCH], [(split.y_train[:BATCH] == k).astype(int) for k in (1, 2)]
    class_weight = {0: 0.7, 1: 5.0}
    model = _two_heads()
    start = model.get_weights()
    told = call(answer, model, x, y, class_weight, epochs=EPOCHS)
    reported = numbers(told, EPOCHS, f"the loss of each of {EPOCHS} epochs")
    table = np.array([class_weight[0], class_weight[1]])

    def loss_of(weights, scales=(1.0, 1.0)):
        parts = zip(y, weights, scales, (start[:2], start[2:]), strict=True)
        return np.sum([_descend(x, *part) for part in parts], axis=0)

    truth = loss_of([table[labels] for labels in y])
    if np.allclose(reported, truth, atol=NEAR):
        return correct(
            f"On other images, with weights {table[0]} and {table[1]}, the loss is the sum over "
            f"both questions of the mean of weight × loss, {truth[0]:.3f}, and the steps follow "
            "it: a rare image counts, in the question where it is rare."
        )
    return _wrong_weights(reported, truth, _other_weights(loss_of, y, table))


def _wrong_weights(reported, truth, others):
    seen = f"In epoch 1 the weighted loss of both questions is {truth[0]:.3f}; you report"
    seen = f"{seen} {reported[0]:.3f}."
    for pitfall, text, losses in others:
        if np.allclose(reported, losses, atol=NEAR):
            return incorrect(f"{seen} {text}", pitfall)
    if abs(reported[0] - truth[0]) < NEAR:
        return incorrect(
            f"The loss of epoch 1 is right, {truth[0]:.3f}. But then it should be {truth[1]:.3f}, "
            f"and is {reported[1]:.3f}: keep SGD({RATE}) and batches of {BATCH}."
        )
    return incorrect(f"{seen} Which images enter with which weight, in which question?")


def _other_weights(loss_of, y, table):
    """Yield (pitfall, text, losses) of the known ways to get it wrong."""
    ones, right, misuse = np.ones((2, len(y[0]))), [table[k] for k in y], "loss-weights-misuse"
    twice = f"loss_weights still weighs a whole question {table[1]} times, rare image or not."
    for scales in (table, table[::-1]):
        yield misuse, f"Yours has no class weights: {twice}", loss_of(ones, scales)
        yield misuse, f"The class weights have arrived, but {twice}", loss_of(right, scales)
    everything = "All images weigh alike: that is a longer step, and no class weight."
    yield misuse, everything, loss_of(ones, table[[1, 1]])
    yield "class-weights-ignored", "Yours has no weights in it.", loss_of(ones)
    shared = (
        "One array of weights goes to both questions: an image then weighs as much in the question "
        "where it is common. Give fit one array for each output."
    )
    for weights in (*right, np.maximum(*right), right[0] * right[1]):
        yield None, shared, loss_of([weights, weights])
    by_sum = "Yours divides by the sum of the weights; Keras divides by the number of examples."
    yield "class-weights-scale", by_sum, loss_of([w / w.mean() for w in right])
    halved = "That is the mean of the two questions' losses; fit adds them."
    yield None, halved, loss_of(right) / 2
    yield None, halved, loss_of(right, (0.5, 0.5))


def _descend(x, y, weights, scale, start):
    """Return a softmax regression's loss at each epoch, by exact gradient descent."""
    kernel, bias = (np.array(v, np.float64) for v in start)
    losses = []
    for _ in range(EPOCHS):
        logits, w = x @ kernel + bias, scale * weights
        losses.append((w * reference.cross_entropy(y, logits)).mean())
        delta = w[:, None] * (reference.softmax(logits) - np.eye(2)[y]) / len(y)
        kernel, bias = kernel - RATE * x.T @ delta, bias - RATE * delta.sum(axis=0)
    return np.array(losses)


def _two_heads():
    import keras

    keras.utils.set_random_seed(14)
    rows = keras.Input((8,))
    return keras.Model(rows, [keras.layers.Dense(2, name=name)(rows) for name in ("eight", "nine")])


EXERCISES = (
    Exercise(
        "14-a",
        "Mend a loop",
        (
            "What is int(0.75)? Print weight_of.",
            "What is the shape of tf.gather(weight_of, y_true), and of losses? And of the product?",
            "A Keras loss object takes sample_weight of shape (B,).",
        ),
        _grade_mended,
    ),
    Exercise(
        "14-b",
        "Balanced weights",
        (
            "np.bincount wants integers in one row; minlength keeps the classes at the end.",
            "The sum over the examples is n when each class that is present contributes n / K, "
            "with K such classes.",
        ),
        _grade_balanced,
    ),
    Exercise(
        "14-c",
        "Ask the plain model",
        (
            "Weights multiply probabilities. Which class has the highest p × w?",
            "The logarithm keeps the order: ln (p × w) = ln p + ln w.",
        ),
        _grade_decision,
    ),
    Exercise(
        "14-d",
        "Two outputs, two classes",
        (
            "What does loss_weights multiply: an image, or a whole question?",
            "fit takes class_weight for one output only. But sample_weight may be a list, one "
            "array for each output.",
            "np.take([class_weight[0], class_weight[1]], y[0]) are the weights of the first "
            "question.",
        ),
        _grade_weighted_fit,
    ),
)

PREDICTIONS = (
    Prediction(
        "14-p1",
        "The loss of the run with balanced weights will be …",
        choices=("higher", "the same", "lower"),
    ),
    Prediction(
        "14-p2",
        "In how many of 16 cases has the weighted model the higher precision?",
        "cases",
        tolerance=0.5,
    ),
)
