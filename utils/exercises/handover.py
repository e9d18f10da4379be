"""Progress as a file that a learner hands over, and only by hand: nothing here sends anything.

The file is JSON in UTF-8, schema 1. These are all its keys::

    {"format": "loss-and-found progress",
     "schema": 1,
     "name": "Ada",            # or null: what the learner chose to give
     "lessons": {
      "03": {"exercises": {"03-a": "right", "03-b": "tried", "03-c": "to do"},
             "predictions": {"03-p1": "as predicted", "03-p2": "to do"}}}}

The states are those of `standing`: what the learner's own overview shows, and no more.
There is no signature: whoever can open the file can change it.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from . import registry
from . import standing as state

FORMAT = "loss-and-found progress"
SCHEMA = 1
STEM = "loss-and-found-progress"
LONGEST_NAME = 80  # characters
LARGEST_FILE = 64 * 1024  # bytes; an export of the whole course has about 4000
_KEYS = ("format", "schema", "name", "lessons")
_PARTS = {"exercises": state.EXERCISE_STATES, "predictions": state.PREDICTION_STATES}


class Foreign(ValueError):
    """The file is not an export that this copy of the course can read; the text says why."""


@dataclass(frozen=True)
class Handover:
    """What an export holds.

    Attributes
    ----------
    name : str or None
    standing : Standing
    """

    name: str | None
    standing: state.Standing


def export(
    path=None, *, name: str | None = None, show: bool = False, overwrite: bool = False
) -> None:
    """Write your progress to a file, to hand over if you wish; nothing is sent anywhere.

    It holds what `overview` shows: the state of each exercise and prediction. Your
    answers, times, user name, machine and folders are not in it.

    Parameters
    ----------
    path : str or Path, optional
        File or folder; else ``loss-and-found-progress.json``, with the name if one
        is given, beside the notebook.
    name : str, optional
        A name to stand in the file; without one there is none.
    show : bool
        Print what the file would hold, and write nothing.
    overwrite : bool
        Replace a file that is there already.

    Raises
    ------
    ValueError
        If the name is empty, longer than 80 characters or not plain text.
    FileExistsError
        If there is such a file already.
    OSError
        If it cannot be written.
    """
    handover = Handover(_clean_name(name), state.now())
    text = dumps(handover)
    if show:
        print(text, end="")
        return
    target = _target(path, handover.name)
    try:
        with open(target, "w" if overwrite else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise FileExistsError(
            f"There is a file {target} already, and it was left as it is. Give another path, "
            f"or replace it: exercises.export({str(target)!r}, overwrite=True)"
        ) from None
    except OSError as error:
        raise OSError(
            f"{target} could not be written ({error.strerror}). Name a file or folder where you "
            'may write: exercises.export("~")'
        ) from error
    print(f"Written: {target}. {_holds(handover)} Nothing was sent. Hand it over, or delete it.")


def dumps(handover: Handover) -> str:
    """Return the file's text: JSON, one lesson a line."""
    lessons = ",\n".join(
        f"  {json.dumps(lesson.number)}: "
        + json.dumps({"exercises": lesson.exercises, "predictions": lesson.predictions})
        for lesson in handover.standing.lessons
    )
    name = json.dumps(handover.name, ensure_ascii=False)
    return (
        f'{{"format": {json.dumps(FORMAT)},\n "schema": {SCHEMA},\n "name": {name},\n'
        f' "lessons": {{\n{lessons}}}}}\n'
    )


def read(path) -> Handover:
    """Read an export.

    What the file does not name is to do: it may come from an older copy of the course.

    Raises
    ------
    Foreign
        If it is too large, cut off, of another format or schema, or names a state,
        exercise or key that does not belong there.
    OSError
        If it cannot be read.
    """
    with open(path, "rb") as file:
        raw = file.read(LARGEST_FILE + 1)
    if len(raw) > LARGEST_FILE:
        raise Foreign(f"it is larger than {LARGEST_FILE} bytes, and no export is")
    try:
        data = json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise Foreign("it is not JSON, or it was cut off") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise Foreign(f'it is not an export of progress: its "format" is not "{FORMAT}"')
    schema = data.get("schema")
    if type(schema) is not int or schema != SCHEMA:
        raise Foreign(f"its schema is {_brief(schema)}, and this copy of the course reads {SCHEMA}")
    if set(data) != set(_KEYS):
        raise Foreign(f"its keys are {_brief(sorted(data))}, not {', '.join(_KEYS)}")
    try:
        name = _clean_name(data["name"])
    except ValueError as error:
        raise Foreign(str(error)) from None
    return Handover(name, _standing(data["lessons"]))


def _standing(lessons) -> state.Standing:
    if not isinstance(lessons, dict):
        raise Foreign('"lessons" does not hold a lesson')
    found: dict[str, dict[str, str]] = {part: {} for part in _PARTS}
    for number, entry in lessons.items():
        if number not in registry.lessons():
            raise Foreign(f"this copy of the course has no exercises in lesson {_brief(number)}")
        if not isinstance(entry, dict) or set(entry) != set(_PARTS):
            raise Foreign(f"lesson {number} does not hold {' and '.join(_PARTS)}")
        known = {
            "exercises": registry.exercises(number),
            "predictions": registry.predictions(number),
        }
        for part, states in _PARTS.items():
            found[part] |= _checked(entry[part], known[part], states, f"{part} of lesson {number}")
    return state.build(found["exercises"], found["predictions"])


def _checked(entry, known, states, where: str) -> dict[str, str]:
    if not isinstance(entry, dict):
        raise Foreign(f"the {where} are not listed by name")
    for id_, value in entry.items():
        if id_ not in known:
            raise Foreign(
                f"the {where} name {_brief(id_)}, which this copy of the course does not have"
            )
        if value not in states:
            raise Foreign(f"{id_} is {_brief(value)}, which is none of: {', '.join(states)}")
    return entry


def _clean_name(name: str | None) -> str | None:
    if name is None:
        return None
    clean = name.strip() if isinstance(name, str) else ""
    # Printable only: a name must not move the cursor of whoever reads the class's table.
    if not clean or len(clean) > LONGEST_NAME or not clean.isprintable():
        raise ValueError(
            f"a name is text of 1 to {LONGEST_NAME} characters on one line, such as "
            f'"Ada"; this one is {_brief(name)}'
        )
    return clean


def _target(path, name: str | None) -> Path:
    target = Path(path).expanduser() if path is not None else Path()
    if not target.is_dir():
        return target
    words = re.findall(r"\w+", name.lower()) if name else []
    return target / ("-".join([STEM, *words]) + ".json")


def _holds(handover: Handover) -> str:
    now = handover.standing
    who = f"the name {handover.name}" if handover.name else "no name"
    return (
        f"It holds {who} and what your overview shows: the state of {len(now.exercises)} "
        f"exercises ({now.count(state.RIGHT)} right, {now.count(state.TRIED)} not yet) and "
        f"{len(now.predictions)} predictions ({now.count(state.AS_PREDICTED)} as predicted, "
        f"{now.count(state.NOT_AS_PREDICTED)} not, {now.count(state.OPEN)} open). No answers, "
        "no times, nothing about you or your machine besides."
    )


def _brief(value) -> str:
    text = ascii(value)
    return text if len(text) <= 60 else text[:57] + "..."
