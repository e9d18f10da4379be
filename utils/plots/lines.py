"""Lines over epochs or steps, with reference lines."""

from collections.abc import Mapping, Sequence

import numpy as np

from .style import DASHES, MARKERS, REFERENCE, colour


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

    A line that lies on an earlier one is dashed, so that both are seen. Each has a marker
    of its own, filled or hollow in turn, so that grey print tells them apart.

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
    drawn = []
    for position, (name, series) in enumerate(values.items()):
        hides = any(len(series) == len(s) and np.allclose(series, s, atol=1e-3) for s in drawn)
        drawn.append(series)
        ax.plot(
            range(start, start + len(series)),
            series,
            color=colour(name, position),
            linestyle=(0, (3, 3)) if hides else "-",
            marker=MARKERS[position % len(MARKERS)],
            markersize=3.5 + position % 2,
            markerfacecolor="white" if position % 2 else None,
            markevery=max(1, len(series) // 24),
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
    ax.axhline(level, color=REFERENCE, linestyle=DASHES[position % len(DASHES)], linewidth=1.2)
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
