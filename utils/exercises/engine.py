"""Exercises with four outcomes: correct, incorrect, not attempted, could not run."""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

from .. import cards, pitfalls
from . import guard, progress, solutions

CORRECT = "correct"
INCORRECT = "incorrect"
NOT_ATTEMPTED = "not attempted"
COULD_NOT_RUN = "could not run"


@dataclass(frozen=True)
class Result:
    """The outcome of checking an answer.

    Attributes
    ----------
    status : str
        ``"correct"``, ``"incorrect"``, ``"not attempted"`` or ``"could not run"``.
    pitfall : str or None
        Id of the pitfall that the answer still has, if it is a known one.
    message : str
        What was seen and what to try.
    """

    status: str
    pitfall: str | None = None
    message: str = ""

    @property
    def correct(self) -> bool:
        return self.status == CORRECT

    def __str__(self) -> str:
        name = f" ({self.pitfall})" if self.pitfall else ""
        return f"{self.status.capitalize()}{name}. {self.message}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        kind = {CORRECT: "ok", INCORRECT: "error", NOT_ATTEMPTED: "neutral"}.get(
            self.status, "warning"
        )
        rows = [("", self.message)] if self.message else []
        title = ""
        if self.pitfall:
            title = f"{self.pitfall}: {pitfalls.get(self.pitfall).title}"
        return cards.card(kind, title, rows, label=self.status.capitalize())


class Text(str):
    """Text that a notebook shows as it is, without quotes."""

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f"<pre style='white-space:pre-wrap'>{escape(str(self))}</pre>"


class NotAttempted(Exception):
    """Raised by `call` when the learner's function returns None: the stub is still there."""


class Unusable(Exception):
    """Raised by a grader for an answer of the wrong kind; the text says what was seen."""


def correct(message: str) -> Result:
    """Return a result for a right answer."""
    return Result(CORRECT, None, message)


def incorrect(message: str, pitfall: str | None = None) -> Result:
    """Return a result for a wrong answer, with the pitfall it still has."""
    return Result(INCORRECT, pitfall, message)


def call(function, *args, **kwargs):
    """Call a learner's function; a None means that the stub has not been filled in."""
    value = function(*args, **kwargs)
    if value is None:
        raise NotAttempted
    return value


def expect_function(answer, name: str):
    """Return the answer if it can be called.

    Raises
    ------
    Unusable
        If the answer is something else, such as the function's result.
    """
    if not callable(answer):
        raise Unusable(
            f"A function was expected, but this is {describe(answer)}. "
            f"Hand over the function itself, `{name}`, without calling it."
        )
    return answer


def describe(value) -> str:
    """Return a short description of any value, whatever its repr does."""
    kind = type(value).__name__
    shape = getattr(value, "shape", None)
    if shape is not None:
        return f"a {kind} of shape {tuple(shape)}"
    try:
        text = repr(value)
    except Exception:
        return f"a {kind}"
    return f"a {kind}: {text}" if len(text) <= 60 else f"a {kind}"


@dataclass
class Exercise:
    """One exercise.

    Attributes
    ----------
    id : str
        Lesson and letter, such as ``"03-a"``.
    title : str
    hints : tuple of str
        Shown one after the other.
    grader : callable
        Takes the answer, returns a `Result`; may raise `NotAttempted`, `Unusable`
        or anything the learner's code raises.
    material : callable, optional
        Returns the data that belong to the exercise, if it brings any.
    """

    id: str
    title: str
    hints: tuple[str, ...]
    grader: Callable[[object], Result]
    material: Callable[[], object] | None = None
    _hints_shown: int = 0

    def check(self, answer=None) -> Result:
        """Judge an answer by what it does; never raises.

        Parameters
        ----------
        answer : object
            What the exercise asks for: a value or a function. None means
            "not attempted".
        """
        result = self._judge(answer)
        if result.status != NOT_ATTEMPTED:
            progress.record(kind="check", id=self.id, status=result.status)
        return result

    def hint(self) -> Text:
        """Return the next hint; after the last, start again."""
        k = self._hints_shown % len(self.hints)
        self._hints_shown += 1
        return Text(f"Hint {k + 1} of {len(self.hints)}: {self.hints[k]}")

    def solution(self) -> Text:
        """Return the reference answer, from the instructor's edition."""
        return Text(solutions.code(self.id))

    def __repr__(self) -> str:
        return f"Exercise {self.id}: {self.title}"

    def _judge(self, answer) -> Result:
        if answer is None or answer is ...:
            return Result(NOT_ATTEMPTED, None, f"Exercise {self.id} is still to do.")
        try:
            return guard.run(lambda: self.grader(answer))
        except guard.Stopped as stopped:
            if stopped.why == "interrupt":
                return Result(COULD_NOT_RUN, None, "You interrupted the check. Nothing is lost.")
            return Result(
                COULD_NOT_RUN,
                None,
                "Your code was still running when the time was over, so it was stopped. "
                "Look for a loop that never ends, or train for fewer steps.",
            )
        except guard.Raised as raised:
            return _from_exception(self, raised)


def _from_exception(exercise: Exercise, raised: guard.Raised) -> Result:
    error = raised.error
    if isinstance(error, NotAttempted):
        return Result(
            NOT_ATTEMPTED, None, f"Your function returned None: exercise {exercise.id} is to do."
        )
    if isinstance(error, Unusable):
        return Result(COULD_NOT_RUN, None, str(error))
    first = str(error).strip().splitlines()[0] if str(error).strip() else "no message"
    where = f" at {raised.where}" if raised.where else ""
    return Result(
        COULD_NOT_RUN,
        None,
        f"Your answer raised {type(error).__name__}{where}. It says: {first[:300]}",
    )
