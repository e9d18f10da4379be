"""Rule for the register: what every pitfall has, so that a learner who meets it is served."""

from utils import curriculum, pitfalls

import ast
from collections.abc import Iterator
from functools import cache

from tests.hygiene.sources import ROOT

# Exercises that train a pitfall without ever naming it in an answer, and why.
BY_SUBJECT = {
    "class-imbalance": ("13-a", "asks for the run that knows the class frequencies alone"),
    "metric-recreated": ("09-a", "its figures are those of last-batch-metric, told by that name"),
    "running-average": ("10-b", "asks for the part of the gap that moving weights make"),
}


@cache
def named_by_graders(number: int) -> frozenset[str]:
    """Return the ids that the graders of a lesson know by name."""
    # The clinic keeps its faults apart from its graders.
    modules = ["clinic_ward", "lesson_20"] if number == 20 else [f"lesson_{number:02d}"]
    ids = {entry.id for entry in pitfalls.all()}
    found = set()
    for module in modules:
        text = (ROOT / "utils" / "exercises" / f"{module}.py").read_text(encoding="utf-8")
        constants = (n.value for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Constant))
        found |= ids & {value for value in constants if isinstance(value, str)}
    return frozenset(found)


def lacks(entry: pitfalls.Pitfall, pages: set[str]) -> Iterator[str]:
    """Yield what a pitfall does not have.

    Parameters
    ----------
    entry : Pitfall
    pages : set of str
        Ids that have a page in the field guide.
    """
    if entry.lesson not in {lesson.number for lesson in curriculum.available()}:
        yield f"{entry.id}: lesson {entry.lesson} is not there"
    if not entry.detectable and not entry.reason:
        yield f"{entry.id}: neither a check nor a reason why there is none"
    if not entry.check:
        yield f"{entry.id}: no word on what finds it"
    trained = named_by_graders(entry.lesson) | named_by_graders(20) | set(BY_SUBJECT)
    if entry.id not in trained:
        yield f"{entry.id}: no exercise of lesson {entry.lesson:02d} or of the clinic trains it"
    if entry.id not in pages:
        yield f"{entry.id}: no page in the field guide"
