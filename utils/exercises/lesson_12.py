"""Graders of lesson 12, overfitting and early stopping."""

from collections.abc import Mapping
from functools import cache

import numpy as np

from .. import data, reference
from .engine import Exercise, NotAttempted, Unusable, correct, describe, expect_function, incorrect
from .predictions import Prediction

# a · Mend early stopping


# Validation losses by epoch, epochs, patience. Patience ends the first two runs, the epochs the
# last two, of which the fourth has its best epoch last.
SCRIPTS = (
    ((0.9, 0.5, 0.7, 0.8, 0.6, 0.4, 0.3), 7, 2),
    ((0.9, 0.5, 0.7, 0.4, 0.6, 0.8, 0.9, 0.3, 0.2), 9, 3),
    ((0.9, 0.4, 0.7, 0.6), 4, 5),
    ((0.9, 0.7, 0.6, 0.5), 4, 2),
)


class _Script:
    """A model whose weight is the number of its last epoch, and losses that are given."""

    def __init__(self, losses):
        import keras

        self.model = keras.Sequential(
            [keras.layers.Input((1,)), keras.layers.Dense(1, use_bias=False)]
        )
        self.losses, self.epoch, self.validations = losses, 0, 0
        self.model.set_weights([np.zeros((1, 1))])

    def train_epoch(self):
        self.epoch += 1
        if self.epoch > len(self.losses):
            raise RuntimeError(f"more than the {len(self.losses)} epochs asked for were trained")
        self.model.layers[0].kernel.assign([[float(self.epoch)]])

    def validate(self):
        # The loss of the weights that the model holds now, so that measuring twice is no fault.
        self.validations += 1
        return self.losses[max(self.kept, 1) - 1]

    @property
    def kept(self) -> int:
        return round(float(self.model.get_weights()[0][0, 0]))


def _expected(losses, epochs, patience):
    """Return how many epochs should be trained, and the best of them."""
    best, wait, chosen = np.inf, 0, 0
    for epoch, loss in enumerate(losses[:epochs], start=1):
        if loss < best:
            best, wait, chosen = loss, 0, epoch
        else:
            wait += 1
        if wait == patience:
            return epoch, chosen
    return epochs, chosen


def _grade_stopping(answer):
    expect_function(answer, "mended")
    ends = []
    for losses, epochs, patience in SCRIPTS:
        script = _Script(losses)
        given = answer(script.model, script.train_epoch, script.validate, epochs, patience)
        if script.epoch == 0 and given is None:
            raise NotAttempted
        trained, best = _expected(losses, epochs, patience)
        seen = f"Validation losses {', '.join(map(str, losses[:trained]))}, patience {patience}:"
        complaint = _stopped_wrongly(script.epoch, trained, epochs, seen)
        if complaint is None and script.kept != best:
            complaint = _kept_wrongly(script.kept, script.epoch, best, trained == epochs, seen)
        if complaint is not None:
            return complaint
        least = min(losses[:trained])
        if not _is_number(given) or abs(float(given) - least) > 1e-6:
            return incorrect(
                f"{seen} the weights are right. Return the least validation loss, {least}; yours "
                f"returned {describe(given)}."
            )
        ends.append(f"epoch {best} of {trained}")
    return correct(
        "Kept " + ", ".join(ends) + ": right when patience ends the run, and when the epochs do."
    )


def _is_number(value) -> bool:
    try:
        return value is not None and np.asarray(value, float).shape == ()
    except (TypeError, ValueError):
        return False


def _stopped_wrongly(given, trained, epochs, seen):
    if given == trained:
        return None
    if given == epochs:
        return incorrect(f"{seen} it should stop after epoch {trained}; yours never stops early.")
    side = "soon" if given < trained else "late"
    return incorrect(
        f"{seen} it should stop after epoch {trained}; yours stops after {given}: too {side}. "
        "Count the epochs in a row without a new best, and begin again at 0 after each best."
    )


def _kept_wrongly(kept, last, best, ran_out, seen):
    if kept == last and ran_out:
        return incorrect(
            f"{seen} the epochs ran out first, and the model keeps the weights of epoch {last}; "
            f"the best was {best}. Put the best weights back at the end in every case.",
            "early-stopping-without-restore",
        )
    if kept == last:
        return incorrect(
            f"{seen} the model keeps the weights of epoch {last}, the last; the best was {best}. "
            "If you did put weights back: model.weights is a list of the living variables, "
            "get_weights() gives copies.",
            "early-stopping-without-restore",
        )
    return incorrect(
        f"{seen} the model has the weights of epoch {kept}; the best was {best}.",
        "early-stopping-without-restore",
    )


# b · Write a split


def _grade_split(answer):
    expect_function(answer, "split")
    told = []
    for name, x, y in _collections():
        parts = _four(answer(x.copy(), y.copy()))
        complaint = _judge_split(name, x, y, *parts)
        if complaint is not None:
            return complaint
        told.append(f"{name}: {len(parts[1])} and {len(parts[3])}")
    return correct(
        "Nothing in both parts, nothing lost, every class in both. " + "; ".join(told) + "."
    )


def _collections():
    """Return data whose first column is the number of the row."""
    rng = np.random.default_rng(12)
    digits, rare = data.digits(seed=12), data.rare_digits(seed=12)
    rare_y = np.where(rare.y_train == 2, 0, rare.y_train)
    few = np.flatnonzero(rare.y_train == 2)[:5]
    rare_y[few] = 2
    for name, labels in (
        ("digits", digits.y_train),
        ("sorted by class", np.sort(digits.y_train)),
        ("a class of five", rng.permutation(rare_y)),
    ):
        numbered = np.stack([np.arange(len(labels)), labels * 10.0], axis=1)
        yield name, numbered, labels


def _judge_split(name, x, y, x_train, y_train, x_val, y_val):
    if len(x_train) != len(y_train) or len(x_val) != len(y_val):
        return incorrect(
            f"{name}: {len(x_train)} rows with {len(y_train)} labels in training, "
            f"{len(x_val)} with {len(y_val)} in validation.",
            "batch-mismatch",
        )
    rows_train, rows_val = (part[:, 0].round().astype(int) for part in (x_train, x_val))
    wrong = np.concatenate([y_train, y_val]) != y[np.concatenate([rows_train, rows_val])]
    if wrong.any():
        return incorrect(
            f"{name}: {wrong.sum()} labels stand beside rows they do not belong to. Use the same "
            "positions for x and y.",
            "misaligned-labels",
        )
    both = set(rows_train) & set(rows_val)
    if both:
        return incorrect(
            f"{name}: {len(both)} of {len(set(rows_val))} validation rows are in training, too.",
            "validation-leak",
        )
    lost = len(x) - len(set(rows_train) | set(rows_val))
    if lost:
        return incorrect(f"{name}: {lost} of {len(x)} rows are in neither part.")
    share = len(rows_val) / len(x)
    if not 0.2 <= share <= 0.3:
        return incorrect(f"{name}: {share:.0%} are in validation; about a quarter was asked for.")
    return _judge_classes(name, y, y_train, y_val)


def _judge_classes(name, y, y_train, y_val):
    for label in np.unique(y):
        counts = (y_train == label).sum(), (y_val == label).sum()
        if 0 in counts:
            return incorrect(
                f"{name}: class {label} has {counts[0]} examples in training and {counts[1]} in "
                "validation. Split each class by itself (stratify).",
                "sorted-split",
            )
        share = counts[1] / sum(counts)
        if sum(counts) >= 40 and abs(share - 0.25) > 0.06:
            return incorrect(
                f"{name}: of class {label}, {share:.0%} are in validation, of all rows a quarter. "
                "Split each class by itself (stratify).",
                "sorted-split",
            )
    return None


def _four(value):
    if value is None:
        raise NotAttempted
    what = "four arrays: x_train, y_train, x_val, y_val"
    if not isinstance(value, tuple | list) or len(value) != 4:
        raise Unusable(f"Return {what}. Yours returned {describe(value)}.")
    parts = [np.asarray(part) for part in value]
    shapes = [part.shape for part in parts]
    if [part.ndim for part in parts] != [2, 1, 2, 1]:
        raise Unusable(f"Return {what}. Yours have the shapes {', '.join(map(str, shapes))}.")
    return parts


# c · Four curves


RIGHT = {"underfitting": "B", "overfitting": "D", "leak": "A", "sorted split": "C"}
PITFALLS = {"leak": "validation-leak", "sorted split": "sorted-split"}


@cache
def _material():
    """Return four runs of a one-layer network in NumPy."""
    split = data.digits(seed=6)
    x, y = split.x_train.astype(float), split.y_train.copy()
    rng = np.random.default_rng(6)
    dirty = y.copy()
    wrong = rng.choice(len(y), len(y) // 4, replace=False)
    dirty[wrong] = (dirty[wrong] + rng.integers(1, 10, len(wrong))) % 10
    x_new, y_new = split.x_test.astype(float), split.y_test
    by_class = np.argsort(y[:800], kind="stable")
    front, back = by_class[:640], by_class[640:]
    ink = lambda rows: rows.reshape(-1, 8, 8).mean(axis=2)[:, :2]  # noqa: E731
    return {
        "A": _train((x[:80], dirty[:80]), (x[20:60], dirty[20:60]), (x_new, y_new)),
        "B": _train((ink(x[:300]), y[:300]), (ink(x[600:900]), y[600:900]), (ink(x_new), y_new)),
        "C": _train((x[front], y[front]), (x[back], y[back]), (x_new, y_new), step=0.3),
        "D": _train((x[:80], dirty[:80]), (x[600:900], y[600:900]), (x_new, y_new)),
    }


def _train(train, val, new, *, step=1.5, epochs=30, each=20):
    x, y = train
    weights = np.zeros((x.shape[1], 10))
    history = {"training": [], "validation": []}
    for _ in range(epochs):
        for _ in range(each):
            delta = reference.softmax(x @ weights) - np.eye(10)[y]
            weights -= step * x.T @ delta / len(x)
        for name, (a, b) in (("training", train), ("validation", val)):
            history[name].append(float(reference.cross_entropy(b, a @ weights).mean()))
    history["new"] = float(reference.cross_entropy(new[1], new[0] @ weights).mean())
    return history


def _grade_curves(answer):
    what = 'one letter for each, such as {"underfitting": "A", "leak": "B", …}'
    if not isinstance(answer, Mapping) or not all(isinstance(k, str) for k in answer):
        raise Unusable(f"Expected a dictionary with {what}. You gave {describe(answer)}.")
    given = {k.strip().lower(): str(v).strip().upper() for k, v in answer.items()}
    if set(given) != set(RIGHT):
        raise Unusable(f"Expected the keys {', '.join(RIGHT)}; yours are {', '.join(given)}.")
    if set(given.values()) - set("ABCD"):
        raise Unusable(f"Expected {what}: the letters are A, B, C, D.")
    runs = _material()
    for name, letter in given.items():
        if RIGHT[name] != letter:
            return incorrect(_why_not(name, letter, runs[letter]), PITFALLS.get(name))
    return correct(
        f"B is high on both. D has its best validation early ({min(runs['D']['validation']):.2f}) "
        f"and ends at {runs['D']['validation'][-1]:.2f}. A is low on both, and "
        f"{runs['A']['new']:.2f} on new images. C's validation rises from the first epoch; it "
        "holds classes that training never saw."
    )


def _why_not(name, letter, run):
    t, v, new = run["training"][-1], run["validation"][-1], run["new"]
    tests = {
        "underfitting": "Underfitting is a high loss on training, validation and new images alike",
        "overfitting": "Overfitting is a low training loss, and a validation loss that falls first "
        "and then rises",
        "leak": "With a leak, validation is as good as training, and new images are not",
        "sorted split": "With a sorted split, validation holds classes never seen in training: its "
        "loss rises from the first epoch, far above ln 10",
    }
    return (
        f"“{name}” is not {letter}. {tests[name]}. {letter} ends with training {t:.2f}, validation "
        f"{v:.2f} and new images {new:.2f}."
    )


EXERCISES = (
    Exercise(
        "12-a",
        "Mend early stopping",
        (
            "What does model.weights hold: numbers, or variables that go on changing?",
            "What happens if the loop ends because the epochs have run out?",
            "best_weights = model.get_weights() at each best, and "
            "model.set_weights(best_weights) after the loop.",
        ),
        _grade_stopping,
    ),
    Exercise(
        "12-b",
        "Write a split",
        (
            "Choose positions once, and use them for x and for y.",
            "Go through the classes one by one, and take a quarter of each.",
            "A class of five needs at least one example on either side.",
        ),
        _grade_split,
    ),
    Exercise(
        "12-c",
        "Four curves",
        (
            "Compare the last validation loss with the loss on new images.",
            "Which validation loss never falls? Which falls and then rises?",
        ),
        _grade_curves,
        _material,
    ),
)

PREDICTIONS = (
    Prediction(
        "12-p1",
        "What is the validation loss of the model left behind?",
        choices=("that of the best epoch", "higher", "lower"),
    ),
    Prediction("12-p2", "What validation accuracy will this split report?", tolerance=0.15),
)
