"""How one figure becomes another, step by step."""

from collections.abc import Mapping

from .style import COLOURS, REFERENCE

_UP, _DOWN = "#009E73", "#CC79A7"  # of the same palette as the named colours


def waterfall(
    ax,
    start: tuple[str, float],
    terms: Mapping[str, float],
    end: tuple[str, float],
    *,
    ylabel: str = "",
    title: str = "",
):
    """Draw a start, the terms that lead away from it, and the end they add up to.

    Parameters
    ----------
    ax : Axes
    start, end : (str, float)
        Name and value of the two figures compared.
    terms : mapping of str to float
        Signed differences, in order; together they are ``end - start``.

    Raises
    ------
    ValueError
        If the terms do not add up.
    """
    _check(start, terms, end)
    names = [start[0], *terms, end[0]]
    ax.bar(0, start[1], color=COLOURS["training"])
    level = start[1]
    for place, term in enumerate(terms.values(), start=1):
        ax.bar(place, term, bottom=level, color=_UP if term >= 0 else _DOWN)
        ax.plot([place - 1.4, place + 0.4], [level, level], color=REFERENCE, linewidth=1)
        level += term
        top = max(level, level - term)
        ax.annotate(f"{term:+.3f}", (place, top), (0, 2), textcoords="offset points", ha="center")
    last = len(names) - 1
    ax.bar(last, end[1], color=COLOURS["validation"])
    ax.plot([last - 1.4, last + 0.4], [level, level], color=REFERENCE, linewidth=1)
    for place, (_, value) in ((0, start), (last, end)):
        ax.annotate(f"{value:.3f}", (place, value), (0, 2), textcoords="offset points", ha="center")
    ax.set_xticks(range(len(names)), [name.replace(" ", "\n") for name in names])
    ax.set(ylabel=ylabel, title=title)
    ax.margins(y=0.12)
    return ax


def read_waterfall(
    start: tuple[str, float], terms: Mapping[str, float], end: tuple[str, float]
) -> str:
    """Return a figure of `waterfall` in words.

    >>> read_waterfall(("training", 0.5), {"dropout": 0.25}, ("validation", 0.75))
    'training 0.500; dropout +0.250; validation 0.750.'
    """
    _check(start, terms, end)
    steps = [f"{name} {term:+.3f}" for name, term in terms.items()]
    return "; ".join([f"{start[0]} {start[1]:.3f}", *steps, f"{end[0]} {end[1]:.3f}"]) + "."


def _check(start, terms, end) -> None:
    rest = end[1] - start[1] - sum(terms.values())
    if abs(rest) > 1e-6:
        raise ValueError(
            f"The terms do not add up: {start[1]:.4f} and {sum(terms.values()):+.4f} make "
            f"{start[1] + sum(terms.values()):.4f}, not {end[1]:.4f}."
        )
