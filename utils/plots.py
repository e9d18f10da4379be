"""Every figure of the course: functions take arrays and Axes, return Axes, and train nothing.

`show` puts a figure on the page together with its reading, one line in words
and rounded numbers. The reading is also the picture's alternative text.
"""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np

# Okabe and Ito's palette: distinct under the common forms of colour blindness.
COLOURS = {
    "broken": "#D55E00",
    "fixed": "#0072B2",
    "true": "#000000",
    "reported": "#D55E00",
    "training": "#0072B2",
    "validation": "#E69F00",
}
_SPARE = ("#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#F0E442", "#000000")
_DASHES = ((0, (6, 3)), (0, (2, 2)), (0, (8, 2, 2, 2)), (0, (1, 1)))
REFERENCE = "#666666"


def colour(name: str, position: int = 0) -> str:
    """Return the colour that belongs to a name, the same in every figure.

    A name such as "broken, eager" takes the colour of its first word; an unknown
    name takes a spare colour by its position.
    """
    first = name.replace(",", " ").split()[0].lower() if name.strip() else ""
    return COLOURS.get(first, _SPARE[position % len(_SPARE)])


def axes(columns: int = 1, *, height: float = 3.6, width: float = 4.9, sharey: bool = False):
    """Return a new figure and its axes in one row, in the course's style.

    Parameters
    ----------
    columns : int
    height, width : float
        Inches of one panel.

    Returns
    -------
    (Figure, Axes or ndarray of Axes)
    """
    figure, grid = plt.subplots(
        1, columns, figsize=(width * columns, height), layout="constrained", sharey=sharey
    )
    for ax in np.atleast_1d(grid):
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(axis="y", color="#DDDDDD", linewidth=0.8)
        ax.set_axisbelow(True)
    return figure, grid


def show(figure, reading: str) -> None:
    """Show a figure, then print its reading; the reading is also its alternative text.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Closed afterwards, so that a notebook does not show it twice.
    reading : str
        What the figure says, in words and rounded numbers computed from its data.
    """
    import io

    from IPython.display import Image, display

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, facecolor="white", metadata={"Software": None})
    plt.close(figure)
    display(Image(buffer.getvalue(), format="png", alt=reading))
    print(reading)


def curves(
    ax,
    values: Mapping[str, Sequence[float]],
    *,
    references: Mapping[str, float] | None = None,
    xlabel: str = "epoch",
    ylabel: str = "loss (nats)",
    title: str = "",
    start: int = 1,
):
    """Draw one line per name, with dashed reference lines named at the right edge.

    Parameters
    ----------
    ax : Axes
    values : mapping of str to sequence of float
        One value per epoch (or step).
    references : mapping of str to float, optional
        Horizontal lines, such as ``{"ln 10": 2.303}``.
    start : int
        The number of the first epoch.
    """
    for position, (name, series) in enumerate(values.items()):
        ax.plot(
            range(start, start + len(series)),
            series,
            color=colour(name, position),
            marker="o",
            markersize=3.5,
            linewidth=2,
            label=name,
        )
    span = max((max(s, default=0) for s in values.values()), default=0) or 1.0
    for position, (name, level) in enumerate((references or {}).items()):
        # A curve that ends just above the line would run through its name.
        crowded = any(0 <= s[-1] - level < 0.12 * span for s in values.values() if len(s))
        reference_line(ax, level, name, position=position, below=crowded)
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend(frameon=False, loc="best")
    return ax


def reference_line(ax, level: float, name: str, *, position: int = 0, below: bool = False):
    """Draw a dashed horizontal line and write its name and value above (or below) its right end."""
    ax.axhline(level, color=REFERENCE, linestyle=_DASHES[position % len(_DASHES)], linewidth=1.2)
    ax.annotate(
        f"{name} = {level:.3f}",
        xy=(1.0, level),
        xycoords=("axes fraction", "data"),
        xytext=(-2, -3 if below else 3),
        textcoords="offset points",
        ha="right",
        va="top" if below else "bottom",
        fontsize=9,
        color="#444444",
    )
    return ax


def read_curves(
    values: Mapping[str, Sequence[float]], references: Mapping[str, float] | None = None
) -> str:
    """Return a figure of `curves` in words: first and last value of each, and the references.

    >>> read_curves({"broken": [2.3, 1.5]}, {"floor": 1.461})
    'broken: 2.300 → 1.500. floor = 1.461.'
    """
    parts = [f"{name}: {series[0]:.3f} → {series[-1]:.3f}" for name, series in values.items()]
    lines = [f"{name} = {level:.3f}" for name, level in (references or {}).items()]
    return "; ".join(parts) + "." + (f" {'; '.join(lines)}." if lines else "")


def true_class_probability(ax, values: Mapping[str, Sequence[float]], *, title: str = ""):
    """Draw histograms of the probability that each model gives to the true class.

    Parameters
    ----------
    ax : Axes
    values : mapping of str to array_like of float, shape (N,)
        Probabilities in [0, 1].
    """
    bins = np.linspace(0, 1, 21)
    for position, (name, p) in enumerate(values.items()):
        ax.hist(
            np.asarray(p, float),
            bins=bins,
            histtype="stepfilled" if position == 0 else "step",
            alpha=0.45 if position == 0 else 1.0,
            linewidth=2,
            color=colour(name, position),
            label=name,
        )
    ax.set(xlabel="probability of the true class", ylabel="examples", title=title, xlim=(0, 1))
    ax.legend(frameon=False, loc="best")
    return ax


def read_true_class_probability(values: Mapping[str, Sequence[float]]) -> str:
    """Return a figure of `true_class_probability` in words."""
    parts = [
        f"{name}: median {np.median(p):.3f}, {np.mean(np.asarray(p) > 0.9):.0%} above 0.9"
        for name, p in values.items()
    ]
    return "Probability of the true class. " + "; ".join(parts) + "."


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
        text += (
            f" Largest confusion: {class_names[row]} taken for {class_names[column]}, "
            f"{wrong[row, column]} times."
        )
    return text


def bars(
    ax,
    values: Mapping[str, Sequence[float]],
    labels: Sequence[str],
    *,
    xlabel: str = "",
    ylabel: str = "",
    title: str = "",
):
    """Draw grouped bars: one group per label, one bar per name.

    Parameters
    ----------
    ax : Axes
    values : mapping of str to sequence of float, each as long as `labels`
    labels : sequence of str
    """
    width = 0.8 / len(values)
    place = np.arange(len(labels))
    for position, (name, series) in enumerate(values.items()):
        ax.bar(
            place + (position - (len(values) - 1) / 2) * width,
            series,
            width,
            color=colour(name, position),
            label=name,
        )
    ax.axhline(0, color="#444444", linewidth=0.8)
    ax.set_xticks(place, labels)
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    ax.legend(frameon=False, loc="best")
    return ax
