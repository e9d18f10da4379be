"""Bars and histograms."""

from collections.abc import Mapping, Sequence

import numpy as np

from .style import HATCHES, colour


def bars(
    ax,
    values: Mapping[str, Sequence[float]],
    labels: Sequence[str],
    *,
    xlabel: str = "",
    ylabel: str = "",
    title: str = "",
):
    """Draw grouped bars: one group per label, one bar per name, hatched for grey print.

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
            facecolor=colour(name, position),
            hatch=HATCHES[position % len(HATCHES)],
            edgecolor="white",
            linewidth=0,
            label=name,
        )
    ax.axhline(0, color="#444444", linewidth=0.8)
    ax.set_xticks(place, labels)
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    ax.legend(frameon=False, loc="best")
    return ax


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
