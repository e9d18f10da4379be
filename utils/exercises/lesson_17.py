"""Graders of lesson 17, graph mode and speed."""

from collections.abc import Mapping
from functools import cache

import numpy as np

from .. import data
from .engine import Exercise, Unusable, call, correct, describe, expect_function, incorrect
from .judging import numbers
from .predictions import Prediction

NEAR = 1e-4  # of weights and losses; another order of float32 sums gives 1e-6
BATCH, EPOCHS = 48, 3  # 112 flowers: batches of 48, 48 and 16
RATE, WARM_UP = 0.3, 5
FEW = 4  # times that Python may run a model's call: a trace for each of two shapes, and to spare


# A model that notes when Python runs it


def _noting_model():
    """Return a small model and the list in which each Python run of its call is noted.

    An entry says whether the run was a trace (True) or an eager step (False).
    """
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(17)
    runs = []

    class Noting(keras.Model):
        def __init__(self):
            super().__init__()
            self.hidden = keras.layers.Dense(6, activation="tanh")
            self.scores = keras.layers.Dense(3)

        def call(self, x):
            runs.append(not tf.executing_eagerly())
            return self.scores(self.hidden(x))

    model = Noting()
    model(np.zeros((1, 4), np.float32))
    runs.clear()
    return model, runs


def _batches():
    import tensorflow as tf

    split = data.iris(seed=17)
    return tf.data.Dataset.from_tensor_slices((split.x_train, split.y_train)).batch(BATCH)


def _flat(model) -> np.ndarray:
    return np.concatenate([np.asarray(w).reshape(-1) for w in model.get_weights()])


def _not_compiled_once(runs):
    """Return what is wrong with the way Python ran, or None."""
    if not any(runs):
        return incorrect(
            f"Every figure is right, but nothing is compiled: Python ran the model {len(runs)} "
            "times, once for each step. Keep @tf.function."
        )
    if sum(runs) > FEW:
        return incorrect(
            f"Every figure is right, but the step was traced {sum(runs)} times. What is handed in "
            "as a Python number is a new kind of argument each time; or is the function made anew?",
            "retracing",
        )
    return None


# a · Mend a loop


def _grade_mended(answer):
    expect_function(answer, "mended")
    model, runs = _noting_model()
    given = call(answer, model, _batches(), epochs=EPOCHS, rate=RATE, warm_up=WARM_UP)
    log = _log(given)
    weights, right, faults = _truth()
    if complaint := _judge_log(log, right) or _judge_weights(_flat(model), weights, faults):
        return complaint
    if complaint := _not_compiled_once(runs):
        return complaint
    return correct(
        f"On the iris data, with a short last batch, log and weights are those of an eager loop, "
        f"and in {EPOCHS * 3} steps Python ran {len(runs)} time{'s' * (len(runs) != 1)}."
    )


def _log(value):
    what = f"one dictionary with steps, rate and loss for each of the {EPOCHS} epochs"
    if isinstance(value, Mapping) or not hasattr(value, "__iter__"):
        raise Unusable(f"Return {what}. Yours returned {describe(value)}.")
    entries = list(value)
    names = ("steps", "rate", "loss")
    if len(entries) != EPOCHS or not all(
        isinstance(entry, Mapping) and set(names) <= set(entry) for entry in entries
    ):
        raise Unusable(f"Return {what}. Yours has {len(entries)} entries.")
    return {name: np.array(numbers([e[name] for e in entries], EPOCHS, what)) for name in names}


def _judge_log(log, right):
    for name, known in (
        ("steps", ((right["steps so far"], "That counts from the beginning of the run.", None),)),
        (
            "rate",
            (
                (right["rate of the trace"], _FROZEN, "python-side-effects"),
                (right["next rate"], "That is the rate of the next step.", None),
                (right["rate before"], "The first step has rate × 1 / warm_up.", None),
            ),
        ),
        (
            "loss",
            (
                (right["last loss"], "That is the last batch alone.", "last-batch-metric"),
                (right["loss per example"], "That is the mean over examples; asked for is the mean "
                 "over steps.", None),
            ),
        ),
    ):  # fmt: skip
        if np.allclose(log[name], right[name], atol=NEAR):
            continue
        seen = f"Your log says for {name}: {_row(log[name])}; right is {_row(right[name])}."
        for signature, text, pitfall in known:
            if np.allclose(log[name], signature, atol=NEAR):
                return incorrect(f"{seen} {text}", pitfall)
        if name == "steps" and log[name].sum() <= FEW:
            return incorrect(
                f"{seen} Python counts traces, not steps: put the count into a tf.Variable, or "
                "count outside of the step.",
                "python-side-effects",
            )
        if name == "loss":
            return incorrect(f"{seen} Are the steps taken at the right rate?")
        return incorrect(seen)
    return None


_FROZEN = "That rate was computed while the step was traced, and frozen there."


def _judge_weights(weights, right, faults):
    if np.allclose(weights, right, atol=NEAR):
        return None
    apart = float(np.abs(weights - right).max())
    seen = f"The log is right, but the weights are up to {apart:.2g} away from an eager loop's."
    for text, signature in faults:
        if np.allclose(weights, signature, atol=NEAR):
            return incorrect(f"{seen} {text}", "python-side-effects")
    return incorrect(f"{seen} Change as little of the step as possible.")


def _descend(rate_of):
    """Train eagerly with ``rate_of(step, size)``; return weights and each epoch's figures."""
    import keras
    import tensorflow as tf

    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model, _ = _noting_model()
    epochs, k = [], 0
    for _ in range(EPOCHS):
        seen = []
        for x, y in _batches():
            k += 1
            with tf.GradientTape() as tape:
                loss = loss_fn(y, model(x, training=True))
            gradients = tape.gradient(loss, model.trainable_variables)
            rate = rate_of(k, len(x))
            for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
                variable.assign_sub(rate * gradient)
            seen.append((float(loss), rate, len(x)))
        epochs.append(np.array(seen))
    return _flat(model), epochs


def _warm(k):
    return RATE * min(1.0, k / WARM_UP)


@cache
def _truth():
    weights, epochs = _descend(lambda k, n: _warm(k))
    steps = [len(e) for e in epochs]
    total = np.cumsum(steps)
    right = {
        "steps": steps,
        "steps so far": total,
        "rate": [e[-1, 1] for e in epochs],
        "rate of the trace": [_warm(2)] * EPOCHS,
        "next rate": [_warm(k + 1) for k in total],
        "rate before": [_warm(k - 1) for k in total],
        "loss": [e[:, 0].mean() for e in epochs],
        "last loss": [e[-1, 0] for e in epochs],
        "loss per example": [np.average(e[:, 0], weights=e[:, 2]) for e in epochs],
    }
    frozen = "They were made with the rate of the trace, frozen in the graph."
    faults = [
        (frozen, _descend(lambda k, n: _warm(1 if n == BATCH else 2))[0]),
        (frozen, _descend(lambda k, n: _warm(1))[0]),
        ("The rate does not warm up: it is full from the first step.", _descend(
            lambda k, n: RATE)[0]),
    ]  # fmt: skip
    return weights, right, faults


def _row(values) -> str:
    return ", ".join(f"{v:.3g}" for v in values)


# b · How many traces?


@cache
def _counted() -> tuple[int, ...]:
    """Return the numbers of traces, by running the calls."""
    import tensorflow as tf

    def count(calls):
        function = tf.function(lambda x, training=None: x)
        for args, kwargs in calls:
            function(*args, **kwargs)
        return function.experimental_get_tracing_count()

    def plain(*values):
        return [((v,), {}) for v in values]

    x = tf.zeros((2, 8))
    full, short = tf.zeros((64, 8)), tf.zeros((10, 8))
    return (
        count(plain(1, 2, 1, tf.constant(1), tf.constant(2))),
        count(plain(full, full, full, short) * 3),
        count([((x,), {"training": flag}) for flag in (True, False)] * 10),
        count(plain(np.float32(0.1), np.float32(0.2), 0.1, 0.2)),
    )


RULES = (
    "Each new value of a Python number is a trace; a tensor of known dtype and shape is one.",
    "One trace for each shape, kept from epoch to epoch.",
    "A Python bool is part of the kind of the call: one trace for each of the two.",
    "NumPy scalars are taken as tensors, one kind; Python floats count by value.",
)


def _grade_traces(answer):
    what = "four whole numbers, for A to D"
    if isinstance(answer, str) or not hasattr(answer, "__iter__"):
        raise Unusable(f"Expected {what}. You gave {describe(answer)}.")
    given = numbers(answer, 4, what)
    right = _counted()
    for letter, mine, true, rule in zip("ABCD", given, right, RULES, strict=True):
        if mine != true:
            return incorrect(f"{letter} is not {mine:g}. {rule} Run it and count.", "retracing")
    return correct(f"{', '.join(map(str, right))}. {' '.join(RULES)}")


# c · Compile an epoch


def _grade_epoch(answer):
    expect_function(answer, "compiled_epoch")
    import keras

    model, runs = _noting_model()
    optimizer = keras.optimizers.SGD(RATE)
    optimizer.build(model.trainable_variables)
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    epoch = call(answer, model, optimizer, loss_fn)
    if not callable(epoch):
        raise Unusable(f"Return the compiled function. Yours returned {describe(epoch)}.")
    told, iterated, traced = [], 0, []
    for _ in range(EPOCHS):
        with _counting_iterations() as count:
            value = call(epoch, _batches())
        told += numbers([value], 1, "one number, the mean loss of the epoch")
        iterated += len(count)
        traced.append(len(runs))
    complaint = _judge_epoch(told, _flat(model))
    if complaint is not None:
        return complaint
    if not any(runs) or iterated:
        return incorrect(
            "The figures are right, but Python runs through the batches: "
            + ("nothing is compiled." if not any(runs) else "only the step is compiled.")
            + " Put the for loop itself inside @tf.function."
        )
    if traced[-1] > traced[0]:
        return incorrect(
            "The figures are right, but a later epoch was traced again: make the function once.",
            "retracing",
        )
    return correct(
        f"{EPOCHS} epochs, each one call, traced in the first only. Mean loss per example "
        f"{told[0]:.3f} → {told[-1]:.3f}, as in an eager loop."
    )


def _counting_iterations():
    """Return a context in which each start of a Python loop over a data set is noted."""
    from contextlib import contextmanager
    from unittest import mock

    import tensorflow as tf

    @contextmanager
    def counting():
        count, original = [], tf.data.Dataset.__iter__

        def noted(dataset):
            count.append(1)
            return original(dataset)

        with mock.patch.object(tf.data.Dataset, "__iter__", noted):
            yield count

    return counting()


def _judge_epoch(told, weights):
    right, epochs = _descend(lambda k, n: RATE)
    if not np.allclose(weights, right, atol=NEAR):
        apart = float(np.abs(weights - right).max())
        return incorrect(
            f"After {EPOCHS} epochs the weights are up to {apart:.2g} away from an eager loop's. "
            "Is each batch used once, with the given optimizer?"
        )
    means = {
        "right": [np.average(e[:, 0], weights=e[:, 2]) for e in epochs],
        "ragged-batch": [e[:, 0].mean() for e in epochs],
        "last-batch-metric": [e[-1, 0] for e in epochs],
        "metric-not-reset": [
            np.average(np.concatenate(epochs[: k + 1])[:, 0],
                       weights=np.concatenate(epochs[: k + 1])[:, 2])
            for k in range(EPOCHS)
        ],
    }  # fmt: skip
    if np.allclose(told, means["right"], atol=NEAR):
        return None
    seen = f"The weights are right. You return {_row(told)}; right is {_row(means['right'])}."
    texts = {
        "ragged-batch": "That is the mean of the batches' means; the last batch is smaller.",
        "last-batch-metric": "That is the last batch alone.",
        "metric-not-reset": "That is the mean of all epochs so far.",
    }
    for pitfall, text in texts.items():
        if np.allclose(told, means[pitfall], atol=NEAR):
            return incorrect(f"{seen} {text}", pitfall)
    return incorrect(f"{seen} It is the mean over the examples of the epoch.")


EXERCISES = (
    Exercise(
        "17-a",
        "Mend a loop",
        (
            "Which lines of train_step are Python, and how often do they run?",
            "Let the count be a tf.Variable, and use tf.minimum.",
            "Let the step return its loss and its rate; Python outside keeps them.",
        ),
        _grade_mended,
    ),
    Exercise(
        "17-b",
        "How many traces?",
        (
            "A Python number's kind is its value; a tensor's kind is its dtype and shape.",
            "What NumPy brings is taken as a tensor, a scalar too.",
        ),
        _grade_traces,
    ),
    Exercise(
        "17-c",
        "Compile an epoch",
        (
            "AutoGraph compiles `for batch in dataset` inside @tf.function.",
            "total and count begin as floats inside the function, and are added to in the loop.",
            "Weigh each batch's loss by tf.shape(x_batch)[0].",
        ),
        _grade_epoch,
    ),
)

PREDICTIONS = (
    Prediction("17-p1", "What will the step counter say after four epochs?", tolerance=0),
    Prediction("17-p2", "How many traces do 20 Python ints make?", "traces", tolerance=0),
)
