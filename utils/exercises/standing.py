"""Where a learner stands: the state of each exercise and prediction, lesson by lesson."""

from dataclasses import dataclass

from .. import curriculum
from . import engine, predictions, progress, registry

TO_DO = "to do"
RIGHT, TRIED = "right", "tried"
AS_PREDICTED, NOT_AS_PREDICTED, OPEN = "as predicted", "not as predicted", "open"
EXERCISE_STATES = (RIGHT, TRIED, TO_DO)
PREDICTION_STATES = (AS_PREDICTED, NOT_AS_PREDICTED, OPEN, TO_DO)


@dataclass(frozen=True)
class Lesson:
    """The state of one lesson.

    Attributes
    ----------
    number : str
        Two digits.
    exercises : dict of str to str
        Id to one of ``EXERCISE_STATES``; ``"tried"`` is not right yet.
    predictions : dict of str to str
        Id to one of ``PREDICTION_STATES``; ``"open"`` has no outcome yet.
    """

    number: str
    exercises: dict[str, str]
    predictions: dict[str, str]

    @property
    def title(self) -> str:
        return curriculum.get(int(self.number)).title

    @property
    def file(self) -> str:
        return f"{curriculum.get(int(self.number)).stem}.ipynb"

    @property
    def done(self) -> bool:
        """Whether all its exercises are right."""
        return self.count(RIGHT) == len(self.exercises)

    @property
    def begun(self) -> bool:
        return any(state != TO_DO for state in self._states())

    def count(self, state: str) -> int:
        """Return how many exercises and predictions are in a state."""
        return self._states().count(state)

    def _states(self) -> list[str]:
        return [*self.exercises.values(), *self.predictions.values()]


@dataclass(frozen=True)
class Standing:
    """The state of every lesson that has exercises, in order."""

    lessons: tuple[Lesson, ...]

    @property
    def done(self) -> int:
        """How many lessons are done."""
        return sum(lesson.done for lesson in self.lessons)

    @property
    def exercises(self) -> dict[str, str]:
        return {id_: state for lesson in self.lessons for id_, state in lesson.exercises.items()}

    @property
    def predictions(self) -> dict[str, str]:
        return {id_: state for lesson in self.lessons for id_, state in lesson.predictions.items()}

    def count(self, state: str) -> int:
        """Return how many exercises and predictions are in a state."""
        return sum(lesson.count(state) for lesson in self.lessons)


def now() -> Standing:
    """Return where the learner of this machine stands, from the progress file."""
    events = progress.events()
    return build({id_: _state(status) for id_, status in statuses(events).items()}, settled(events))


def build(exercises: dict[str, str], guesses: dict[str, str]) -> Standing:
    """Return the standing with these states; what is not named is to do.

    Ids that this copy of the course does not have are left out.
    """
    return Standing(
        tuple(
            Lesson(
                number,
                {id_: exercises.get(id_, TO_DO) for id_ in registry.exercises(number)},
                {id_: guesses.get(id_, TO_DO) for id_ in registry.predictions(number)},
            )
            for number in registry.lessons()
        )
    )


def statuses(events: list[dict]) -> dict[str, str]:
    """Return the best status of each exercise: once right, it stays right."""
    known = (engine.CORRECT, engine.INCORRECT, engine.COULD_NOT_RUN)
    best: dict[str, str] = {}
    for event in events:
        id_, status = event.get("id"), event.get("status")
        if event.get("kind") != "check" or not isinstance(id_, str) or status not in known:
            continue
        if best.get(id_) != engine.CORRECT:
            best[id_] = status
    return best


def settled(events: list[dict]) -> dict[str, str]:
    """Return the state of each prediction made.

    It counts as it stood when its outcome was first seen, so that a guess
    typed afterwards does not turn a miss into a hit.
    """
    answers: dict[str, object] = {}
    states: dict[str, str] = {}
    for prediction, kind, value in predictions.trials(events):
        id_ = prediction.id
        if states.get(id_, OPEN) != OPEN:
            continue
        if kind == "predict":
            answers[id_], states[id_] = value, OPEN
        elif id_ in answers:
            agrees = prediction.agrees(answers[id_], value)
            states[id_] = AS_PREDICTED if agrees else NOT_AS_PREDICTED
    return states


def _state(status: str) -> str:
    return RIGHT if status == engine.CORRECT else TRIED
