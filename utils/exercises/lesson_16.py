"""Graders of lesson 16, the loop's mechanics."""

from collections.abc import Mapping
from functools import cache, partial

import numpy as np

from .. import data
from . import loop_patients
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
from .judging import numbers
from .predictions import Prediction

NEAR = 1e-4  # of weights and losses; float32 sums in another order differ by 1e-6
EPOCHS, BATCH, RATE = 2, 40, 0.05  # 112 flowers: the last batch has 32


# a · Mend a loop


def _grade_mended(answer):
    expect_function(answer, "mended")
    split = data.iris(seed=16)
    truth, faults = _signatures()
    model = _penalised_model()
    told = call(
        answer, model, split.x_train, split.y_train, batch_size=BATCH, epochs=EPOCHS, rate=RATE
    )
    what = f"the loss of each of the {EPOCHS} epochs"
    try:
        told = list(told)
    except TypeError:
        raise Unusable(f"Return {what}. Yours returned {describe(told)}.") from None
    reported = numbers(told, EPOCHS, what)
    weights = _flat(model)
    if not np.allclose(weights, truth["weights"], atol=NEAR):
        return _wrong_weights(weights, truth["weights"], faults)
    if not np.allclose(reported, truth["reported"], atol=1e-3):
        return _wrong_report(reported, truth)
    return correct(
        f"On the iris data, in batches of {BATCH} with a short last one and an L2 penalty, weights "
        f"and reported loss are those of fit; the last epoch reports {reported[-1]:.3f}."
    )


def _wrong_weights(weights, right, faults):
    apart = float(np.abs(weights - right).max())
    seen = f"The weights are up to {apart:.2g} away from those that fit gives."
    if np.array_equal(weights, _flat(_penalised_model())):
        return incorrect("The weights have not moved at all.", "gradients-none")
    for pitfall, text, signature in faults:
        if np.allclose(weights, signature, atol=NEAR):
            return incorrect(f"{seen} {text}", pitfall)
    return incorrect(
        f"{seen} Same optimizer (SGD), same batches in the same order, the mean over the batch, "
        "the penalty once: which of these is different?"
    )


def _wrong_report(reported, truth):
    seen = (
        f"The weights are right. But you report {', '.join(f'{v:.3f}' for v in reported)}; "
        f"fit reports {', '.join(f'{v:.3f}' for v in truth['reported'])}."
    )
    for pitfall, text, signature in truth["other reports"]:
        if np.allclose(reported, signature, atol=1e-3):
            return incorrect(f"{seen} {text}", pitfall)
    return incorrect(f"{seen} It is the mean over the examples of the epoch, penalty included.")


def _penalised_model():
    import keras

    keras.utils.set_random_seed(16)
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(6, "tanh", kernel_regularizer=keras.regularizers.L2(0.05)),
            keras.layers.Dense(3, kernel_regularizer=keras.regularizers.L2(0.02)),
        ]
    )


def _flat(model) -> np.ndarray:
    return np.concatenate([np.asarray(w).reshape(-1) for w in model.get_weights()])


def _descend(objective, rate=RATE):
    """Train with a given objective; return weights, and per epoch (loss, penalty, size)s."""
    import keras
    import tensorflow as tf

    split = data.iris(seed=16)
    x, y = split.x_train, split.y_train
    model, optimizer = _penalised_model(), keras.optimizers.SGD(rate)
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")
    epochs = []
    for _ in range(EPOCHS):
        seen = []
        for start in range(0, len(x), BATCH):
            xb, yb = x[start : start + BATCH], y[start : start + BATCH]
            with tf.GradientTape() as tape:
                each = loss_fn(yb, model(xb, training=True))
                penalty = tf.add_n(model.losses)
                loss = objective(each, penalty)
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
            seen.append((float(tf.reduce_mean(each)), float(penalty), len(xb)))
        epochs.append(np.array(seen))
    return _flat(model), epochs


@cache
def _signatures():
    """Return what fit does, and what each known fault would do."""
    import tensorflow as tf

    mean, total = tf.reduce_mean, tf.reduce_sum
    weights, epochs = _descend(lambda each, penalty: mean(each) + penalty)
    data_only = [np.average(e[:, 0], weights=e[:, 2]) for e in epochs]
    truth = {
        "weights": weights,
        "reported": [np.average(e[:, 0] + e[:, 1], weights=e[:, 2]) for e in epochs],
        "other reports": [
            (None, "That is the cross-entropy alone, without the penalty.", data_only),
            (
                "ragged-batch",
                "That is the mean of the batches' means: the last batch is smaller.",
                [(e[:, 0] + e[:, 1]).mean() for e in epochs],
            ),
            (
                "last-batch-metric",
                "That is the last batch alone.",
                [e[-1, 0] + e[-1, 1] for e in epochs],
            ),
            (
                "summed-loss",
                "That is a sum over the batches, not divided by their number.",
                [(e[:, 0] + e[:, 1]).sum() for e in epochs],
            ),
        ],
    }
    vector, forgotten = "vector-loss", "missing-regularisation"
    known = (
        (forgotten, "Without model.losses inside the tape.", lambda e, p: mean(e), RATE),
        (
            vector,
            "The tape still differentiates a sum over the batch.",
            lambda e, p: total(e),
            RATE,
        ),
        (
            vector,
            "The penalty is counted once, but the losses of the batch are still added up.",
            lambda e, p: total(e) + p,
            RATE,
        ),
        (
            vector,
            "The penalty was added to a vector: it is counted once for every example.",
            lambda e, p: total(e + p),
            RATE,
        ),
        (
            vector,
            "A rate divided by the batch size is right for full batches only; the last is shorter. "
            "Average in the tape instead.",
            lambda e, p: total(e + p),
            RATE / BATCH,
        ),
        (
            vector,
            "A loss divided by the batch size is right for full batches only; the last is shorter.",
            lambda e, p: total(e) / BATCH + p,
            RATE,
        ),
        (forgotten, "The penalty is counted twice.", lambda e, p: mean(e) + 2 * p, RATE),
    )
    return truth, [(name, text, _descend(f, rate)[0]) for name, text, f, rate in known]


# b · Four black boxes


RIGHT = {
    "mispaired-gradients": "A",
    "missing-regularisation": "B",
    "healthy": "C",
    "vector-loss": "D",
}


def _boxes():
    return {
        "steps": {
            "A": partial(loop_patients.step, swap=True),
            "B": partial(loop_patients.step, penalised=False),
            "C": partial(loop_patients.step),
            "D": partial(loop_patients.step, reduction="none"),
        },
        "model": loop_patients.towers,
    }


TELLS = {
    "A": "Without a penalty, A's step falls short of what its gradient promises.",
    "B": "Without a penalty, B's ratio is 1; with a strong one it is near 0.",
    "C": "C's ratio is 1 with and without a penalty.",
    "D": "D's ratio is tens of times too high.",
}


def _grade_boxes(answer):
    what = f"a dictionary with a letter for each of: {', '.join(sorted(RIGHT))}"
    if not isinstance(answer, Mapping):
        raise Unusable(f"Expected {what}. You gave {describe(answer)}.")
    given = {str(k).strip().lower(): str(v).strip().upper() for k, v in answer.items()}
    if set(given) != set(RIGHT) or not set(given.values()) <= set("ABCD"):
        raise Unusable(f"Expected {what}; the letters are A, B, C and D.")
    wrong = [name for name in RIGHT if given[name] != RIGHT[name]]
    if not wrong:
        return correct("All four, without having read a line: " + " ".join(TELLS.values()))
    name = wrong[0]
    return incorrect(
        f"“{name}” is not {given[name]}. {TELLS[given[name]]} Measure again, with l2=0.0 and "
        "with l2=1.0.",
        None if name == "healthy" else name,
    )


# c · Who is not reached?


def _grade_unreached(answer):
    expect_function(answer, "unreached")
    for name, model, loss_of, missing in loop_patients.unreached():
        given = call(answer, model, loss_of)
        if isinstance(given, str) or not isinstance(given, list | tuple | set | frozenset):
            raise Unusable(f"Return a list of paths. Yours returned {describe(given)}.")
        if complaint := _judge_paths(name, model, [str(p) for p in given], missing):
            return complaint
    return correct(
        "Right for a healthy model, a relu that is off, a frozen layer, a cut after the first "
        "layer, and a loss that no gradient passes."
    )


def _judge_paths(name, model, given, missing):
    if sorted(given) == sorted(missing):
        return None
    known = {v.path for v in model.variables}
    if unknown := [p for p in given if p not in known]:
        return incorrect(
            f"With {name}, {unknown[0]!r} is no path of a variable of the model. Use v.path: names "
            "such as 'kernel' are not unique."
        )
    trainable = {v.path for v in model.trainable_variables}
    if idle := [p for p in given if p not in trainable]:
        return incorrect(
            f"With {name}, {idle[0]} is listed, but it is not trainable: no gradient is wanted. "
            "Use model.trainable_variables."
        )
    if extra := [p for p in given if p not in missing]:
        return incorrect(
            f"With {name}, {extra[0]} is listed, but the loss does reach it. A gradient of zeros "
            "is a gradient; None is not."
        )
    return incorrect(
        f"With {name}, {len(missing)} variables are not reached; you list {len(given)}: "
        f"{sorted(set(missing) - set(given))[0]} is missing.",
        "gradients-none",
    )


# d · A test for “none”


def _grade_per_example(answer):
    expect_function(answer, "is_per_example")
    verdicts = {True: set(), False: set()}
    for trial in loop_patients.trials():
        if _verdict(answer, trial) != trial.healthy:
            return _wrong_verdict(trial)
        verdicts[trial.healthy].add(trial.name)
    return correct(
        f"Your test tells {len(verdicts[True])} healthy loss functions from "
        f"{len(verdicts[False])} sick ones, with 20 flowers, with a model that knows nothing, and "
        "with a single flower."
    )


def _verdict(answer, trial):
    try:
        value = call(answer, trial.loss_fn, trial.y.copy(), trial.probabilities.copy())
    except NotAttempted:
        raise
    except Exception as error:
        text = (str(error).strip().splitlines() or [""])[0]
        raise Unusable(
            f"With {trial.name} and {trial.case} your test raises {type(error).__name__}: "
            f"{text[:160]}. Not every loss is an object with settings, and not every loss returns "
            "a vector: judge what it returns, shape first."
        ) from None
    found = np.asarray(value)
    if found.shape != () or found.dtype != bool:
        raise Unusable(f"Return True or False. Yours returned {describe(value)}.")
    return bool(found)


def _wrong_verdict(trial):
    given, wanted = trial.given, trial.wanted
    if trial.healthy:
        return incorrect(
            f"With {trial.case} your test refuses {trial.name}. It returns the cross-entropy of "
            f"each example, shape {wanted.shape}. Judge what a loss returns, not how it was made."
        )
    seen = f"With {trial.case} your test lets {trial.name} pass."
    pitfall = "positional-reduction" if '("none"' in trial.name else None
    if given.shape == wanted.shape:
        return incorrect(
            f"{seen} The shape is right, {given.shape}. But the mean is {given.mean():.3f}, and "
            f"the cross-entropy {wanted.mean():.3f}: the first “none” is still taken for "
            "from_logits, so that a second softmax is at work. Compare the values too.",
            pitfall,
        )
    if given.shape:
        return incorrect(
            f"{seen} It returns a table of shape {given.shape}, every example with every label; "
            f"{wanted.shape} is wanted.",
            pitfall,
        )
    why = " The first argument is from_logits, so the mean is still taken." if pitfall else ""
    if np.allclose(given, wanted, atol=NEAR):
        why += " One number agrees with every entry of a vector it equals: compare the shapes too."
    return incorrect(
        f"{seen} It returns one number, {float(given):.3f}; shape {wanted.shape} is wanted.{why}",
        pitfall,
    )


EXERCISES = (
    Exercise(
        "16-a",
        "Mend a loop",
        (
            "Print loss.shape inside the tape. What does the tape do with it?",
            "The model has a regulariser. Who adds its penalty to the loss?",
            "One line: the mean over the batch plus sum(model.losses). Then let the report weigh "
            "each batch by its size.",
        ),
        _grade_mended,
    ),
    Exercise(
        "16-b",
        "Four black boxes",
        (
            "Measure one_step(box, make_model(l2=0.0), x, y) for all four. Two are 1.",
            "The two that are 1 differ when the penalty is strong: l2=1.0.",
        ),
        _grade_boxes,
        _boxes,
    ),
    Exercise(
        "16-c",
        "Who is not reached?",
        (
            "Call loss_of(model) inside a GradientTape.",
            "tape.gradient gives None for a variable that the loss does not reach.",
            "Ask for model.trainable_variables, and keep those whose gradient is None.",
        ),
        _grade_unreached,
    ),
    Exercise(
        "16-d",
        "A test for “none”",
        (
            "What is the shape of by_position(y_batch, probabilities), and of by_name(...)?",
            "The right shape is not enough: one word too many leaves a second softmax behind. "
            "reference.cross_entropy_from_probabilities gives what the loss should be.",
            "np.allclose compares one number with a whole vector. Look at the shapes first.",
        ),
        _grade_per_example,
    ),
)

PREDICTIONS = (
    Prediction(
        "16-p1", "How many times as long is the gradient of the vector?", "times", tolerance=1.0
    ),
    Prediction(
        "16-p2",
        "How long is the kernel of the model with the penalty, beside the one without?",
        choices=("shorter", "equal", "longer"),
    ),
)
