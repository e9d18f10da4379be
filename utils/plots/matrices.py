"""Tables of numbers as pictures."""

from collections.abc import Sequence

import numpy as np


def confusion_matrix(ax, matrix, class_names: Sequence[str], *, title: str = ""):
    """Draw a confusion matrix: rows are true classes, columns are predictions.

    Parameters
    ----------
    ax : Axes
    matrix : array_like of int, shape (C, C)
    class_names : sequence of str, length C
    """
    matrix = np.asarray(matrix)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    ax.grid(False)
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(matrix):
        if count:
            ax.text(
                column,
                row,
                str(count),
                ha="center",
                va="center",
                fontsize=8 if len(matrix) > 5 else 10,
                color="white" if shares[row, column] > 0.5 else "black",
            )
    ticks = range(len(matrix))
    ax.set_xticks(ticks, class_names)
    ax.set_yticks(ticks, class_names)
    ax.set(xlabel="predicted class", ylabel="true class", title=title)
    return ax


def read_confusion_matrix(matrix, class_names: Sequence[str]) -> str:
    """Return a figure of `confusion_matrix` in words: share right, and the largest confusion."""
    matrix = np.asarray(matrix)
    right = np.trace(matrix) / max(matrix.sum(), 1)
    wrong = matrix - np.diag(np.diag(matrix))
    text = f"{right:.1%} of {matrix.sum()} on the diagonal."
    if wrong.any():
        row, column = np.unravel_index(wrong.argmax(), wrong.shape)
        text += f" Largest confusion: {class_names[row]} taken for {class_names[column]}, " + (
            "once." if wrong[row, column] == 1 else f"{wrong[row, column]} times."
        )
    return text
