"""Graders of lesson 11, what a loss value means."""

from collections.abc import Mapping
from functools import cache

import numpy as np

from .. import data, reference
from .engine import Exercise, Unusable, call, correct, describe, expect_function, incorrect
from .judging import numbers, true_loss
from .predictions import Prediction

# a · Where do they stand?


RIGHT = {
    "knows nothing": "C",
    "knows the frequencies": "E",
    "double softmax": "A",
    "label smoothing 0.1": "D",
    "learned by heart": "B",
}
PITFALLS = {
    "knows nothing": "loss-without-anchor",
    "knows the frequencies": "class-imbalance",
    "double softmax": "double-softmax",
    "label smoothing 0.1": "loss-without-anchor",
    "learned by heart": "memorised-noise",
}


@cache
def _material():
    """Return five finished runs of softmax regression in NumPy, each a dictionary."""
    split = data.digits(seed=4)
    ink = data.rare_digits("ink", seed=4)
    lot = np.random.default_rng(4).integers(0, 10, 120)
    new_lot = np.random.default_rng(5).integers(0, 10, len(split.x_test))
    four, seven = _first_classes(split, 4), _first_classes(split, 7)
    return {
        "A": _run(*four, 4, step=8.0, epochs=400, twice=True),
        # Fewer examples than weights: any labels can be learned by heart. With longer steps
        # this run and D jump about, and processors that round otherwise end elsewhere.
        "B": _run(split.x_train[:50], lot[:50], split.x_test, new_lot, 10, step=1.0, epochs=3000),
        "C": _run(*seven, 7, step=0.0, epochs=1),
        "D": _run(*four, 4, step=1.5, epochs=2500, smoothing=0.1),
        "E": _run(ink.x_train, ink.y_train, ink.x_test, ink.y_test, 3, step=1.0, epochs=200),
    }


def _first_classes(split, count):
    a, b = split.y_train < count, split.y_test < count
    return split.x_train[a], split.y_train[a], split.x_test[b], split.y_test[b]


def _run(x, y, x_new, y_new, classes, *, step, epochs, twice=False, smoothing=0.0):
    x, x_new = (np.hstack([v, np.ones((len(v), 1))]).astype(float) for v in (x, x_new))
    target = np.eye(classes)[y] * (1 - smoothing) + smoothing / classes
    new_target = np.eye(classes)[y_new] * (1 - smoothing) + smoothing / classes
    weights = np.zeros((x.shape[1], classes))

    def loss_of(x, target):
        q = reference.softmax(x @ weights)
        q = reference.softmax(q) if twice else q
        return float(-(target * np.log(q)).sum(axis=1).mean())

    for _ in range(epochs):
        p = reference.softmax(x @ weights)
        delta = (reference.softmax(p) if twice else p) - target
        if twice:
            delta = p * (delta - (p * delta).sum(axis=1, keepdims=True))
        weights -= step * x.T @ delta / len(x)
    return {
        "classes": classes,
        "frequencies": np.bincount(y, minlength=classes) / len(y),
        "training": loss_of(x, target),
        "new": loss_of(x_new, new_target),
    }


def _grade_standing(answer):
    what = 'one letter for each, such as {"knows nothing": "A", "double softmax": "B", …}'
    if not isinstance(answer, Mapping) or not all(isinstance(k, str) for k in answer):
        raise Unusable(f"Expected a dictionary with {what}. You gave {describe(answer)}.")
    given = {k.strip().lower(): str(v).strip().upper() for k, v in answer.items()}
    if set(given) != set(RIGHT):
        raise Unusable(f"Expected the keys {', '.join(RIGHT)}; yours are {', '.join(given)}.")
    if set(given.values()) - set("ABCDE"):
        raise Unusable(f"Expected {what}: the letters are A to E.")
    runs = _material()
    for name, letter in given.items():
        if RIGHT[name] != letter:
            return incorrect(
                f"“{name}” is not {letter}. {_line(name, runs[letter])}", PITFALLS[name]
            )
    return correct(
        "C stands at ln 7, E at the entropy of its frequencies, A just above ln(e + 3) − 1, D just "
        "above the floor that smoothing sets; B is near 0 in training and far above ln 10 on new "
        "data."
    )


def _line(name, run):
    classes, said, new = run["classes"], run["training"], run["new"]
    q = run["frequencies"]
    lines = {
        "knows nothing": f"ln {classes} = {np.log(classes):.3f}",
        "knows the frequencies": f"the entropy of these frequencies is "
        f"{-(q[q > 0] * np.log(q[q > 0])).sum():.3f}",
        "double softmax": f"ln(e + {classes - 1}) − 1 = "
        f"{reference.double_softmax_floor(classes):.3f}",
        "label smoothing 0.1": f"the entropy of a smoothed target is "
        f"{smoothing_floor(classes, 0.1):.3f}",
    }
    if name == "learned by heart":
        return (
            f"What is learned by heart has a training loss near 0 and fails on new data, at or "
            f"above ln {classes} = {np.log(classes):.2f}; this run has {said:.3f} and {new:.3f}."
        )
    return f"For it, {lines[name]}; it stands at {said:.3f}."


def smoothing_floor(num_classes: int, smoothing: float) -> float:
    """Return the entropy of a one-hot target smoothed as Keras does, in nats."""
    target = np.full(num_classes, smoothing / num_classes)
    target[0] += 1 - smoothing
    return float(-(target * np.log(target)).sum())


# b · Mend a report


def _grade_report(answer):
    expect_function(answer, "mended")
    split = data.digits(seed=11)
    x, x_fresh = split.x_train[:400], split.x_test
    rng = np.random.default_rng(11)
    sources = (
        ("labels by lot", rng.integers(0, 10, 400), rng.integers(0, 10, len(x_fresh))),
        ("true labels", split.y_train[:400], split.y_test),
    )
    told = []
    for name, y, y_fresh in sources:
        model, loss, accuracy = _report(call(answer, x.copy(), y.copy(), num_classes=10))
        on_all, fresh = _measure(model, x, y), _measure(model, x_fresh, y_fresh)
        seen = (
            f"With {name} you say loss {loss:.2f} and accuracy {accuracy:.2f}; on fresh data the "
            f"model has {fresh[0]:.2f} and {fresh[1]:.2f}."
        )
        if abs(accuracy - fresh[1]) > 0.15 or abs(loss - fresh[0]) > 0.4 * fresh[0] + 0.2:
            return _untrue(seen, (loss, accuracy), on_all, fresh)
        if name == "true labels" and fresh[1] < 0.75:
            return incorrect(f"{seen} The report is true, but the model has hardly learned.")
        # One decimal: what is learned by heart differs a little between processors.
        told.append(f"{name}: {loss:.1f} and {accuracy:.1f}, fresh {fresh[0]:.1f}, {fresh[1]:.1f}")
    return correct("Your report against fresh data. " + "; ".join(told) + ".")


def _untrue(seen, said, on_all, fresh):
    if said[1] - fresh[1] > 0.15:
        trained_on = on_all[1] > 0.9
        return incorrect(
            f"{seen} "
            + (
                f"It has learned the labels by heart (accuracy {on_all[1]:.2f} on everything you "
                "were given): the examples you measure on were trained on. Hold a part out before "
                "training, and keep it out."
                if trained_on
                else "The data you measure on must not be among those you train on."
            ),
            "memorised-noise",
        )
    if abs(said[1] - fresh[1]) <= 0.15:
        return incorrect(
            f"{seen} The accuracy is honest, the loss is not. Is it the mean of −ln p over the "
            "held-out part, of the same model?"
        )
    return incorrect(f"{seen} Measure it on examples that were held out.")


def _report(value):
    what = "three things: the model, a loss and an accuracy"
    if not isinstance(value, tuple | list) or len(value) != 3 or not callable(value[0]):
        raise Unusable(f"Return {what}. Yours returned {describe(value)}.")
    return value[0], *numbers(value[1:], 2, "a loss and an accuracy, two finite numbers")


def _measure(model, x, y):
    outputs = np.asarray(model(x), np.float64)
    if outputs.shape != (len(x), 10):
        raise Unusable(f"The model should return shape ({len(x)}, 10), not {outputs.shape}.")
    return true_loss(y, outputs), reference.accuracy(y, outputs)


# c · The worst labels first


@cache
def _dirty(seed):
    """Return logits of a briefly trained softmax regression, dirty labels, planted positions."""
    split = data.digits(seed=seed)
    rng = np.random.default_rng(seed)
    x, y = split.x_train[:700].astype(float), split.y_train[:700].copy()
    planted = rng.choice(len(y), 25, replace=False)
    y[planted] = (y[planted] + rng.integers(1, 10, 25)) % 10
    weights = np.zeros((64, 10))
    for _ in range(60):
        weights -= 1.0 * x.T @ (reference.softmax(x @ weights) - np.eye(10)[y]) / len(x)
    return x @ weights, y, planted


def _grade_suspects(answer):
    expect_function(answer, "suspects")
    found = []
    for seed, k in ((21, 25), (22, 40)):
        logits, y, planted = _dirty(seed)
        given = _positions(call(answer, logits.copy(), y.copy(), k), k, len(y))
        right = set(np.argsort(-reference.cross_entropy(y, logits))[:k]) & set(planted)
        hits = set(given) & set(planted)
        if len(hits) < len(right) - 2:
            return _missed(given, logits, y, k, len(hits), len(right))
        found.append(f"{len(hits)} of {len(planted)} among {k}")
    return correct("Planted labels found: " + "; ".join(found) + ".")


def _missed(given, logits, y, k, hits, best):
    seen = f"Among your {k} suspects are {hits} planted labels; the largest losses hold {best}."
    unsure = set(np.argsort(reference.softmax(logits).max(axis=1))[:k])
    smallest = set(np.argsort(reference.cross_entropy(y, logits))[:k])
    if set(given) == smallest:
        return incorrect(f"{seen} Yours have the smallest losses: turn the order round.")
    if len(set(given) & unsure) > 0.9 * k:
        return incorrect(
            f"{seen} You chose where the model is unsure. A wrong label is where the model is sure "
            "and the label disagrees: look at the probability of the given label."
        )
    return incorrect(f"{seen} Sort by −ln p of the label that was given.")


def _positions(value, k, count):
    array = np.asarray(value).reshape(-1)
    if array.dtype == bool and len(array) == count:
        array = np.flatnonzero(array)
    if array.dtype.kind not in "iu" or len(array) != k or len(set(array.tolist())) != k:
        raise Unusable(f"Return {k} different positions. Yours returned {describe(value)}.")
    if array.min() < 0 or array.max() >= count:
        raise Unusable(
            f"Positions run from 0 to {count - 1}; yours from {array.min()} to {array.max()}."
        )
    return array.tolist()


EXERCISES = (
    Exercise(
        "11-a",
        "Where do they stand?",
        (
            "One of them has a training loss near 0. What does it do on new data?",
            "ln C for each number of classes; and −Σ q ln q of the frequencies q.",
            "The floor of a double softmax is ln(e + C − 1) − 1, 0.744 for four classes. With "
            "smoothing 0.1 the target of four classes is (0.925, 0.025, 0.025, 0.025).",
        ),
        _grade_standing,
        _material,
    ),
    Exercise(
        "11-b",
        "Mend a report",
        (
            "On which examples is the reported loss computed? Has the model seen them?",
            "Split x and y before training, at the same place: x[:cut], x[cut:].",
            "Train on the first part, and compute loss and accuracy on the second.",
        ),
        _grade_report,
    ),
    Exercise(
        "11-c",
        "The worst labels first",
        (
            "Which number per example is large when the model is sure and the label disagrees?",
            "reference.cross_entropy(y, logits) gives one loss per example; np.argsort sorts.",
        ),
        _grade_suspects,
    ),
)

PREDICTIONS = (
    Prediction(
        "11-p1",
        "Which of the two models has learned to look at its input?",
        choices=("digits", "ink", "both", "neither"),
    ),
    Prediction(
        "11-p2", "What training accuracy will a model reach on labels by lot?", tolerance=0.05
    ),
)
