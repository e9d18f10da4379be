"""Lines over a quantity of one's own, such as a score or a gap between scores."""

from collections.abc import Mapping, Sequence

from .lines import reference_line
from .style import DASHES, REFERENCE, colour


def functions(
    ax,
    x: Sequence[float],
    values: Mapping[str, Sequence[float]],
    *,
    references: Mapping[str, float] | None = None,
    verticals: Mapping[str, float] | None = None,
    xlabel: str = "",
    ylabel: str = "loss (nats)",
    title: str = "",
):
    """Draw one line per name over the same x, with dashed reference lines across and upright.

    Parameters
    ----------
    ax : Axes
    x : sequence of float, shape (N,)
    values : mapping of str to sequence of float, shape (N,)
        NaN and infinity leave a gap.
    references : mapping of str to float, optional
        Horizontal lines, named at the right end.
    verticals : mapping of str to float, optional
        Upright lines, named at the top.
    """
    for position, (name, series) in enumerate(values.items()):
        # Lines that lie on each other must all be seen: later ones are thinner.
        ax.plot(
            x,
            series,
            color=colour(name, position),
            linewidth=max(4.5 - 1.5 * position, 1.5),
            linestyle="-" if position == 0 else (0, (5, 1 + position)),
            label=name,
        )
    for position, (name, level) in enumerate((references or {}).items()):
        reference_line(ax, level, name, position=position)
    for position, (name, place) in enumerate((verticals or {}).items()):
        dashes = DASHES[position % len(DASHES)]
        ax.axvline(place, color=REFERENCE, linestyle=dashes, linewidth=1.2)
        ax.annotate(
            name,
            xy=(place, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(3, -3),
            textcoords="offset points",
            ha="left",
            va="top",
            fontsize=9,
            color="#444444",
        )
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    ax.legend(frameon=False, loc="best")
    return ax
