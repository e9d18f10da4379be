"""Pass or raise: what an automatic grader such as nbgrader or pytest can read."""

import contextlib
import io
import logging
import os
import sys

from . import registry


def require(id: str, answer) -> None:
    """Check an answer and raise unless it is correct; print nothing.

    nbgrader gives a test cell no points if anything stands on its standard
    error, and TensorFlow writes there also when all is well. So everything on
    standard error is dropped while the answer is judged.

    Parameters
    ----------
    id : str
        Such as ``"03-a"``.
    answer : object
        What `Exercise.check` takes.

    Raises
    ------
    AssertionError
        With the outcome, the pitfall and the message of the check.
    """
    with _no_standard_error():
        result = registry.get(id).check(answer)
    if not result.correct:
        raise AssertionError(str(result))


@contextlib.contextmanager
def _no_standard_error():
    """Drop what Python, the loggers and native code would write to standard error."""
    was_disabled = logging.root.manager.disable
    sys.stderr.flush()
    native = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    # Loggers keep the stream they were made with, so redirecting alone misses them.
    logging.disable(logging.CRITICAL)
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(was_disabled)
        os.dup2(native, 2)
        os.close(native)
