"""The lists of exercise 02-d: the same labels as ids, as text, as one-hot rows, and joined."""

import numpy as np

from .. import data

NO_CLASS = {"a row of zeros": [0, 0, 0], "id 3 of 3 classes": 3, "−1": "-1"}


def cases() -> tuple:
    """Return (name, labels, number of classes, ids): the same labels in each of their forms."""
    y, ten = data.wine(seed=2).y_test[:12], data.digits(seed=2).y_test[:12]

    def mixed(ids, rows):
        forms = zip(ids.tolist(), map(str, ids), rows, ids, strict=True)
        return [form[k % 4] for k, form in enumerate(forms)]

    rows = np.eye(3)[y]
    return (
        ("ids", y.tolist(), 3, y),
        ("ids as text", [str(k) for k in y], 3, y),
        ("one-hot rows", list(rows), 3, y),
        ("all three kinds", mixed(y, rows.astype(int).tolist()), 3, y),
        ("all three kinds, ten classes", mixed(ten, np.eye(10, dtype=np.float32)[ten]), 10, ten),
        ("one label", [[0, 0, 1]], 3, np.array([2])),
    )


def misread(labels: list, given: np.ndarray, y: np.ndarray) -> str:
    """Return what the first wrong id suggests; empty if every id is right.

    Parameters
    ----------
    labels : list
        As they came.
    given : ndarray of int, shape (N,)
        What the learner made of them.
    y : ndarray of int, shape (N,)
        The right ids.
    """
    if (given == y).all():
        return ""
    k = int(np.argmax(given != y))
    seen = f"label {k} is {np.asarray(labels[k]).tolist()!r} and became {given[k]}."
    is_row = np.array([np.ndim(label) == 1 for label in labels])
    if not is_row[k] and not given[~is_row].any():
        return f"{seen} argmax of a single value is 0, whatever the value: take it of rows only."
    if is_row[k] and (given[is_row] == 1).all():
        return f"{seen} Every row became 1. That is the one in it; its place is asked for."
    return f"{seen} It names class {y[k]}."
