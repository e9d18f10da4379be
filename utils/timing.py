"""How long a lesson takes, computed from the notebook itself.

No class has been timed. The minutes are those of a reader at the rates below,
who answers every prediction. The rates are assumptions, stated once and held for all lessons:

- prose: 200 words a minute. Silent readers of English non-fiction reach 238
  (Brysbaert 2019, *Journal of Memory and Language* 109, 104047); a lesson is
  denser, and often not in the reader's first language;
- code: 30 lines a minute, two seconds a line, for loops that the text has
  announced and that differ little from lesson to lesson;
- a figure: 20 seconds; a prediction: a minute;
- an exercise: 4, 4.5 or 5 minutes by the lesson's difficulty, besides reading it;
- running: half a minute a lesson. The test suite allows a kernel no more.
"""

import math
import re
from dataclasses import dataclass, field

import nbformat

WORDS = 200
LINES = 30
FIGURES = 3
PREDICTION = 1.0
RUNNING = 0.5
ALLOWANCE = {1: 4.0, 2: 4.5, 3: 5.0}
STEP = 5  # minutes; what a title and a plan are rounded to
TOLERANCE = 3.0  # minutes; a little more than rounding leaves, so that a new word changes no title

TIMING = "**For the instructor · timing.**"

_TITLE = re.compile(r"^\*(\d+) minutes · (?:difficulty (\d) of 3|no difficulty)", re.MULTILINE)
_HEADING = re.compile(r"^(#{2,4}) (.+)$", re.MULTILINE)
_EXERCISE = "exercise"


@dataclass
class Section:
    """A heading's share of a lesson, down to the next heading of its rank.

    Attributes
    ----------
    title : str
    kind : str
        "core", "optional" (its heading says so) or "exercises".
    rank : int
        Level of the heading.
    minutes : float
        Reading, predicting and, for exercises, the allowance; not rounded.
    """

    title: str
    kind: str
    rank: int = 2
    minutes: float = 0.0


@dataclass
class Timing:
    """What a lesson states and what its text, code and exercises come to.

    Attributes
    ----------
    stated : int
        Minutes on the title.
    difficulty : int
        1 to 3; 0 for a notebook without.
    sections : list of Section
    """

    stated: int
    difficulty: int
    sections: list[Section] = field(default_factory=list)

    def minutes(self, kind: str) -> float:
        """Return the minutes of all sections of this kind, running time among the core."""
        total = sum(s.minutes for s in self.sections if s.kind == kind)
        return total + RUNNING * (kind == "core")

    @property
    def exercises(self) -> int:
        """The minutes a plan gives to the exercises, in steps of five."""
        return rounded(self.minutes("exercises"))

    @property
    def off(self) -> bool:
        """Whether the title states other minutes than the core path comes to."""
        return self.difficulty > 0 and abs(self.stated - self.minutes("core")) > TOLERANCE


def rounded(minutes: float) -> int:
    """Round to the nearest five minutes."""
    return STEP * math.floor(minutes / STEP + 0.5)


def of(lesson: nbformat.NotebookNode) -> Timing:
    """Compute the timing of a learner's notebook (answers and teacher cells already out).

    Raises
    ------
    ValueError
        If the first cell states no minutes.
    """
    found = _TITLE.search(lesson.cells[0].source)
    if not found:
        raise ValueError("the first cell must state '*15 minutes · difficulty 2 of 3 · …*'")
    timing = Timing(int(found[1]), int(found[2] or 0), [Section("Opening", "core")])
    for cell in lesson.cells:
        heading = _HEADING.search(cell.source) if cell.cell_type == "markdown" else None
        if heading:
            _open(timing, len(heading[1]), heading[2])
        timing.sections[-1].minutes += _cell(cell, timing.difficulty)
    return timing


def _open(timing: Timing, rank: int, title: str) -> None:
    """Begin a section, unless the heading is a part of one that goes on."""
    last = timing.sections[-1]
    optional = "optional" in title.lower()
    title = re.sub(r"^Optional: | \(optional\)$", "", title)
    if title == "Exercises":
        timing.sections.append(Section("a", "exercises"))
    elif rank > 2 and last.kind == "exercises":
        letter = title.split(" · ")[0]
        if letter != last.title:
            timing.sections.append(Section(letter, "exercises", rank))
    elif optional:
        timing.sections.append(Section(title, "optional", rank))
    elif rank == 2 or (last.kind == "optional" and rank <= last.rank):
        timing.sections.append(Section(title, "core", rank))


def _cell(cell: nbformat.NotebookNode, difficulty: int) -> float:
    if cell.cell_type == "markdown":
        return len(cell.source.split()) / WORDS
    lines = sum(bool(line.strip()) for line in cell.source.splitlines())
    minutes = lines / LINES + cell.source.count("plots.show(") / FIGURES
    if "exercises.predict(" in cell.source:
        return minutes + PREDICTION
    return minutes + ALLOWANCE.get(difficulty, 0) * (_EXERCISE in cell.metadata.get("tags", []))


def shared(total: int, parts: list[float]) -> list[int]:
    """Share whole minutes out in proportion, so that they add up (largest remainders first)."""
    scale = total / sum(parts)
    shares = [math.floor(part * scale) for part in parts]
    by_remainder = sorted(range(len(parts)), key=lambda k: shares[k] - parts[k] * scale)
    for k in by_remainder[: total - sum(shares)]:
        shares[k] += 1
    return shares


def sentence(timing: Timing) -> str:
    """Return the paragraph on timing that opens a lesson's notes for the instructor."""
    core = [s for s in timing.sections if s.kind == "core"]
    parts = [f"Core path {timing.stated} minutes: {_listed(core, timing.stated)}."]
    optional = [s for s in timing.sections if s.kind == "optional"]
    if optional:
        listed = ", ".join(f"{s.title} {max(1, round(s.minutes))}" for s in optional)
        parts.append(f"Optional: {listed}.")
    exercises = [s for s in timing.sections if s.kind == "exercises"]
    if exercises:
        total = timing.exercises
        parts.append(f"Exercises {total} more: {_listed(exercises, total)}.")
    return " ".join([TIMING, *parts])


def _listed(sections: list[Section], total: int) -> str:
    shares = shared(total, [s.minutes for s in sections])
    return ", ".join(
        f"{s.title} {share}" for s, share in zip(sections, shares, strict=True) if share
    )


def note(solution: nbformat.NotebookNode, lesson: nbformat.NotebookNode) -> None:
    """Put the lesson's timing into the instructor's notes, where they have a place for it."""
    for cell in solution.cells:
        if cell.source.startswith(TIMING):
            _, *rest = cell.source.split("\n\n", 1)
            cell.source = "\n\n".join([sentence(of(lesson)), *rest])
