"""The class as text, and as CSV for a spreadsheet."""

import csv
from pathlib import Path

from ..exercises import registry
from ..exercises import standing as state
from . import Entry, Missed, missed_exercises, missed_predictions

_MOST = 5  # of the exercises and predictions missed, in the text
_FORMULA = ("=", "+", "-", "@")  # a spreadsheet would run a name that begins with one of these


def text(entries: list[Entry]) -> str:
    """Return the class as text: a line a learner, then what was missed most."""
    parts = [
        _grid(entries),
        _list("Exercises most often not right yet", missed_exercises(entries), "who tried it"),
        _list("Predictions most often missed", missed_predictions(entries), "who saw the outcome"),
    ]
    return "\n\n".join(parts)


def write_csv(entries: list[Entry], path: Path) -> Path:
    """Write a line a learner, and beside it what was missed; return the second path."""
    rows = [_record(entry) for entry in entries]
    _save(path, list(rows[0]), [list(row.values()) for row in rows])
    beside = path.with_name(f"{path.stem}-missed.csv")
    missed = [*missed_exercises(entries), *missed_predictions(entries)]
    _save(beside, ["id", "what", "missed", "of"], [[m.id, m.what, m.missed, m.of] for m in missed])
    return beside


def _grid(entries: list[Entry]) -> str:
    rows = [_header(), *(_learner(entry) for entry in entries), _totals(entries[0].standing)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    key = (
        "done: lessons with every exercise right. right: exercises, and by lesson on the right; "
        "· not begun.\npredicted: predictions that came out, of those whose outcome was seen."
    )
    return "\n".join([*(_aligned(row, widths) for row in rows), "", key])


def _header() -> list[str]:
    return ["who", "done", "right", "predicted", *registry.lessons()]


def _learner(entry: Entry) -> list[str]:
    now = entry.standing
    hits = now.count(state.AS_PREDICTED)
    return [
        entry.who,
        str(now.done),
        str(now.count(state.RIGHT)),
        f"{hits} of {hits + now.count(state.NOT_AS_PREDICTED)}",
        *(str(lesson.count(state.RIGHT)) if lesson.begun else "·" for lesson in now.lessons),
    ]


def _totals(now: state.Standing) -> list[str]:
    """Return how many there are of each, the same for every learner."""
    by_lesson = [len(lesson.exercises) for lesson in now.lessons]
    counts = [len(now.lessons), len(now.exercises), len(now.predictions), *by_lesson]
    return ["there are", *map(str, counts)]


def _aligned(row: list[str], widths: list[int]) -> str:
    who, *rest = zip(row, widths, strict=True)
    return "  ".join([who[0].ljust(who[1]), *(cell.rjust(width) for cell, width in rest)])


def _list(title: str, missed: list[Missed], who: str) -> str:
    if not missed:
        return f"{title}: none."
    lines = [f"  {m.id}  {m.missed} of {m.of} {who}: {m.what}" for m in missed[:_MOST]]
    more = f"  and {len(missed) - _MOST} more" if len(missed) > _MOST else ""
    return "\n".join([f"{title}:", *lines, *([more] if more else [])])


def _record(entry: Entry) -> dict[str, object]:
    now = entry.standing
    right, tried = now.count(state.RIGHT), now.count(state.TRIED)
    return {
        "who": entry.who,
        "file": entry.file,
        "lessons_done": now.done,
        "exercises_right": right,
        "exercises_tried": right + tried,
        "predictions_as_predicted": now.count(state.AS_PREDICTED),
        "predictions_not_as_predicted": now.count(state.NOT_AS_PREDICTED),
        "predictions_open": now.count(state.OPEN),
    } | {f"right_in_{lesson.number}": lesson.count(state.RIGHT) for lesson in now.lessons}


def _save(path: Path, header: list[str], rows: list[list]) -> None:
    # With a mark of byte order, Excel reads UTF-8 as UTF-8.
    with open(path, "w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([header, *([_safe(cell) for cell in row] for row in rows)])


def _safe(cell):
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
