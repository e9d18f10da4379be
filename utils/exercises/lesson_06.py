"""Graders of lesson 06, unstable softmax."""

import numpy as np

from .. import data, reference
from .engine import Exercise, Unusable, call, correct, describe, expect_function, incorrect
from .judging import are_probabilities, call_for_model_and_loss, numbers
from .mending import scalar
from .predictions import Prediction

CLIP = 1e-7
LARGEST_CLIPPED = float(-np.log(CLIP))


# a · Mend a loop


def _grade_mended(answer):
    expect_function(answer, "mended")
    split = data.digits(seed=6)
    keep = split.y_train > 5
    x, y = split.x_train[keep] * 255, split.y_train[keep] - 6
    model, loss_fn = call_for_model_and_loss(answer, x, y, num_classes=4)
    outputs = np.asarray(model(x))
    if outputs.shape != (len(x), 4):
        raise Unusable(
            f"The model should return shape ({len(x)}, 4); it returns {tuple(outputs.shape)}."
        )
    if np.isnan(outputs).any():
        return incorrect(
            "After training, the model returns NaN; its accuracy is the share of class 0, "
            f"{np.mean(y == 0):.2f}.",
            "nan-scores",
        )
    learned = reference.accuracy(y, outputs)
    # Images far outside of the training data: the scores are thousands apart.
    far, wrong_y = x[:64] * 100, (np.argmax(np.asarray(model(x[:64])), axis=-1) + 1) % 4
    for images, labels in ((x, y), (far, wrong_y)):
        complaint = _judge_loss(model, loss_fn, images, labels)
        if complaint is not None:
            return complaint
    if learned < 0.9:
        return incorrect(
            f"The loss is true now, but the model has not learned: accuracy {learned:.2f} on the "
            "data it was trained on. Change as little of the loop as possible."
        )
    return correct(
        "On unscaled digits 6 to 9, and on scores that are thousands apart, your loss is the true "
        f"cross-entropy and its gradient is alive. Accuracy {learned:.2f}."
    )


def _judge_loss(model, loss_fn, x, y):
    """Return what is wrong with the loss of these images, or None."""
    import tensorflow as tf

    outputs = model(x)
    # Keras' softmax hands its logits on; then the loss in the loop is exact.
    logits = getattr(outputs, "_keras_logits", None)
    if logits is None and not are_probabilities(outputs):
        logits = outputs
    reported = scalar(loss_fn(y, outputs))
    spread = float(np.ptp(np.asarray(outputs if logits is None else logits), axis=-1).max())
    told = f"For scores up to {spread:.0f} apart the loss reports {reported:.2f}"
    if logits is None:
        if np.isfinite(reported) and reported <= LARGEST_CLIPPED + 0.1 and spread < 0.99:
            return None
        return incorrect(
            "The model returns probabilities without their logits: the loss reports "
            f"{reported:.2f}, and cannot exceed {LARGEST_CLIPPED:.2f} however wrong the model is. "
            "Hand the loss logits.",
            "unstable-softmax",
        )
    truth = float(reference.cross_entropy(y, np.asarray(logits)).mean())
    if not np.isfinite(reported):
        return incorrect(f"{told}; the true cross-entropy is {truth:.2f}.", "unstable-softmax")
    if abs(reported - truth) > 0.02 + 0.001 * truth:
        return incorrect(
            f"{told}; the true cross-entropy is {truth:.2f}. Something still clips: an epsilon in "
            "the log, a clipped score, or a NaN replaced by a number.",
            "unstable-softmax",
        )
    with tf.GradientTape() as tape:
        tape.watch(outputs)
        loss = loss_fn(y, outputs)
    gradient = tape.gradient(loss, outputs)
    if gradient is None:
        return None
    gradient = np.asarray(gradient)
    hard = reference.cross_entropy(y, np.asarray(logits)) > 1
    if not np.isfinite(gradient).all() or (np.abs(gradient[hard]).max(axis=-1) == 0).any():
        return incorrect(
            f"{told}, which is right, but its gradient holds NaN, or is zero for images that are "
            "wrong. Those teach nothing.",
            "unstable-softmax",
        )
    return None


# b · Log-softmax


def _probes():
    rng = np.random.default_rng(6)
    return {
        "ordinary scores": rng.normal(size=(5, 4)),
        "scores around 1000": 1000 + rng.normal(size=(5, 4)) * 3,
        "scores around −1000": -1000 + rng.normal(size=(5, 4)) * 3,
        "scores 500 apart": np.array([[0.0, 500.0, -500.0], [250.0, -250.0, 0.0]]),
        "equal scores": np.zeros((2, 10)),
    }


def _grade_log_softmax(answer):
    expect_function(answer, "my_log_softmax")
    for what, z in _probes().items():
        z = z.astype(np.float32)
        with np.errstate(all="ignore"):
            given = call(answer, z.copy())
        try:
            given = np.asarray(given, np.float64)
        except (TypeError, ValueError):
            raise Unusable(f"Expected an array; got {describe(given)}.") from None
        if given.shape != z.shape:
            raise Unusable(f"For shape {z.shape} you return shape {given.shape}; keep the shape.")
        right = reference.log_softmax(z)
        if not np.allclose(given, right, atol=1e-3):
            return _wrong_log_softmax(what, z.astype(np.float64), given, right)
    return correct(
        "Right for scores around 1000, around −1000 and 500 apart; exp of your rows sums to one."
    )


def _wrong_log_softmax(what, z, given, right):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    if np.allclose(given, e / e.sum(axis=-1, keepdims=True), atol=1e-3):
        return incorrect("That is the softmax. Its logarithm is asked for.")
    if np.allclose(given, -right, atol=1e-3):
        return incorrect("That is −log p. The logarithm itself is asked for, at most 0.")
    if np.allclose(given, z - z.max(axis=-1, keepdims=True), atol=1e-3):
        return incorrect("You have shifted the scores; the log of the sum is still missing.")
    if what == "ordinary scores":
        over = np.exp(z - z.max()).sum()
        if np.allclose(given, z - z.max() - np.log(over), atol=1e-3):
            return incorrect("Your sum runs over the whole batch. Sum over the last axis only.")
        return incorrect(
            f"For {what} exp of your rows sums to {np.exp(given).sum(axis=-1).mean():.3f}, not 1."
        )
    if not np.isfinite(given).all():
        why = (
            "exp of a score overflows, or of all of them vanishes: subtract the largest first"
            if what.startswith("scores around")
            else "a probability is 0 before you take its log: take the log on paper first"
        )
        return incorrect(f"For {what} you return NaN or infinity: {why}.", "unstable-softmax")
    worst = np.abs(given - right).max()
    return incorrect(
        f"For {what} you are {worst:.1f} off: {right.min():.1f} to {right.max():.1f} is right, "
        f"you return {given.min():.1f} to {given.max():.1f}. Is something clipped?",
        "unstable-softmax",
    )


# c · Dead or only dull?


def _material():
    """Return accuracies of three runs on wine: A predicts the commonest class, B dies, C learns.

    The runs are softmax regression in NumPy. A sees no features; B has a step that
    grows, until its softmax by hand overflows; C has a small step.
    """
    split = data.wine(seed=6)
    x, y = split.x_train.astype(np.float32), split.y_train
    curves = {
        "A": _descend(x * 0, y, 0.3, reference.softmax),
        "B": _descend(x * 3, y, 0.01, _softmax_by_hand, growth=2.5),
        "C": _descend(x, y, 0.02, reference.softmax),
    }
    # Fewer of class 0 in the test set, so that its share there is a figure of its own.
    zeros = np.cumsum(split.y_test == 0) * (split.y_test == 0)
    return {"curves": curves, "y_train": y, "y_test": split.y_test[zeros <= 8]}


def _softmax_by_hand(z):
    with np.errstate(all="ignore"):
        e = np.exp(z.astype(np.float32))
        return e / e.sum(axis=-1, keepdims=True)


def _descend(x, y, step, softmax, *, growth=1.0, epochs=14):
    rng = np.random.default_rng(1)
    weights = rng.normal(0, 0.3, (x.shape[1] + 1, 3)).astype(np.float32)
    weights[-1] = 0
    x, target = np.c_[x, np.ones(len(x), np.float32)], np.eye(3, dtype=np.float32)[y]
    accuracies = []
    for _ in range(epochs):
        accuracies.append(reference.accuracy(y, x @ weights))
        weights = weights - step * x.T @ (softmax(x @ weights) - target) / len(x)
        step *= growth
    return accuracies


def _grade_dead(answer):
    what = 'a pair such as ("A", 0.5): the letter and the accuracy on the test set'
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise Unusable(f"Expected {what}.")
    material = _material()
    y_train, y_test = material["y_train"], material["y_test"]
    letter = str(answer[0]).strip().upper()
    (accuracy,) = numbers([answer[1]], 1, what)
    if letter not in material["curves"]:
        raise Unusable(f"Expected {what}; the letters are A, B, C.")
    if letter == "A":
        return incorrect(
            f"A stands at {np.mean(y_train == 1):.3f}, the share of class 1: it predicts the "
            "commonest class. That is dull, but its numbers are alive. argmax of NaN is another "
            "class."
        )
    if letter == "C":
        return incorrect("C still changes from epoch to epoch. NaN does not.")
    right = float(np.mean(y_test == 0))
    if abs(accuracy - right) < 0.005:
        return correct(
            f"B falls to {np.mean(y_train == 0):.3f}, the share of class 0 in the training set, "
            f"and stays. On the test set it is the share there, {right:.3f}."
        )
    known = (
        (np.mean(y_train == 0), "that is the share in the training set"),
        (1 / 3, "NaN does not guess, it always says class 0"),
        (0.0, "argmax of NaN is a class, and sometimes it is the right one"),
        (np.mean(y_test == 1), "that is the share of class 1"),
    )
    why = next((text for value, text in known if abs(accuracy - value) < 0.002), None)
    return incorrect(
        f"B it is. But it will not show {accuracy:.3f}"
        + (f": {why}." if why else ". Which class is the argmax of a row of NaN?"),
        "nan-scores",
    )


# d · A test for half precision


def _suspects():
    """Return models with random weights by name, and whether their softmax is in half precision.

    Hidden layers, last layers and policies differ; each model ends in probabilities or
    in float32 logits.
    """
    from keras import layers

    def dense(dtype, activation=None):
        return layers.Dense(10, activation=activation, dtype=dtype)

    cast = layers.Activation("linear", dtype="float32")
    f16, bf16 = "mixed_float16", "mixed_bfloat16"
    return {
        "all in float32": (_stack("float32", dense("float32", "softmax")), False),
        "softmax in float16": (_stack(f16, dense(f16, "softmax")), True),
        "softmax in bfloat16": (_stack(bf16, dense(bf16, "softmax")), True),
        "float16, then softmax in float32": (_stack(f16, dense("float32", "softmax")), False),
        "bfloat16, then logits in float32": (_stack(bf16, dense("float32")), False),
        "logits in float16, softmax layer in float32": (
            _stack(f16, dense(f16), layers.Softmax(dtype="float32")),
            False,
        ),
        "softmax in float16, cast to float32": (_stack(f16, dense(f16, "softmax"), cast), True),
        "softmax layer in bfloat16, cast to float32": (
            _stack(bf16, dense(bf16), layers.Softmax(dtype=bf16), cast),
            True,
        ),
    }


def _stack(hidden, *last):
    import keras

    keras.utils.set_random_seed(16)
    first = keras.layers.Dense(16, activation="relu", dtype=hidden)
    return keras.Sequential([keras.layers.Input((64,)), first, *last])


def _grade_half_test(answer):
    expect_function(answer, "softmax_in_half")
    x = data.digits(seed=16).x_test[:64] * 16  # scores that are far apart
    suspects = _suspects()
    given = {name: _verdict(call(answer, model, x)) for name, (model, _) in suspects.items()}
    wrong = [name for name, (_, sick) in suspects.items() if given[name] != sick]
    if not wrong:
        return correct(
            f"All {len(suspects)} models, also those that cast their output. A test by the numbers "
            "wants images of which the model is not certain: 0 and 1 survive every cast."
        )
    if len(set(given.values())) == 1:
        said = next(iter(given.values()))
        return incorrect(
            f"You say {said} of all {len(suspects)} models. "
            + (
                "Some compute a part of the hidden work in half, and that is fine."
                if said
                else "`layer.dtype` and the weights are float32 under mixed precision, too, and "
                "the global policy says nothing about a layer with one of its own. In what is "
                "the softmax computed?"
            ),
            "half-precision-softmax",
        )
    name = wrong[0]
    return incorrect(
        f"{len(suspects) - len(wrong)} of {len(suspects)}. You say {given[name]} of the model "
        f"“{name}”. {_clue(name, suspects[name][1])}",
        "half-precision-softmax",
    )


def _verdict(value):
    verdict = np.asarray(value)
    if verdict.shape != () or verdict.dtype != bool:
        raise Unusable(f"Return True or False. You returned {describe(value)}.")
    return bool(verdict)


def _clue(name, sick):
    if not sick:
        return "Only the softmax has to be in float32: a hidden layer may compute in half."
    if "cast" in name:
        return (
            "It returns float32, but the numbers were rounded before: a cast brings back neither "
            "their digits nor the logits."
        )
    return "There are two kinds of half precision, and this one keeps even fewer digits."


EXERCISES = (
    Exercise(
        "06-a",
        "Mend a loop",
        (
            "Which lines of loss_fn change the score or the probability that they are given?",
            "Clip, exp, sum, log and epsilon can all go: one built-in loss does their work.",
            "SparseCategoricalCrossentropy(from_logits=True), and nothing else.",
        ),
        _grade_mended,
    ),
    Exercise(
        "06-b",
        "Log-softmax",
        (
            "What happens to softmax when the same number is subtracted from every score?",
            "Subtract each row's largest score; use keepdims=True.",
            "log(exp(a) / s) is a − log(s). Never compute the quotient.",
        ),
        _grade_log_softmax,
    ),
    Exercise(
        "06-c",
        "Dead or only dull?",
        (
            "Which class does argmax give for a row of NaN?",
            "Compare each level line with the share of one class.",
        ),
        _grade_dead,
        _material,
    ),
    Exercise(
        "06-d",
        "A test for half precision",
        (
            "What happens to a float16 number that is cast to float32 and back? And to a float32 "
            "number that is cast to float16 and back?",
            "p == tf.cast(tf.cast(p, tf.float16), tf.float32) is true everywhere only if p holds "
            "no more digits than float16 has. Do the same with bfloat16.",
            "By the layers it goes too: find the one that holds the softmax; its compute_dtype "
            "counts, not its dtype.",
        ),
        _grade_half_test,
    ),
)

PREDICTIONS = (
    Prediction("06-p1", "Which accuracy will it report in the last epoch?", tolerance=0.02),
    Prediction(
        "06-p2", "What loss does Keras compute from the probabilities?", "nats", tolerance=0.2
    ),
)
