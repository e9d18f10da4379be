"""Graders of lesson 09, metric state."""

from collections.abc import Mapping
from functools import cache

import numpy as np

from .. import data, reference
from .engine import Exercise, Unusable, call, correct, describe, expect_function, incorrect
from .predictions import Prediction

NEAR = 1e-3  # a tenth of one example in a hundred; far above float32 rounding of a mean
EPOCHS = 3
SEED = 9
BATCH, VAL_BATCH = 48, 24  # leave a short last batch in both parts


# a · Mend a loop


def _grade_mended(answer):
    expect_function(answer, "mended")
    split = data.iris(seed=SEED)
    truth, faults = _signatures()
    model, optimizer, train, val = _fresh(split)
    given = _pairs(call(answer, model, optimizer, train, val, EPOCHS))
    for column, name in enumerate(("training", "validation")):
        if np.allclose(given[:, column], truth[:, column], atol=NEAR):
            continue
        shown = ", ".join(f"{v:.3f}" for v in given[:, column])
        right = ", ".join(f"{v:.3f}" for v in truth[:, column])
        seen = f"The {name} column says {shown}; right would be {right}."
        for (pitfall, text), signature in faults[name]:
            if np.allclose(given[:, column], signature, atol=NEAR):
                return incorrect(f"{seen} {text}", pitfall)
        return incorrect(
            f"{seen} Count the right predictions of each epoch by hand and compare. The training "
            "itself (model, optimizer, order of the batches) must stay as it was."
        )
    last = truth[-1]
    return correct(
        f"On the iris data, in batches of {BATCH} and {VAL_BATCH}, both columns are right in all "
        f"{EPOCHS} epochs; the last says {last[0]:.3f} and {last[1]:.3f}."
    )


def _fresh(split):
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(9)
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3)])
    # The plainest order: what is measured must not depend on a shuffle.
    train = tf.data.Dataset.from_tensor_slices((split.x_train, split.y_train)).batch(BATCH)
    val = tf.data.Dataset.from_tensor_slices((split.x_test, split.y_test)).batch(VAL_BATCH)
    return model, keras.optimizers.SGD(0.5), train, val


def _run(split):
    """Train once and return, per epoch, whether each example was right, batch by batch."""
    import keras
    import tensorflow as tf

    model, optimizer, train, val = _fresh(split)
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    epochs, afterwards = [], []
    for _ in range(EPOCHS):
        train_hits, val_hits = [], []
        for x, y in train:
            with tf.GradientTape() as tape:
                p = model(x, training=True)
                loss = loss_fn(y, p)
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
            train_hits.append(np.argmax(p, axis=-1) == y.numpy())
        for x, y in val:
            val_hits.append(np.argmax(model(x), axis=-1) == y.numpy())
        epochs.append((train_hits, val_hits))
        afterwards.append(reference.accuracy(split.y_train, model(split.x_train)))
    return epochs, afterwards


@cache
def _signatures():
    """Return the true columns, and for each column what each known fault would report."""
    epochs, afterwards = _run(data.iris(seed=SEED))
    parts = {"training": [e[0] for e in epochs], "validation": [e[1] for e in epochs]}
    pooled = {name: [np.concatenate(hits) for hits in part] for name, part in parts.items()}
    truth = np.stack([[h.mean() for h in pooled[n]] for n in ("training", "validation")], axis=1)
    blend = [np.concatenate(pair).mean() for pair in zip(*pooled.values(), strict=True)]
    faults = {}
    for name, part in parts.items():
        faults[name] = [
            (_NEVER_RESET, _so_far(pooled[name])),
            (_LAST_BATCH, [hits[-1].mean() for hits in part]),
            (_RUNNING, [np.mean(_running(hits, [])) for hits in part]),
            (_RUNNING_AND_OLD, _running_never_reset(part)),
            (_BATCH_MEANS, [np.mean([h.mean() for h in hits]) for hits in part]),
        ]
    mixed = [h for pair in zip(*pooled.values(), strict=True) for h in pair]
    after_training, after_validation = _so_far(mixed)[::2], _so_far(mixed)[1::2]
    faults["validation"] += [(_BLEND, blend), (_SHARED, after_validation)]
    faults["training"] += [
        (_SHARED, after_training),
        (_SHARED, after_validation),
        (_BLEND, blend),
        (_RUNNING_AND_OLD, _running_shared(epochs)),
        (_AFTERWARDS, afterwards),
    ]
    return truth, faults


_NEVER_RESET = (
    "metric-not-reset",
    "That is the mean of all epochs so far: the metric is never reset.",
)
_SHARED = (
    "metric-not-reset",
    "One metric gathers training and validation, over all epochs: use two, and reset both.",
)
_BLEND = (
    "metric-not-reset",
    "It is reset each epoch now, but training and validation are still mixed: each needs a metric "
    "of its own, or a reset in between.",
)
_LAST_BATCH = (
    "last-batch-metric",
    "That is the last batch alone. What is made anew for every batch, or has no state, forgets.",
)
_RUNNING = (
    "running-value",
    "That is the mean of running values: metric(y, p) returns the average so far, not the batch's "
    "value. Read result() once, after the last batch.",
)
_RUNNING_AND_OLD = (
    "running-value",
    "That is the mean of running values, and they run on from epoch to epoch. Read result() once "
    "per epoch, and reset.",
)
_BATCH_MEANS = (
    "ragged-batch",
    "That is the mean of the batches' means. The last batch is smaller and must count for less.",
)
_AFTERWARDS = (
    None,
    "That is the model at the end of the epoch, measured once more on the training data. A fair "
    "figure (lesson 10), but asked for are the predictions made in the training steps.",
)


def _so_far(groups):
    hits = np.cumsum([g.sum() for g in groups])
    return hits / np.cumsum([len(g) for g in groups])


def _running(batches, before):
    """Return what metric(y, p) gives after each batch, with what the metric holds already."""
    return _so_far([*before, *batches])[len(before) :]


def _running_never_reset(part):
    values, before = [], []
    for hits in part:
        values.append(np.mean(_running(hits, before)))
        before = before + hits
    return values


def _running_shared(epochs):
    values, before = [], []
    for train_hits, val_hits in epochs:
        values.append(np.mean(_running(train_hits, before)))
        before = before + train_hits + val_hits
    return values


def _pairs(value):
    what = f"one pair (training accuracy, validation accuracy) for each of {EPOCHS} epochs"
    try:
        found = np.asarray([[float(v) for v in pair] for pair in value], float)
    except (TypeError, ValueError):
        raise Unusable(f"Return {what}. Yours returned {describe(value)}.") from None
    if found.shape != (EPOCHS, 2):
        raise Unusable(f"Return {what}. Yours has the shape {found.shape}.")
    return found


# b · Four reports of one run


TRUTH_B = {"honest": "C", "never reset": "A", "shared": "D", "last batch": "B"}
PITFALL_B = {
    "honest": None,
    "never reset": "metric-not-reset",
    "shared": "metric-not-reset",
    "last batch": "last-batch-metric",
}


def _material():
    """Return the true accuracies of one softmax regression in NumPy, and four reports of it."""
    split = data.digits(seed=6)
    x, y = split.x_train[:900], split.y_train[:900]
    x_val, y_val = split.x_test[:310], split.y_test[:310]
    weights = np.zeros((64, 10))
    training, validation, last = [], [], []
    for _ in range(7):
        right = 0
        for start in range(0, len(x), 50):
            rows = slice(start, start + 50)
            p = reference.softmax(x[rows] @ weights)
            right += (p.argmax(axis=1) == y[rows]).sum()
            weights -= 0.06 * x[rows].T @ (p - np.eye(10)[y[rows]]) / len(p)
        hits = (x_val @ weights).argmax(axis=1) == y_val
        training.append(right / len(x))
        validation.append(hits.mean())
        last.append(hits[-10:].mean())
    training, validation = np.array(training), np.array(validation)
    return {
        "training": training,
        "validation": validation,
        "sizes": (len(x), len(x_val)),
        "A": np.cumsum(validation) / np.arange(1, len(validation) + 1),
        "B": np.array(last),
        "C": validation.copy(),
        "D": (len(x) * training + len(x_val) * validation) / (len(x) + len(x_val)),
    }


def _grade_reports(answer):
    what = 'one letter for each, such as {"honest": "A", "never reset": "B", …}'
    if not isinstance(answer, Mapping) or not all(isinstance(k, str) for k in answer):
        raise Unusable(f"Expected a dictionary with {what}. You gave {describe(answer)}.")
    given = {k.strip().lower(): str(v).strip().upper() for k, v in answer.items()}
    if set(given) != set(TRUTH_B):
        raise Unusable(f"Expected the keys {', '.join(TRUTH_B)}; yours are {', '.join(given)}.")
    if set(given.values()) - set("ABCD"):
        raise Unusable(f"Expected {what}: the letters are A, B, C, D.")
    run = _material()
    wrong = [name for name, letter in given.items() if TRUTH_B[name] != letter]
    if not wrong:
        return correct(
            "C equals the true column. A is its mean so far. B holds only tenths: the last batch "
            f"has 10 images. D is {run['sizes'][0]} parts training to {run['sizes'][1]} validation."
        )
    name = wrong[0]
    return incorrect(_why_not(name, given[name], run), PITFALL_B[name])


def _why_not(name, letter, run):
    said, true = run[letter][-1], run["validation"]
    so_far, last = np.mean(true), run["validation"][-1]
    tests = {
        "honest": f"An honest report would end at {last:.3f}; {letter} ends at {said:.3f}.",
        "never reset": f"A metric that is never reset ends at the mean of all epochs, "
        f"{so_far:.3f}; {letter} ends at {said:.3f}.",
        "shared": "A shared metric gives (n·training + m·validation) / (n + m) in each epoch. "
        f"Compute it for the last one; {letter} says {said:.3f}.",
        "last batch": f"The last batch has 10 images: only tenths are possible. {letter} says "
        f"{said:.3f}.",
    }
    return f"“{name}” is not {letter}. {tests[name]}"


# c · Save the log


def _grade_true_accuracies(answer):
    expect_function(answer, "true_accuracies")
    for seed, epochs in ((1, 5), (2, 12), (3, 1)):
        truth = np.random.default_rng(seed).uniform(0.2, 1, epochs).round(3)
        reported = np.cumsum(truth) / np.arange(1, epochs + 1)
        given = _series(call(answer, reported.copy()), epochs)
        if not np.allclose(given, truth, atol=NEAR):
            return _wrong_series(given, truth, reported)
    return correct(
        "k·r(k) − (k − 1)·r(k − 1): right on logs of 1, 5 and 12 epochs, also where the true "
        "accuracy falls while the reported one still rises."
    )


def _wrong_series(given, truth, reported):
    seen = (
        f"For the reported values {_list(reported[:3])} … the true ones are {_list(truth[:3])} …; "
        f"you say {_list(given[:3])} …."
    )
    epochs = np.arange(1, len(truth) + 1)
    known = [
        (reported, "Those are the reported values themselves.", "metric-not-reset"),
        (
            np.diff(reported, prepend=0.0),
            "Those are differences of means. Turn the means into sums first: multiply by the "
            "number of epochs so far.",
            None,
        ),
        (epochs * reported, "Those are the sums so far. Subtract the one before.", None),
        (
            np.cumsum(reported) / epochs,
            "That averages once more. The averaging has to be undone.",
            "metric-not-reset",
        ),
    ]
    for signature, text, pitfall in known:
        if np.allclose(given, signature, atol=NEAR):
            return incorrect(f"{seen} {text}", pitfall)
    return incorrect(f"{seen} How many right answers did the metric hold after each epoch?")


def _series(value, count):
    try:
        found = np.asarray([float(v) for v in value], float)
    except (TypeError, ValueError):
        raise Unusable(f"Return one number per epoch. Yours returned {describe(value)}.") from None
    if len(found) != count or not np.isfinite(found).all():
        raise Unusable(
            f"Return one finite number per epoch: {count} for {count}. Yours returned {len(found)}."
        )
    return found


def _list(values):
    return ", ".join(f"{v:.3f}" for v in values)


EXERCISES = (
    Exercise(
        "09-a",
        "Mend a loop",
        (
            "How long does a metric remember? What does accuracy(y_batch, y_pred) return?",
            "Training and validation each need a metric of their own, empty when an epoch begins.",
            "Call update_state in the step, and read result() once, after the last batch.",
        ),
        _grade_mended,
    ),
    Exercise(
        "09-b",
        "Four reports of one run",
        (
            "Begin with the easy one: which report equals the true column?",
            "np.cumsum(run['validation']) / np.arange(1, 8) is what a metric without reset says.",
            "The last batch has ten images. Which report holds only tenths?",
        ),
        _grade_reports,
        _material,
    ),
    Exercise(
        "09-c",
        "Save the log",
        (
            "After epoch k the metric holds k times what it reports, in units of one epoch.",
            "The newest epoch is that sum, less the sum of the epoch before.",
        ),
        _grade_true_accuracies,
    ),
)

PREDICTIONS = (
    Prediction("09-p1", "What will the loop report as validation accuracy?", tolerance=0.04),
    Prediction("09-p2", "What does the fifth call return?", tolerance=0.01),
)
