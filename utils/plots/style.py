"""The look of the figures, and how one is put on the page."""

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
DASHES = ((0, (6, 3)), (0, (2, 2)), (0, (8, 2, 2, 2)), (0, (1, 1)))
# What tells lines and bars apart in grey print.
MARKERS = ("o", "s", "^", "D")
HATCHES = ("", "///", "...", "xxx")
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
