"""Graders of lesson 18, sequences and masks."""

import numpy as np

from .. import data, reference
from .engine import Exercise, Unusable, call, correct, describe, expect_function, incorrect
from .predictions import Prediction

NEAR = 2e-3  # nats or share; far above float32 rounding, far below any of the faults
EPOCHS = 2
BATCH = 16  # leaves a short last batch of the 40 codes


# a · Mend a loop


def _grade_mended(answer):
    expect_function(answer, "mended")
    told = _run(answer, boxes=10, rate=0.0)
    complaint = _judge_report(told, boxes=10)
    if complaint is not None:
        return complaint
    before = _model().get_weights()
    _, short = _run(answer, boxes=10, rate=0.5)
    _, long = _run(answer, boxes=20, rate=0.5)
    moved = max(np.abs(a - b).max() for a, b in zip(short, before, strict=True))
    if moved < 1e-3:
        return incorrect("The report is right, but the weights do not change: keep the training.")
    apart = max(np.abs(a - b).max() for a, b in zip(short, long, strict=True))
    if apart > 1e-4:
        return incorrect(
            f"The report is right. But with ten more empty boxes the trained weights differ by "
            f"{apart:.3f}: the loss that is differentiated still divides by all positions.",
            "padding-counted",
        )
    loss, accuracy = _truth(10)
    return correct(
        f"On 40 other codes, loss {loss:.3f} and accuracy {accuracy:.3f} are those of the digits, "
        "and ten more empty boxes change neither the figures nor the steps."
    )


def _codes(boxes):
    """Return 40 codes, short ones first: batches differ much in how many digits they hold."""
    split = data.codes(boxes=boxes, longest=9, seed=18)
    x, y = split.x_train[:40], split.y_train[:40]
    order = np.argsort((x != 0).any(axis=-1).sum(axis=1), kind="stable")
    return x[order], y[order]


def _model():
    """Return a linear model that already reads most digits, fitted by least squares."""
    import keras

    split = data.digits(seed=4)
    x, targets = split.x_train.astype(np.float64), np.eye(10)[split.y_train] - 0.1
    kernel = 6 * np.linalg.solve(x.T @ x + np.eye(64), x.T @ targets)
    model = keras.Sequential([keras.layers.Input((None, 64)), keras.layers.Dense(10)])
    model.set_weights([kernel, np.zeros(10)])
    return model


def _run(answer, *, boxes, rate):
    """Return what the learner's loop reports, and the weights afterwards."""
    import keras
    import tensorflow as tf

    model = _model()
    batches = tf.data.Dataset.from_tensor_slices(_codes(boxes)).batch(BATCH)
    value = call(answer, model, keras.optimizers.SGD(rate), batches, EPOCHS)
    return _pairs(value), model.get_weights()


def _pairs(value):
    what = f"one pair (loss, accuracy) for each of {EPOCHS} epochs"
    try:
        found = np.asarray([[float(v) for v in pair] for pair in value], float)
    except (TypeError, ValueError):
        raise Unusable(f"Return {what}. Yours returned {describe(value)}.") from None
    if found.shape != (EPOCHS, 2):
        raise Unusable(f"Return {what}. Yours has the shape {found.shape}.")
    return found


def _figures(boxes):
    """Return per-position losses, hits and mask of the untrained model."""
    x, y = _codes(boxes)
    logits = _model()(x).numpy()
    losses = reference.cross_entropy(y, logits.reshape(-1, 10)).reshape(y.shape)
    return losses, logits.argmax(axis=-1) == y, (x != 0).any(axis=-1)


def _truth(boxes):
    losses, hits, real = _figures(boxes)
    return losses[real].mean(), hits[real].mean()


def _signatures(boxes):
    """Return what known faults would report, for loss and for accuracy."""
    losses, hits, real = _figures(boxes)
    parts = [slice(s, s + BATCH) for s in range(0, len(losses), BATCH)]
    rows = np.array([len(losses[p]) for p in parts])
    zeros = np.array([(losses[p] * real[p]).mean() for p in parts])
    means = np.array([losses[p][real[p]].mean() for p in parts])
    positions = np.array([losses[p].mean() for p in parts])
    shares = np.array([hits[p][real[p]].mean() for p in parts])
    loss = [
        (_ALL, losses.mean()),
        (_ALL, positions.mean()),
        (_ALL, np.average(positions, weights=[real[p].sum() for p in parts])),
        (_ZEROS, zeros.mean()),
        (_ZEROS, np.average(zeros, weights=rows)),
        (_ZEROS, np.average(zeros, weights=[real[p].sum() for p in parts])),
        (_SUM, np.mean([(losses[p] * real[p]).sum() for p in parts])),
        (_BATCHES, means.mean()),
        (_BATCHES, np.average(means, weights=rows)),
        (_LAST, means[-1]),
    ]
    accuracy = [
        (_ALL, hits.mean()),
        (_VOID, (hits & real).mean()),
        (_BATCHES, shares.mean()),
        (_BATCHES, np.average(shares, weights=rows)),
        (_LAST, shares[-1]),
    ]
    return loss, accuracy


_ALL = ("padding-counted", "That is the mean over all positions, padding included.")
_ZEROS = (
    "padding-counted",
    "The padded terms are out of the sum, but the division is by all positions: zeros are averaged "
    "in. Divide by the sum of the mask.",
)
_VOID = (
    "padding-counted",
    "Padding counts as wrong here: it is out of the hits, but not out of the number of positions.",
)
_SUM = ("summed-loss", "That is the sum over a batch's real positions; divide by their number.")
_BATCHES = (
    "ragged-batch",
    "That is a mean of batch means in which batches do not count by their real positions. Give "
    "mean_loss the sum of the mask as sample_weight.",
)
_LAST = ("last-batch-metric", "That is the last batch alone.")


def _judge_report(told, boxes):
    found, _ = told
    names, right = ("loss", "accuracy"), _truth(boxes)
    for name, given, truth, faults in zip(names, found.T, right, _signatures(boxes), strict=True):
        if np.allclose(given, truth, atol=NEAR):
            continue
        seen = (
            f"With a learning rate of 0 the {name} of epoch 1 is {truth:.3f} over the real "
            f"positions; yours says {given[0]:.3f}."
        )
        for (pitfall, text), value in faults:
            if abs(given[0] - value) < NEAR:
                return incorrect(f"{seen} {text}", pitfall)
        if abs(given[0] - truth) < NEAR:
            return incorrect(
                f"The {name} of epoch 1 is right, but that of epoch 2 is {given[1]:.3f} although "
                "nothing has changed: reset the metrics when an epoch begins.",
                "metric-not-reset",
            )
        return incorrect(f"{seen} Which positions enter, and what is the sum divided by?")
    return None


# b · A loss for void labels


def _grade_void_loss(answer):
    import tensorflow as tf

    expect_function(answer, "void_loss")
    rng = np.random.default_rng(18)
    for shape, share in (((6, 9), 0.4), ((2, 5, 4), 0.7), ((5, 6), 0.0), ((3, 4), 1.0)):
        logits = rng.normal(0, 2, (*shape, 7)).astype(np.float32)
        y = rng.integers(0, 7, shape)
        y[rng.random(shape) < share] = -1
        case = f"labels of shape {shape}, {(y == -1).sum()} of {y.size} void"
        variable = tf.Variable(logits)
        with tf.GradientTape() as tape:
            value = call(answer, tf.constant(y), variable)
        complaint = _judge_void(value, y, logits, case)
        if complaint is not None:
            return complaint
        if (y != -1).any():
            complaint = _judge_gradient(tape.gradient(value, variable), y, logits, case)
            if complaint is not None:
                return complaint
    compiled = tf.function(answer)(tf.constant(y), tf.constant(logits))
    if not np.isfinite(float(compiled)):
        return incorrect("Inside tf.function, nothing but void labels gives NaN.")
    return correct(
        "Right with 0, some and only void labels, in two and three dimensions, gradients included."
    )


def _judge_void(value, y, logits, case):
    array = np.asarray(value, np.float64)
    if array.shape != ():
        raise Unusable(f"Return one number. For {case} yours returned shape {array.shape}.")
    real = y != -1
    losses = reference.cross_entropy(y[real], logits[real])
    truth = losses.mean() if real.any() else 0.0
    if abs(array - truth) < NEAR:
        return None
    seen = f"For {case} the loss is {truth:.3f}; yours says {array:.3f}."
    everything = reference.cross_entropy(np.maximum(y, 0), logits.reshape(-1, 7))
    if not real.any():
        return incorrect(f"{seen} Nothing is divided by nothing: guard the denominator.")
    if abs(array - losses.sum() / y.size) < NEAR:
        return incorrect(f"{seen} {_ZEROS[1]}", "padding-counted")
    if abs(array - everything.mean()) < NEAR:
        return incorrect(
            f"{seen} The void positions are counted as class 0. Leave them out.", "padding-counted"
        )
    if abs(array - losses.sum()) < NEAR:
        return incorrect(f"{seen} That is the sum; divide by the real positions.", "summed-loss")
    zero = y > 0
    if zero.any() and abs(array - reference.cross_entropy(y[zero], logits[zero]).mean()) < NEAR:
        return incorrect(f"{seen} Class 0 is a class like any other; only -1 is void.")
    return incorrect(f"{seen} Sum the losses of the real positions and divide by their number.")


def _judge_gradient(gradient, y, logits, case):
    if gradient is None:
        return incorrect(
            f"For {case} the value is right, but it has no gradient: something on the way is not "
            "a TensorFlow operation.",
            "gradients-none",
        )
    real = y != -1
    exact = reference.softmax(logits) - np.eye(7)[np.maximum(y, 0)]
    exact = exact * real[..., None] / real.sum()
    if np.allclose(gradient, exact, atol=1e-4):
        return None
    return incorrect(f"For {case} the value is right, but its gradient is not.")


# c · Batches from a sorted file


def _grade_batches(answer):
    expect_function(answer, "make_batches")
    told = []
    for name, split, size in (("digits", data.digits(seed=3), 40), ("iris", data.iris(seed=3), 20)):
        order = np.argsort(split.y_train, kind="stable")
        y = split.y_train[order]
        # Each example carries its own number, so that losses and mix-ups show.
        x = np.arange(len(y), dtype=np.float32)[:, None]
        batches = _collected(call(answer, x, y, size))
        complaint = _judge_batches(name, batches, y, size)
        if complaint is not None:
            return complaint
        told.append(f"{name}: {_classes(batches, size):.1f} of {split.num_classes}")
    return correct(f"Classes in a batch, on average, {'; '.join(told)}. Every example comes once.")


def _collected(dataset):
    try:
        pairs = [(np.asarray(x), np.asarray(y)) for x, y in dataset]
    except (TypeError, ValueError):
        raise Unusable(
            f"Return a tf.data.Dataset of (x, y) batches. Yours returned {describe(dataset)}."
        ) from None
    if not pairs or any(x.ndim != 2 or y.shape != x.shape[:1] for x, y in pairs):
        shapes = ", ".join(f"{x.shape} and {y.shape}" for x, y in pairs[:1]) or "nothing"
        raise Unusable(f"Each batch should be x (B, D) and y (B,). Yours holds {shapes}.")
    return pairs


def _judge_batches(name, batches, y, size):
    ids = np.concatenate([x[:, 0] for x, _ in batches]).astype(int)
    labels = np.concatenate([labels for _, labels in batches])
    sizes = {len(labels) for _, labels in batches[:-1]}
    if sizes - {size} or len(batches[-1][1]) > size:
        return incorrect(f"On {name} the batches should hold {size} examples; see batch(…).")
    if len(ids) != len(y) or len(np.unique(ids)) != len(y):
        return incorrect(
            f"On {name} one epoch brings {len(np.unique(ids))} different examples in {len(ids)} "
            f"places; there are {len(y)}, and each should come once."
        )
    wrong = (y[ids] != labels).mean()
    if wrong:
        return incorrect(
            f"On {name} {wrong:.0%} of the examples have another one's label: x and y were not "
            "shuffled together.",
            "misaligned-labels",
        )
    right, seen = _expected(y, size), _classes(batches, size)
    if seen < 0.9 * right:
        return incorrect(
            f"On {name} a batch of {size} holds {seen:.1f} classes on average; well mixed it would "
            f"be {right:.1f}. How many examples does the window of shuffle see?",
            "unshuffled-labels",
        )
    return None


def _classes(batches, size):
    return float(np.mean([len(np.unique(y)) for _, y in batches if len(y) == size]))


def _expected(y, size):
    """Return the expected number of classes among `size` examples drawn without order."""
    rng = np.random.default_rng(0)
    return float(np.mean([len(np.unique(rng.choice(y, size, replace=False))) for _ in range(200)]))


# d · Does the mask arrive?

TELLS = {
    "A": "The subtraction is a TensorFlow operation: it makes a new tensor, without the mask.",
    "B": "The model and the loss are traced together: the scores do not leave the tf.function.",
    "C": "Each step is a layer that supports masks and hands the mask on.",
    "D": "Each half has its mask, but tf.concat makes a new tensor, without one.",
    "E": "keras.ops are operations, not layers: they drop the mask as TensorFlow's do.",
    "F": "Rescaling is a layer that supports masks: the multiplication of E, and the mask stays.",
}
ARRIVES = frozenset("BCF")


def _grade_routes(answer):
    what = f'a set of letters among {", ".join(TELLS)}, such as {{"A", "D"}}'
    if not isinstance(answer, str | set | frozenset | list | tuple):
        raise Unusable(f"Expected {what}. You gave {describe(answer)}.")
    given = set("".join(map(str, answer)).upper()) - set(" ,;")
    if not given <= set(TELLS):
        raise Unusable(f"Expected {what}. You gave {describe(answer)}.")
    if extra := sorted(given - ARRIVES):
        return incorrect(
            f"In {extra[0]} the mask does not arrive. {TELLS[extra[0]]} Compute the loss of "
            f"{extra[0]} with 12 and with 24 boxes: it moves.",
            "lost-mask",
        )
    if missing := sorted(ARRIVES - given):
        return incorrect(
            f"In {missing[0]} the mask does arrive. {TELLS[missing[0]]} Compute the loss of "
            f"{missing[0]} with 12 and with 24 boxes: it does not move."
        )
    return correct(" ".join(f"{letter}: {why}" for letter, why in TELLS.items()))


EXERCISES = (
    Exercise(
        "18-a",
        "Mend a loop",
        (
            "By how many positions does loss_fn(y, p, sample_weight=mask) divide?",
            "The metric takes a sample_weight too, and divides by the sum of the weights.",
            "A batch counts by its real positions: mean_loss.update_state(loss, sum of the mask).",
        ),
        _grade_mended,
    ),
    Exercise(
        "18-b",
        "A loss for void labels",
        (
            "Replace -1 by any class before you compute the losses, then multiply by the mask.",
            "tf.math.divide_no_nan(0, 0) is 0.",
        ),
        _grade_void_loss,
    ),
    Exercise(
        "18-c",
        "Batches from a sorted file",
        (
            "How long is one class, and how long is the buffer of shuffle?",
            "Shuffle examples, not batches; and pairs, not x and y apart.",
        ),
        _grade_batches,
    ),
    Exercise(
        "18-d",
        "Does the mask arrive?",
        (
            "The mask is an attribute of a tensor. Which lines make a new tensor?",
            "A layer that supports masks sets it again; an operation knows nothing of it.",
            "data.codes(boxes=24) pads more. Whose loss stays where it is?",
        ),
        _grade_routes,
    ),
)

PREDICTIONS = (
    Prediction(
        "18-p1", "What accuracy will the loop report after the first epoch?", tolerance=0.08
    ),
    Prediction(
        "18-p2",
        "How does the value compare with the true mean?",
        choices=("equal", "too small", "too large"),
    ),
)
