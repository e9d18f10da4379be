"""Every label against every prediction: what a broadcast comparison really compares."""

import numpy as np

from .style import COLOURS


def comparison(ax, y_true, y_pred, *, title: str = ""):
    """Draw the (B, B) matrix of matches, with the B comparisons that were meant outlined.

    Parameters
    ----------
    ax : Axes
    y_true, y_pred : array_like of int, shape (B,)
        Class ids. Row i holds label i against every prediction. Sorted labels show
        the classes as blocks.
    """
    matrix = _matches(y_true, y_pred)
    ax.grid(False)
    ax.imshow(matrix, cmap="Blues", vmin=0, vmax=1.4)
    meant = np.arange(len(matrix))
    ax.scatter(meant, meant, marker="s", s=14, facecolor="none", edgecolor=COLOURS["broken"])
    ax.set(xlabel="prediction", ylabel="label", title=title)
    ax.set_xticks([])
    ax.set_yticks([])
    return ax


def read_comparison(y_true, y_pred) -> str:
    """Return a figure of `comparison` in words: matches on the diagonal and in the square."""
    matrix = _matches(y_true, y_pred)
    return (
        f"On the diagonal {np.trace(matrix)} of {len(matrix)} match "
        f"({np.trace(matrix) / len(matrix):.2f}); in the whole square "
        f"{matrix.sum()} of {matrix.size} ({matrix.mean():.2f})."
    )


def _matches(y_true, y_pred):
    y_true, y_pred = np.asarray(y_true).reshape(-1), np.asarray(y_pred).reshape(-1)
    if y_true.shape != y_pred.shape:
        raise ValueError(
            f"One prediction per label is wanted; there are {y_pred.size} predictions and "
            f"{y_true.size} labels."
        )
    return (y_true[:, None] == y_pred).astype(int)
