"""The register of pitfalls: one entry for every way a figure lies in this course.

README's table, the field guide, the finding cards and the detector matrix are
all drawn from it. The entries stand in ``pitfalls.toml`` beside this module.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

UNDETECTABLE = "undetectable"


@dataclass(frozen=True)
class Pitfall:
    """One way in which a training loop's figures come to be untrue.

    Attributes
    ----------
    id : str
        The public name, in kebab case.
    title : str
        A short name in plain words.
    lesson : int
        The lesson that reproduces, diagnoses and mends it.
    silence : str
        ``"silent"``, ``"loud"``, or when it is which, in a clause.
    symptom, cause, remedy : str
        One or two sentences each, in a user's words.
    test : str
        A test of thirty seconds that decides whether you have it.
    probe : str
        The test as lines to paste into a loop: silent in health, an ``AssertionError`` with
        the figures if you have it. Uses ``np``, ``tf``, ``keras`` and the loop's own names.
    figure : str
        The stored figure of a lesson that shows it, as ``"03/side-by-side"`` (lesson, cell id).
        Empty where the field guide draws one of its own.
    check : str
        The checks that find it, such as ``"outputs, watch"``, or ``"undetectable"``.
    reason : str
        Where it is undetectable, or detectable only in part: why.
    threads : tuple of str
        Addresses of public threads in which it was met; empty if none is known.
    """

    id: str
    title: str
    lesson: int
    silence: str
    symptom: str
    cause: str
    remedy: str
    test: str
    probe: str
    check: str
    reason: str = ""
    figure: str = ""
    threads: tuple[str, ...] = ()

    @property
    def detectable(self) -> bool:
        """Whether some check can tell it from health."""
        return self.check != UNDETECTABLE


@cache
def _register() -> dict[str, Pitfall]:
    text = resources.files(__package__).joinpath("pitfalls.toml").read_text(encoding="utf-8")
    return {
        id_: Pitfall(id=id_, **{**entry, "threads": tuple(entry.get("threads", ()))})
        for id_, entry in tomllib.loads(text).items()
    }


def all() -> tuple[Pitfall, ...]:
    """Return every entry, in the order of the lessons."""
    return tuple(sorted(_register().values(), key=lambda p: p.lesson))


def get(id: str) -> Pitfall:
    """Return the entry with this id.

    Raises
    ------
    KeyError
        If there is none; the message names the nearest ids.
    """
    try:
        return _register()[id]
    except (KeyError, TypeError):
        from difflib import get_close_matches

        near = get_close_matches(str(id), _register(), n=3)
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        raise KeyError(f"no pitfall is called {id!r}.{hint}") from None
