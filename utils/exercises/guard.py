"""Run a learner's code so that nothing it does can take the notebook down.

The code runs in a thread. When its time is over, or when the learner presses
Interrupt, an exception is raised inside that thread. Code that catches even
that is left behind as a daemon thread; the notebook goes on.
"""

import contextlib
import ctypes
import os
import threading
import time
import traceback

TIME_LIMIT = 30.0  # seconds; an exercise's own reference needs a tenth of it
_POLL = 0.05  # seconds; a join without a timeout cannot be interrupted on Windows
_GRACE = 1.0  # seconds to unwind after the exception


class TimeUp(BaseException):
    """Raised inside the learner's thread; a BaseException, so `except Exception` lets it pass."""


class Stopped(Exception):
    """The learner's code did not come to an end.

    Parameters
    ----------
    why : {"time", "interrupt"}
    """

    def __init__(self, why: str):
        super().__init__(why)
        self.why = why


class Raised(Exception):
    """The learner's code (or the comparison with it) raised.

    Parameters
    ----------
    error : BaseException
    where : str
        "line 3: `loss = ...`" if the learner's own line is known, else "".
    """

    def __init__(self, error: BaseException, where: str):
        super().__init__(str(error))
        self.error, self.where = error, where


def run(function, *, limit: float | None = None):
    """Call `function()` in a thread and return what it returns.

    Parameters
    ----------
    function : callable
    limit : float, optional
        Seconds; ``$LOSS_AND_FOUND_TIME_LIMIT`` or `TIME_LIMIT` unless given.

    Raises
    ------
    Stopped
        If the time was over or the learner pressed Interrupt.
    Raised
        If the function raised anything, SystemExit included.
    """
    if limit is None:
        limit = float(os.environ.get("LOSS_AND_FOUND_TIME_LIMIT", TIME_LIMIT))
    box: dict = {}

    def body():
        try:
            box["value"] = function()
        except TimeUp:
            box["stopped"] = True
        except BaseException as error:
            box["error"] = error

    thread = threading.Thread(target=body, daemon=True, name="learner")
    thread.start()
    deadline = time.monotonic() + limit
    why = "time"
    try:
        while thread.is_alive() and time.monotonic() < deadline:
            thread.join(_POLL)
    except KeyboardInterrupt:
        why = "interrupt"
    if thread.is_alive():
        _stop(thread)
        raise Stopped(why)
    if "error" in box:
        raise Raised(box["error"], _learner_line(box["error"]))
    return box.get("value")


def _stop(thread: threading.Thread) -> None:
    deadline = time.monotonic() + _GRACE
    while thread.is_alive() and time.monotonic() < deadline:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident), ctypes.py_object(TimeUp)
        )
        with contextlib.suppress(KeyboardInterrupt):
            thread.join(_POLL)


def _learner_line(error: BaseException) -> str:
    """Return the innermost line of a traceback that stands in a notebook cell."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if "ipykernel" in frame.filename or frame.filename.startswith(("<ipython", "<stdin")):
            code = f": {frame.line}" if frame.line else ""
            return f"line {frame.lineno} of your cell{code}"
    return ""
