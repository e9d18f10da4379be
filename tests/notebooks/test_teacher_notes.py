"""The instructor's notes name pitfalls that exist, and those that the checks really answer with."""

from utils import edition, pitfalls
from utils.exercises import clinic_ward, registry

import ast
import re

import pytest

IDS = {entry.id for entry in pitfalls.all()}
GRADED = edition.select([])[1:]


def named(text):
    """Return what stands between backticks like a pitfall: known ids, and whatever has a hyphen."""
    return {
        word for word in re.findall(r"`([a-z]+(?:-[a-z]+)*)`", text) if word in IDS or "-" in word
    }


def notes(path):
    cells = edition.read(path).cells
    return "\n\n".join(cell.source for cell in cells if edition.TEACHER in edition.tags(cell))


def answered(number):
    """Return the pitfalls that a lesson's graders name, from their source."""
    source = (edition.ROOT / "utils" / "exercises" / f"lesson_{number}.py").read_text("utf-8")
    constants = {n.value for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Constant)}
    return {value for value in constants if value in IDS}


@pytest.mark.parametrize("path", edition.select([]), ids=lambda path: path.stem)
def test_every_pitfall_named_exists(path):
    assert named(notes(path)) <= IDS


@pytest.mark.parametrize("path", GRADED, ids=lambda path: path.stem)
def test_every_answer_of_the_checks_is_in_the_notes(path):
    assert answered(path.stem[:2]) <= named(notes(path))


@pytest.mark.parametrize("path", GRADED[:19], ids=lambda path: path.stem)
def test_the_notes_promise_no_other_answer(path):
    (told,) = re.findall(r"^\*\*What the checks answer\.\*\* (.+)$", notes(path), re.M)
    assert named(told) <= answered(path.stem[:2])
    letters = [id_.split("-")[1] for id_ in registry.exercises(path.stem[:2])]
    assert re.findall(r"\*([a-z])\*", told) == letters


def test_the_clinics_answers_are_the_wards():
    (path,) = edition.select(["20"])
    (line,) = re.findall(r"^\*\*Answers\.\*\* (.+)\.$", notes(path), re.M)
    told = {part[0]: named(part) for part in line.split(" · ")}
    assert told == {patient.letter: set(patient.faults) for patient in clinic_ward.WARD}


@pytest.mark.parametrize("path", edition.select([]), ids=lambda path: path.stem)
def test_what_an_instructor_looks_for_is_there(path):
    told = notes(path)
    for wanted in ("Say at the start", "ikely question"):
        assert wanted in told, wanted
    assert re.search(r"how live|With a class", told)
    assert re.search(r"Skip if short|If time is short", told)
