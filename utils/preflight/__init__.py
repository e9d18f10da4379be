"""The pre-flight check: will the course run on this machine?

``python -m utils.preflight`` prints a line for each question, "OK" or what to
do, and exits with 1 if something must be done first.
"""

# A Python too old for the course must get as far as saying so.
from __future__ import annotations

from collections.abc import Callable

from . import machine, software
from .line import Line

__all__ = ["CHECKS", "Line", "run"]

CHECKS: dict[str, Callable[[], Line]] = {
    "Python": software.python,
    "TensorFlow": software.packages,
    "memory": machine.memory,
    "disk": machine.disk,
    "notebooks": machine.notebooks,
    "progress": machine.progress,
    "port": machine.port,
    "browser": machine.browser,
    "kernel": software.kernel,
    "ten steps": software.loop,
}


def answer(subject: str) -> Line:
    """Run one check; whatever stops it becomes a line too.

    Parameters
    ----------
    subject : str
        A key of ``CHECKS``.
    """
    try:
        return CHECKS[subject]()
    except ImportError as error:
        return Line(subject, f"{error.name or 'a package'} is missing", software.INSTALL)
    except Exception as error:
        first = (str(error).strip() or "no message").splitlines()[0]
        return Line(subject, type(error).__name__, f"it says: {first[:200]}")


def run() -> list[Line]:
    """Run every check, printing each line as soon as it is known.

    Returns
    -------
    list of Line
    """
    lines = []
    for subject in CHECKS:
        lines.append(answer(subject))
        print(lines[-1], flush=True)
    todo = [line for line in lines if not line.ok]
    print("Ready." if not todo else f"{len(todo)} thing{'s'[: len(todo) != 1]} to do first.")
    return lines
