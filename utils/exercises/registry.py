"""Find exercises and predictions: each lesson's grader module lists its own."""

import importlib
import pkgutil
from functools import cache

from .engine import Exercise


def _grader(number: str):
    """Return the grader module of a lesson, or None if the lesson has none."""
    try:
        return importlib.import_module(f".lesson_{number}", __package__)
    except ModuleNotFoundError as error:
        if error.name and error.name.endswith(f"lesson_{number}"):
            return None
        raise


@cache
def exercises(number: str) -> dict[str, Exercise]:
    """Return the exercises of a lesson by id."""
    module = _grader(number)
    return {e.id: e for e in module.EXERCISES} if module else {}


@cache
def predictions(number: str) -> dict:
    """Return the predictions of a lesson by id; see `predictions.Prediction`."""
    return {p.id: p for p in getattr(_grader(number), "PREDICTIONS", ())}


def lessons() -> tuple[str, ...]:
    """Return the two-digit numbers of the lessons that have exercises."""
    package = importlib.import_module(__package__)
    names = (m.name for m in pkgutil.iter_modules(package.__path__))
    return tuple(sorted(n.removeprefix("lesson_") for n in names if n.startswith("lesson_")))


def get(id: str) -> Exercise:
    """Return one exercise.

    Raises
    ------
    KeyError
        If there is no exercise with this id; the message lists those of the lesson.
    """
    known = exercises(str(id).split("-")[0])
    if id not in known:
        names = ", ".join(known) or "none"
        raise KeyError(f"no exercise is called {id!r}; this lesson has: {names}")
    return known[id]


def all() -> tuple[Exercise, ...]:
    """Return every exercise of the course, in order."""
    return tuple(e for number in lessons() for e in exercises(number).values())
