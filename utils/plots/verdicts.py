"""How many claims of each document are true, false, or something in between."""

from collections.abc import Mapping

# Colour, hatch and colour of the number: three ways to tell two verdicts apart.
# Colours from Okabe and Ito's palette; the order is that of the bars.
LOOKS = {
    "true": ("#0072B2", "", "white"),
    "conditional": ("#56B4E9", "//", "black"),
    "version": ("#F0E442", "..", "black"),
    "false": ("#D55E00", "xx", "black"),
    "opinion": ("#DDDDDD", "", "black"),
}


def verdicts(ax, counts: Mapping[str, Mapping[str, int]], *, title: str = ""):
    """Draw one bar per document, made of one labelled and hatched piece per verdict.

    Parameters
    ----------
    ax : Axes
    counts : mapping of str to mapping of str to int
        Document, top to bottom, to verdict to number of claims. A verdict that
        is left out counts as zero.

    Raises
    ------
    ValueError
        If a verdict is none of "true", "conditional", "version", "false", "opinion".
    """
    _expect_known(counts)
    documents = list(counts)
    reached = [0] * len(documents)
    for verdict, (colour, hatch, ink) in LOOKS.items():
        widths = [counts[d].get(verdict, 0) for d in documents]
        if not any(widths):
            continue
        ax.barh(
            documents,
            widths,
            left=reached,
            height=0.7,
            color=colour,
            hatch=hatch,
            edgecolor="white",
            label=verdict,
        )
        for row, (width, left) in enumerate(zip(widths, reached, strict=True)):
            if width:
                _number(ax, left + width / 2, row, width, ink, plate=colour if hatch else None)
        reached = [a + b for a, b in zip(reached, widths, strict=True)]
    ax.invert_yaxis()
    ax.grid(visible=False)
    ax.set(xlabel="claims", title=title, xlim=(0, max(reached, default=0) or 1))
    if ax.containers:
        ax.legend(frameon=False, ncols=len(LOOKS), loc="upper center", bbox_to_anchor=(0.5, -0.2))
    return ax


def read_verdicts(counts: Mapping[str, Mapping[str, int]]) -> str:
    """Return a figure of `verdicts` in words: the whole, then each document.

    >>> read_verdicts({"D1": {"true": 2, "false": 1}, "D2": {"false": 3}})
    'Of 6 claims 2 are true (33 %), 4 false (67 %). True as they stand: D1 2 of 3, D2 0 of 3.'
    """
    _expect_known(counts)
    totals = {verdict: sum(row.get(verdict, 0) for row in counts.values()) for verdict in LOOKS}
    whole = sum(totals.values())
    if whole == 0:
        return "There are no claims."
    parts = [f"{n} {verdict} ({n / whole:.0%})" for verdict, n in totals.items() if n]
    parts[0] = parts[0].replace(" ", " are ", 1)
    each = [f"{d} {row.get('true', 0)} of {sum(row.values())}" for d, row in counts.items()]
    said = ", ".join(parts).replace("%", " %")
    return f"Of {whole} claims {said}. True as they stand: {', '.join(each)}."


def _number(ax, x, y, width, ink, plate):
    box = {"facecolor": plate, "edgecolor": "none", "pad": 1.2} if plate else None
    ax.text(x, y, str(width), ha="center", va="center", color=ink, fontsize=10, bbox=box)


def _expect_known(counts):
    odd = sorted({v for row in counts.values() for v in row} - set(LOOKS))
    if odd:
        raise ValueError(f"unknown verdict {odd[0]!r}; the verdicts are: {', '.join(LOOKS)}")
