"""A class's exports of progress, read into one table, with what most of the class missed.

Learners make them with ``exercises.export(name="…")`` and hand them over.
``python -m utils.classbook handed-in`` shows the table.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ..exercises import handover, registry
from ..exercises import standing as state


@dataclass(frozen=True)
class Entry:
    """One file.

    Attributes
    ----------
    who : str
        The name in the file, else the file's own name.
    file : str
        Its name, without folders.
    standing : Standing
    """

    who: str
    file: str
    standing: state.Standing


@dataclass(frozen=True)
class Missed:
    """An exercise not right yet, or a prediction that did not come out.

    Attributes
    ----------
    id : str
    what : str
        Title or question.
    missed, of : int
        How many learners missed it, of those who tried it or saw its outcome.
    """

    id: str
    what: str
    missed: int
    of: int


def files(paths: list[Path]) -> list[Path]:
    """Return the files to read, each once: those of a folder are its ``*.json``."""
    found: dict[Path, Path] = {}
    for path in paths:
        for file in sorted(path.glob("*.json")) if path.is_dir() else [path]:
            found.setdefault(file.resolve(), file)
    return list(found.values())


def gather(paths: list[Path]) -> tuple[list[Entry], list[str]]:
    """Read exports; return them by name, and a line for each file that was skipped."""
    entries, skipped = [], []
    for path in files(paths):
        name = _plain(path.name)
        try:
            found = handover.read(path)
        except handover.Foreign as error:
            skipped.append(f"{name}: {error}.")
        except OSError as error:
            skipped.append(f"{name}: it cannot be read ({error.strerror}).")
        else:
            entries.append(Entry(found.name or name, name, found.standing))
    return sorted(entries, key=lambda entry: (entry.who.casefold(), entry.file)), skipped


def missed_exercises(entries: list[Entry]) -> list[Missed]:
    """Return the exercises that were tried and are not right yet, most missed first."""
    titles = {e.id: e.title for e in registry.all()}
    standings = [entry.standing.exercises for entry in entries]
    return _missed(titles, standings, state.TRIED, state.RIGHT)


def missed_predictions(entries: list[Entry]) -> list[Missed]:
    """Return the predictions that did not come out, most missed first."""
    questions = {
        id_: p.question for n in registry.lessons() for id_, p in registry.predictions(n).items()
    }
    standings = [entry.standing.predictions for entry in entries]
    return _missed(questions, standings, state.NOT_AS_PREDICTED, state.AS_PREDICTED)


def _missed(titles: dict[str, str], standings: list[dict], miss: str, hit: str) -> list[Missed]:
    misses = Counter(id_ for states in standings for id_, s in states.items() if s == miss)
    tries = Counter(id_ for states in standings for id_, s in states.items() if s in (miss, hit))
    found = [Missed(id_, titles[id_], count, tries[id_]) for id_, count in misses.items()]
    return sorted(found, key=lambda m: (-m.missed, -m.missed / m.of, m.id))


def _plain(name: str) -> str:
    return name if name.isprintable() else ascii(name)
