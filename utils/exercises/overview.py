"""What a learner has done: exercises right, predictions against outcomes, what to do next."""

from .. import cards
from . import standing as state

_LEGEND = (
    "✓ right, or as predicted; ✗ tried and not right yet, or not as predicted; "
    "? predicted, its outcome not seen yet; · to do. A lesson is done when all its exercises are "
    "right. A prediction counts as it was when you first saw its outcome."
)
_MARKS = {
    state.RIGHT: "✓",
    state.AS_PREDICTED: "✓",
    state.TRIED: "✗",
    state.NOT_AS_PREDICTED: "✗",
    state.OPEN: "?",
    state.TO_DO: "·",
}
_COUNTED = (state.AS_PREDICTED, state.NOT_AS_PREDICTED, state.OPEN)


class Overview:
    """Progress by lesson; has a text and an HTML form.

    Parameters
    ----------
    standing : Standing
    """

    def __init__(self, standing: state.Standing):
        self.standing = standing

    def __repr__(self) -> str:
        said = [f"{term}: {text}" if term else text for term, text in self._said()]
        lines = [_line(lesson) for lesson in self.standing.lessons]
        return "\n".join([self._headline(), *said, "", *lines, "", _LEGEND])

    def _repr_html_(self) -> str:
        kind = "ok" if self.standing.done else "neutral"
        card = cards.card(kind, self._headline(), self._said(), label="Your progress")
        header = ["lesson", "state", "exercises", "right", "predictions", "came out"]
        rows = [_row(lesson) for lesson in self.standing.lessons]
        return card + cards.table(header, rows, caption=_LEGEND)

    def _headline(self) -> str:
        now = self.standing
        seen = now.count(state.AS_PREDICTED) + now.count(state.NOT_AS_PREDICTED)
        said = (
            f"{now.count(state.RIGHT)} of {len(now.exercises)} exercises right, "
            f"{now.done} of {len(now.lessons)} lessons done."
        )
        if not seen:
            return said
        return f"{said} {now.count(state.AS_PREDICTED)} of {seen} predictions came out as you said."

    def _said(self) -> list[tuple[str, str]]:
        rows = [("", _encouragement(self.standing)), ("Next", _next(self.standing))]
        waiting = [id_ for id_, s in self.standing.predictions.items() if s == state.OPEN]
        if waiting:
            told = f"{', '.join(waiting)}. Run the cells after it, and see what happens."
            rows.append(("Still without an outcome", told))
        return rows


def overview() -> Overview:
    """Return the learner's progress; in a notebook it shows as a card and a table.

    A lesson is done when all its exercises are right. Nothing is sent anywhere.
    """
    return Overview(state.now())


def _marks(states: dict[str, str]) -> str:
    """Return one mark an id, such as ``"a✓ b✗ c·"``."""
    return " ".join(f"{_short(id_)}{_MARKS[s]}" for id_, s in states.items())


def _short(id_: str) -> str:
    return id_.split("-")[1].removeprefix("p")


def _row(lesson: state.Lesson) -> list[str]:
    return [
        f"{lesson.number} {lesson.title}",
        "done" if lesson.done else "begun" if lesson.begun else "–",
        _marks(lesson.exercises),
        _told((lesson.count(state.RIGHT), "right"), (lesson.count(state.TRIED), "not yet")),
        _marks(lesson.predictions),
        _told(*((lesson.count(s), s) for s in _COUNTED)),
    ]


def _line(lesson: state.Lesson) -> str:
    name, so_far, exercises, right, predictions, came_out = _row(lesson)
    if not lesson.begun:
        return f"{name}: {exercises}, predictions {predictions}"
    return f"{name}: {exercises} ({right}), predictions {predictions} ({came_out}); {so_far}"


def _told(*counts: tuple[int, str]) -> str:
    return ", ".join(f"{number} {word}" for number, word in counts if number) or "–"


def _encouragement(now: state.Standing) -> str:
    if now.done == len(now.lessons):
        return "Every exercise of the course is right. Well done!"
    if not any(lesson.begun for lesson in now.lessons):
        return "Nothing tried yet: everybody begins here."
    said = "Well on the way." if now.done else "A good start."
    if now.count(state.NOT_AS_PREDICTED):
        return f"{said} A prediction that missed is one thing you have learned."
    return said


def _next(now: state.Standing) -> str:
    """Return what to do now: go on from the last lesson begun, then fill the gaps."""
    begun = [k for k, lesson in enumerate(now.lessons) if lesson.begun]
    here = begun[-1] if begun else 0
    ahead = now.lessons[here:] + now.lessons[:here]
    lesson = next((lesson for lesson in ahead if not lesson.done), None)
    if lesson is None:
        return "put checks.watch() around a training loop of your own."
    if not lesson.begun:
        return f"open {lesson.file}, {lesson.title}."
    for id_, s in lesson.exercises.items():
        if s == state.TRIED:
            return f'exercise {id_} is not right yet. exercises.get("{id_}").hint() helps.'
    still = next(id_ for id_, s in lesson.exercises.items() if s == state.TO_DO)
    return f"exercise {still}, in {lesson.file}."
