"""Plans for a half day, a day and six weeks, with clock times drawn from the lessons' minutes.

``python -m utils.plans`` writes them into TEACHING.md; ``--check`` only compares.
A lesson takes what its title states, and its exercises what its notes state.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from . import curriculum, edition, frontpage, timing

PAGE = Path(__file__).resolve().parents[1] / "TEACHING.md"
BEGIN = "<!-- plans: written by `python -m utils.plans` -->\n"
END = "<!-- end of plans -->"


@dataclass(frozen=True)
class Slot:
    """A stretch of a session: what happens, in Markdown, and for how many minutes."""

    what: str
    minutes: int


@cache
def _timing(number: int) -> timing.Timing:
    (path,) = edition.select([f"{number:02d}"])
    return timing.of(edition.derive(edition.read(path)))


def lesson(number: int, exercises: str = "all") -> Slot:
    """Return a lesson's slot, in steps of five minutes.

    Parameters
    ----------
    number : int
    exercises : {"all", "a"}
        All of its exercises, or only the first.
    """
    minutes = _timing(number)
    first = [s.minutes for s in minutes.sections if s.kind == "exercises"][:1]
    extra = timing.rounded(sum(first)) if exercises == "a" else minutes.exercises
    told = (
        "" if not first else ", with its exercises" if exercises == "all" else ", with exercise a"
    )
    return Slot(_link(number) + told, minutes.stated + extra)


def _link(number: int) -> str:
    entry = curriculum.get(number)
    return f"[{number:02d} {entry.title}](solutions/{entry.stem}.ipynb)"


def block(numbers: Iterable[int], exercises: str = "all") -> list[Slot]:
    """Return lessons in a row."""
    return [lesson(number, exercises) for number in numbers]


def half_day() -> list[Slot]:
    """Six lessons from 09:00 to 13:00: what most loops suffer from, with every exercise."""
    return [
        *block([0, 3, 8]),
        Slot("*Break*", 15),
        *block([9, 11]),
        Slot("*Break*", 15),
        *block([13, 15]),
        Slot("Questions; the checks around a loop of their own", 15),
    ]


def full_day() -> list[Slot]:
    """Twelve lessons from 09:00: one exercise each, time for others at the end of a block."""
    more = Slot("The other exercises of the lesson each likes best; questions", 25)
    return [
        *block([0, 1, 3, 4], "a"),
        more,
        Slot("*Break*", 15),
        *block([6, 8, 9], "a"),
        more,
        Slot("*Lunch*", 60),
        *block([10, 11, 12], "a"),
        more,
        Slot("*Break*", 15),
        *block([13, 15, 16], "a"),
        more,
    ]


WEEKS = (  # in the room, at home before the next session
    ("Labels", (0, 1, 2), ()),
    ("Outputs", (3, 4), (5, 6)),
    ("Accuracy in the loop", (8, 9), (7, 10)),
    ("Reading the loss", (11, 12), (21,)),
    ("Imbalance", (13, 15), (14, 16)),
    ("The loop itself", (20,), (17, 18, 19)),
)
SESSION = 100  # minutes


def week(position: int) -> list[Slot]:
    """Return one of the six sessions of 100 minutes, the homework of the last talked over first."""
    _, taught, _ = WEEKS[position]
    before = WEEKS[position - 1][2] if position else ()
    slots = [Slot("The homework, talked over", 10)] if before else []
    *first, last = block(taught)
    slots += [*first, Slot("*Break*", 10), last] if first else [last, Slot("*Break*", 10)]
    return [*slots, Slot("Questions", SESSION - sum(slot.minutes for slot in slots))]


def table(start: int, slots: list[Slot]) -> str:
    """Return a plan as Markdown: clock time, minutes, what; the end stands in the last row.

    Parameters
    ----------
    start : int
        Minutes after midnight.
    slots : list of Slot
    """
    lines = ["| clock | minutes | |", "| --- | --- | --- |"]
    for slot in slots:
        lines.append(f"| {clock(start)} | {slot.minutes} | {slot.what} |")
        start += slot.minutes
    return "\n".join([*lines, f"| {clock(start)} | | End |"])


def clock(minutes: int) -> str:
    """Return minutes after midnight as hours and minutes."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def markdown() -> str:
    """Return all plans as Markdown."""
    parts = [
        f"### Half a day: six lessons\n\n{half_day.__doc__}\n\n{table(9 * 60, half_day())}",
        f"### A day: twelve lessons\n\n{full_day.__doc__}\n\n{table(9 * 60, full_day())}",
        "### Six weeks: the whole course\n\nA part of the course a week: "
        f"a session of {SESSION} minutes, and lessons to do at home, exercises included.",
    ]
    for position, (part, _, home) in enumerate(WEEKS):
        title = f"**Week {position + 1} · {part}**"
        parts.append(f"{title}\n\n{table(16 * 60, week(position))}")
        if home:
            slots = block(home)
            listed = ", ".join(
                f"{_link(n)} {slot.minutes}" for n, slot in zip(home, slots, strict=True)
            )
            parts.append(f"At home, {sum(slot.minutes for slot in slots)} minutes: {listed}.")
    return "\n\n".join(parts)


def main(argv: list[str]) -> int:
    """Write or compare; return the exit status."""
    stored = PAGE.read_text(encoding="utf-8")
    page = frontpage.between(stored, BEGIN, END, f"\n{markdown()}\n\n")
    if "--check" in argv:
        print("The plans agree." if page == stored else "They differ: run `python -m utils.plans`.")
        return int(page != stored)
    PAGE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
