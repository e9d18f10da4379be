"""Which pitfalls a detector names on which broken loops."""

from collections.abc import Mapping, Sequence

from matplotlib.patches import Patch, Rectangle

# Shape, size and colour: three ways to tell two severities apart, also in grey print.
# Colours from Okabe and Ito's palette.
LOOKS = {
    "error": ("s", 1.0, "#0072B2"),
    "warning": ("o", 0.8, "#E69F00"),
    "note": ("x", 0.6, "#666666"),
}
OWN = "#EFEFEF"
MISSED = "#D55E00"


def detector_matrix(
    ax,
    rows: Sequence[str],
    columns: Sequence[str],
    found: Mapping[tuple[str, str], str],
    *,
    title: str = "",
):
    """Draw what was named on what: one row per fault put in, one column per name given.

    A cell where row and column are the same pitfall is shaded. It holds a mark if the
    fault was found, and a red frame if it was missed; marks off the shaded cells are
    other names.

    Parameters
    ----------
    ax : Axes
    rows : sequence of str
        Pitfalls put into a loop, top to bottom.
    columns : sequence of str
        Pitfalls that can be named, left to right.
    found : mapping of (str, str) to str
        (pitfall put in, pitfall named) to "error", "warning" or "note".

    Raises
    ------
    ValueError
        If `found` holds an unknown severity, or a pair outside of rows and columns.
    """
    _expect_known(rows, columns, found)
    across = {name: i for i, name in enumerate(columns)}
    down = {name: i for i, name in enumerate(rows)}
    for name, y in down.items():
        if name in across:
            missed = found.get((name, name), "note") == "note"
            ax.add_patch(_cell(across[name], y, missed))
    size = _marker_points(ax, len(rows), len(columns))
    for severity, (marker, scale, colour) in LOOKS.items():
        cells = [pair for pair, given in found.items() if given == severity]
        if cells:
            ax.scatter(
                [across[named] for _, named in cells],
                [down[put_in] for put_in, _ in cells],
                marker=marker,
                s=(size * scale) ** 2,
                color=colour,
                linewidths=0.8 if marker == "x" else 0,
                label=severity,
                zorder=3,
            )
    _name_the_sides(ax, rows, columns)
    ax.set_title(title)
    handles, _ = ax.get_legend_handles_labels()
    if _missed(rows, columns, found):
        handles.append(Patch(facecolor=OWN, edgecolor=MISSED, label="missed"))
    if handles:
        ax.legend(
            handles=handles,
            frameon=False,
            ncols=len(handles),
            loc="upper center",
            bbox_to_anchor=(0.5, 0),
        )
    return ax


def read_detector_matrix(
    rows: Sequence[str], columns: Sequence[str], found: Mapping[tuple[str, str], str]
) -> str:
    """Return a figure of `detector_matrix` in words: found, missed, named otherwise.

    Notes are no alarms: they count neither as found nor as another name.

    >>> found = {("retracing", "retracing"): "error", ("label-range", "retracing"): "warning"}
    >>> read_detector_matrix(["retracing", "label-range"], ["retracing", "label-range"], found)
    '1 of 2 pitfalls are found under their own name. Missed: label-range. Named besides: \
retracing on label-range.'
    """
    _expect_known(rows, columns, found)
    alarms = [pair for pair, severity in found.items() if severity != "note"]
    missed = _missed(rows, columns, found)
    text = f"{len(rows) - len(missed)} of {len(rows)} pitfalls are found under their own name."
    if missed:
        text += f" Missed: {', '.join(missed)}."
    others = [f"{named} on {put_in}" for put_in, named in alarms if put_in != named]
    return text + (f" Named besides: {', '.join(others)}." if others else " Nothing else is named.")


def _missed(rows, columns, found) -> list[str]:
    """Return the rows whose own name was not given as an alarm."""
    return [name for name in rows if found.get((name, name), "note") == "note"]


def _cell(x, y, missed):
    edge = {"edgecolor": MISSED, "linewidth": 1.2} if missed else {"edgecolor": "none"}
    return Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=OWN, zorder=2 if missed else 1, **edge)


def _marker_points(ax, rows: int, columns: int) -> float:
    """Return a marker's width in points: most of a cell, but never a blot."""
    box = ax.get_window_extent()
    cell = min(box.width / max(columns, 1), box.height / max(rows, 1))
    return min(12.0, max(2.0, 0.6 * cell * 72 / ax.figure.dpi))


def _name_the_sides(ax, rows, columns) -> None:
    size = 9 if max(len(rows), len(columns)) <= 20 else 6
    ax.set_xticks(range(len(columns)), columns, rotation=90, fontsize=size)
    ax.set_yticks(range(len(rows)), rows, fontsize=size)
    ax.xaxis.tick_top()
    ax.xaxis.set_label_position("top")
    ax.tick_params(length=0)
    ax.set(xlabel="named", ylabel="put in")
    ax.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5))
    # Hairlines lead the eye from a mark to both of its names.
    ax.grid(visible=True, color="#E4E4E4", linewidth=0.4)


def _expect_known(rows, columns, found) -> None:
    for (put_in, named), severity in found.items():
        if severity not in LOOKS:
            raise ValueError(f"unknown severity {severity!r}; there are: {', '.join(LOOKS)}")
        if put_in not in rows or named not in columns:
            raise ValueError(f"({put_in!r}, {named!r}) has no cell: not in rows and columns")
