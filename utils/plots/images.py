"""Small pictures side by side."""

from collections.abc import Sequence

import numpy as np


def images(ax, pictures, captions: Sequence[str], *, columns: int = 10, title: str = ""):
    """Draw small grey pictures in rows, each with a caption beneath it.

    Parameters
    ----------
    ax : Axes
    pictures : array_like of float, shape (N, H, W)
        Bright is 0, dark is the largest value of all.
    captions : sequence of str, length N
    columns : int
        Pictures in a row.

    Raises
    ------
    ValueError
        If there is not one caption for each picture.
    """
    pictures = np.asarray(pictures, float)
    if pictures.ndim != 3 or len(pictures) != len(captions):
        raise ValueError(
            f"pictures must have shape (N, H, W) and N captions; they have shape {pictures.shape} "
            f"and there are {len(captions)} captions."
        )
    count, height, width = pictures.shape
    for position, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        row, column = divmod(position, columns)
        left, top = column * (width + 2), row * (height + 4)
        ax.imshow(
            picture,
            cmap="Greys",
            vmin=0,
            vmax=pictures.max(),
            extent=(left, left + width, top + height, top),
        )
        ax.text(left + width / 2, top + height + 0.5, caption, ha="center", va="top", fontsize=9)
    rows = -(-count // columns)
    ax.set(xlim=(-1, min(count, columns) * (width + 2) - 1), ylim=(rows * (height + 4), -0.5))
    ax.set(title=title, aspect="equal")
    ax.axis("off")
    return ax
