"""Graders of lesson 21, the fact check: experiments that can come out either way."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from .. import reference
from .engine import Exercise, Unusable, call, correct, describe, expect_function, incorrect
from .judging import are_probabilities
from .predictions import Prediction

# a · The deciding experiment


@dataclass
class _Probe:
    """A metric that remembers what it was called with.

    Attributes
    ----------
    function : callable
        Takes labels of shape (N,) and scores of shape (N, C), returns a number.
    seen : list of ndarray
        The scores of every call.
    """

    function: Callable[[np.ndarray, np.ndarray], float]
    seen: list[np.ndarray] = field(default_factory=list)

    def __call__(self, y_true, scores):
        y, z = np.asarray(y_true), np.asarray(scores, np.float64)
        if z.ndim != 2 or y.shape != z.shape[:1] or not len(y):
            raise Unusable(
                "The metric takes labels of shape (N,) and scores of shape (N, C); "
                f"you called it with shapes {y.shape} and {z.shape}."
            )
        if y.min() < 0 or y.max() >= z.shape[1]:
            raise Unusable(
                f"The labels must lie between 0 and {z.shape[1] - 1} for scores of shape "
                f"{z.shape}; yours go from {y.min()} to {y.max()}."
            )
        self.seen.append(z)
        return self.function(y.astype(int), z)


def _keras_accuracy(y, z):
    import keras

    metric = keras.metrics.SparseCategoricalAccuracy()
    metric.update_state(y, z)
    return float(metric.result())


def _rank(y, z):
    """Return how many classes score higher than the label, row by row."""
    return (z > z[np.arange(len(y)), y][:, None]).sum(axis=1)


def _top_two(y, z):
    return float((_rank(y, z) < 2).mean())


def _reciprocal_rank(y, z):
    return float((1 / (1 + _rank(y, z))).mean())


def _above_half(y, z):
    return float((z[np.arange(len(y)), y] > 0.5).mean())


def _cut_below(y, z):
    return reference.accuracy(y, np.maximum(z, 0))


def _cut_above(y, z):
    return reference.accuracy(y, np.minimum(z, 4))


# Name, metric, and what a batch must hold to show that softmax changes it; "" if it never does.
_METRICS = (
    ("Keras' sparse accuracy", _keras_accuracy, ""),
    ("the share of labels among the top two", _top_two, ""),
    ("the mean of 1 / rank of the label", _reciprocal_rank, ""),
    ("the share of labels that score above 0.5", _above_half, "scores on both sides of 0.5"),
    ("an accuracy that cuts scores off below 0", _cut_below, "rows of negative scores only"),
    ("an accuracy that cuts scores off above 4", _cut_above, "rows with two scores above 4"),
)


def _grade_decide(answer):
    expect_function(answer, "decide")
    for name, function, needed in _METRICS:
        probe, expected = _Probe(function), "true" if needed else "false"
        given = _verdict_of(call(answer, probe))
        if len(probe.seen) < 2:
            calls = "after a single call of" if probe.seen else "without calling"
            return incorrect(
                f"Your function says {given!r} {calls} the metric. A "
                "verdict without an experiment is an opinion: compare the metric of some scores "
                "with the metric of their softmax."
            )
        if given == expected:
            continue
        if expected == "false":
            return _softmax_blamed(name, probe)
        low, high = min(z.min() for z in probe.seen), max(z.max() for z in probe.seen)
        return incorrect(
            f"Your experiment says that softmax never changes {name}. It does. You tried scores "
            f"from {low:.1f} to {high:.1f}; it shows with {needed}. An experiment can only find "
            "what its data can show.",
            "metric-on-logits",
        )
    changed = sum(bool(needed) for _, _, needed in _METRICS)
    return correct(
        f"Your experiment was run on {len(_METRICS)} metrics and told them apart: softmax changes "
        f"{changed} of them and leaves {len(_METRICS) - changed} as they are. It can come out "
        "either way, so its verdict means something."
    )


def _softmax_blamed(name, probe):
    for z in probe.seen:
        if are_probabilities(z.T) and not are_probabilities(z):
            return incorrect(
                f"You say that softmax changes {name}. But your softmax runs over the rows, "
                "not over the classes: the columns sum to one.",
                "wrong-axis",
            )
        if are_probabilities(z) and any(len(set(row)) < len(row) for row in z.tolist()):
            return incorrect(
                f"You say that softmax changes {name}. It does where scores lie so far apart that "
                "several probabilities are rounded to the same number (lesson 07). The claim "
                "here is about scores between −10 and 10, without ties.",
                "saturated-ties",
            )
    return incorrect(
        f"You say that softmax changes {name}. It keeps the order of the scores within each row, "
        "and this metric looks at nothing else. Compare the same labels and the same scores, "
        "once as they are and once through softmax."
    )


def _verdict_of(value) -> str:
    text = str(value).strip().lower()
    if text not in ("true", "false"):
        raise Unusable(
            f'decide should return the word "true" or "false"; it returned {describe(value)}.'
        )
    return text


# b · Three unseen claims

WORDS = ("true", "false", "conditional")
_NEAR = 1e-3


def _figures(letter, y, z):
    """Return the two figures that a claim says are equal."""
    import keras

    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    if letter == "A":
        return float(loss_fn(y, z)), float(loss_fn(y, z + 7))
    if letter == "B":
        return _keras_accuracy(y, z), _top_one(y, z)
    weights = np.ones(len(y), np.float32)
    weights[-1] = 0
    return float(loss_fn(y, z, sample_weight=weights)), float(loss_fn(y[:-1], z[:-1]))


def _top_one(y, z):
    import keras

    metric = keras.metrics.SparseTopKCategoricalAccuracy(k=1)
    metric.update_state(y, z)
    return float(metric.result())


def _refutes(letter, y, z) -> bool:
    left, right = _figures(letter, y, z)
    return abs(left - right) > _NEAR


@cache
def _ordinary() -> tuple:
    """Return twenty batches of normal scores: no two scores of a row are equal."""
    rng = np.random.default_rng(21)
    return tuple(
        (rng.integers(0, 5, 12), rng.normal(0, 2, (12, 5)).astype(np.float32)) for _ in range(20)
    )


def _special() -> tuple:
    """Return batches at the edges: all scores equal, pairs that tie, scores of ±100."""
    y = np.arange(6) % 3
    equal = np.zeros((6, 3), np.float32)
    tied = np.tile(np.float32([1, 1, 0]), (6, 1))
    extreme = np.where(np.eye(3)[y[::-1]] > 0, 100, -100).astype(np.float32)
    return (y, equal), (y, tied), (y, extreme)


@cache
def _truth(letter) -> str:
    """Return the verdict, decided here and now by running."""
    ordinary = [_refutes(letter, y, z) for y, z in _ordinary()]
    if all(ordinary):
        return "false"
    special = [_refutes(letter, y, z) for y, z in _special()]
    return "conditional" if any(ordinary + special) else "true"


def _grade_unseen(answer):
    if not isinstance(answer, dict) or {str(k).strip().upper() for k in answer} != set("ABC"):
        raise Unusable(
            'Expected a dictionary such as {"A": ("true", None), "B": …, "C": …}. '
            f"You gave {describe(answer)}."
        )
    pairs = {str(k).strip().upper(): _pair(v) for k, v in answer.items()}
    told = []
    for letter in "ABC":
        word, batch = pairs[letter]
        complaint = _judge(letter, word, batch)
        if complaint is not None:
            return complaint
        if word != "true":
            left, right = _figures(letter, *batch)
            told.append(
                f"{letter} is {word}, and on your batch {left:.3f} stands against {right:.3f}"
            )
        else:
            told.append(f"{letter} is true: nothing we tried refutes it either")
    return correct(". ".join(told) + ".")


def _judge(letter, word, batch):
    expected = _truth(letter)
    if word != expected:
        return _wrong_word(letter, word, expected, batch)
    if word == "true":
        return None
    if batch is None:
        return incorrect(
            f"{letter} is {word}, yes. Now the evidence: put a batch in place of None, "
            "labels and scores, on which the two figures differ."
        )
    left, right = _figures(letter, *batch)
    if abs(left - right) > _NEAR:
        return None
    return incorrect(
        f"{letter} is {word}, yes. But your batch does not refute it: both figures are {left:.3f}."
    )


def _wrong_word(letter, word, expected, batch):
    if letter == "B" and word == "true":
        return incorrect(
            "B: ordinary random batches agree, that is so. But no two of their scores are equal. "
            "Which class does each metric choose when the two highest scores tie?",
            "saturated-ties",
        )
    if letter == "C" and word == "true":
        left, right = _figures(letter, *_ordinary()[0])
        return incorrect(
            f"C: on an ordinary batch the two losses are {left:.3f} and {right:.3f}. The weight "
            "takes the example out of the sum, but it is still counted when the sum is divided.",
            "padding-counted",
        )
    if expected == "true":
        seen = ""
        if batch is not None:
            seen = f" On your batch both figures are {_figures(letter, *batch)[0]:.3f}."
        return incorrect(
            f"{letter}: we found no batch that refutes it, among {len(_ordinary())} ordinary ones "
            f"and {len(_special())} at the edges.{seen} Softmax divides by a sum in which the same "
            "factor stands."
        )
    agreeing = sum(not _refutes(letter, y, z) for y, z in _ordinary())
    return incorrect(
        f"{letter} is not {word!r}: of {len(_ordinary())} ordinary random batches, "
        f"{agreeing} agree with the claim. See what the three words mean."
    )


def _pair(value):
    """Return (word, batch or None) of one entry of the answer."""
    if isinstance(value, str):
        value = (value, None)
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise Unusable(f"Each entry is a pair: a word and a batch, or None. {describe(value)}?")
    word = str(value[0]).strip().lower()
    if word not in WORDS:
        raise Unusable(f"The words here are {', '.join(WORDS)}; you wrote {str(value[0])[:40]!r}.")
    return word, None if value[1] is None else _batch(value[1])


def _batch(value):
    """Return labels (N,) as int and scores (N, C) as float32."""
    try:
        y, z = (np.asarray(part, np.float64) for part in value)
    except (TypeError, ValueError):
        raise Unusable("A batch is a pair: labels and scores, as arrays or lists.") from None
    if y.ndim != 1 or z.ndim != 2 or len(y) != len(z) or len(y) < 2:
        raise Unusable(
            "A batch needs labels of shape (N,) and scores of shape (N, C) with N at least 2; "
            f"yours have shapes {y.shape} and {z.shape}."
        )
    whole = np.isfinite(y).all() and (y == np.floor(y)).all()
    if not whole or y.min() < 0 or y.max() >= z.shape[1]:
        raise Unusable(f"The labels must be whole numbers from 0 to {z.shape[1] - 1}.")
    if not np.isfinite(z).all() or np.abs(z).max() > 100:
        raise Unusable("The scores must lie between −100 and 100.")
    return y.astype(int), z.astype(np.float32)


EXERCISES = (
    Exercise(
        "21-a",
        "Write the deciding experiment",
        (
            "Draw labels and scores, and call the metric twice: with the scores, and with "
            "reference.softmax(scores).",
            "One batch may agree by luck. Draw many, and say “false” only if all agree.",
            "Trained models give scores from about −10 to 10. Does your batch hold such rows, and "
            "rows whose scores are all negative?",
        ),
        _grade_decide,
    ),
    Exercise(
        "21-b",
        "Three unseen claims",
        (
            "Run said_equal on a hundred random batches and count how often the two figures "
            "differ.",
            "Random scores never tie, are never all equal, never extreme. Try such batches too.",
            "For the batch that refutes: two rows are enough.",
        ),
        _grade_unseen,
    ),
)

PREDICTIONS = (
    Prediction(
        "21-p1",
        "Of a hundred claims, how many are true as they stand?",
        "of a hundred",
        tolerance=5,
    ),
)
