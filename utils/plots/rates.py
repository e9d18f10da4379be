"""Precision against recall: the whole choice that a threshold offers."""

from collections.abc import Mapping, Sequence

import numpy as np

from .style import DASHES, REFERENCE, colour


def precision_recall(
    ax,
    values: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    points: Mapping[str, tuple[float, float]] | None = None,
    base_rate: float | None = None,
    title: str = "",
):
    """Draw precision over recall, one line per name, with single points on top.

    Parameters
    ----------
    ax : Axes
    values : mapping of str to (recall, precision)
        Two sequences of the same length each, one entry per threshold, both in [0, 1].
        NaN leaves a gap.
    points : mapping of str to (recall, precision), optional
        Single decisions, such as that of argmax.
    base_rate : float, optional
        The share of the class: the precision of naming at random.
    """
    for position, (name, (recall, precision)) in enumerate(values.items()):
        ax.plot(
            recall,
            precision,
            color=colour(name, position),
            linestyle=DASHES[(position - 1) % len(DASHES)] if position else "-",
            linewidth=2,
            label=name,
        )
    markers = "osD^vP"
    for position, (name, (recall, precision)) in enumerate((points or {}).items()):
        ax.plot(
            recall,
            precision,
            markers[position % len(markers)],
            color=colour(name, position + len(values)),
            markeredgecolor="white",
            markersize=9,
            label=name,
        )
    if base_rate is not None:
        ax.axhline(base_rate, color=REFERENCE, linestyle=(0, (6, 3)), linewidth=1.2)
        ax.annotate(
            f"share of the class = {base_rate:.2f}",
            xy=(1.0, base_rate),
            xycoords=("axes fraction", "data"),
            xytext=(-2, 3),
            textcoords="offset points",
            ha="right",
            va="bottom",
            fontsize=9,
            color="#444444",
        )
    ax.set(xlabel="recall", ylabel="precision", title=title, xlim=(0, 1.02), ylim=(0, 1.02))
    ax.legend(frameon=False, loc="best")
    return ax


def read_precision_recall(
    values: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    points: Mapping[str, tuple[float, float]] | None = None,
    *,
    recall: float = 0.8,
) -> str:
    """Return a figure of `precision_recall` in words: best precision at a recall, and the points.

    >>> read_precision_recall({"rows": ([1.0, 0.8, 0.5], [0.1, 0.6, 0.9])}, {"argmax": (0.5, 0.9)})
    'Precision at recall 0.8: rows 0.60. argmax: recall 0.50, precision 0.90.'
    """
    parts = []
    for name, (reached, precision) in values.items():
        enough = np.asarray(reached, float) >= recall - 1e-9
        best = np.nanmax(np.where(enough, np.asarray(precision, float), np.nan))
        parts.append(f"{name} {best:.2f}")
    single = [
        f"{name}: recall {r:.2f}, precision {p:.2f}" for name, (r, p) in (points or {}).items()
    ]
    return f"Precision at recall {recall:g}: {', '.join(parts)}." + (
        f" {'; '.join(single)}." if single else ""
    )
