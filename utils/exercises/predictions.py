"""Predict, then look: a learner's guess is recorded and later set beside what happened."""

import numbers
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from .. import cards
from . import progress, registry


@dataclass(frozen=True)
class Prediction:
    """A question asked before a cell is run.

    Attributes
    ----------
    id : str
        Lesson and number, such as ``"03-p1"``.
    question : str
    unit : str
        What the answer counts, for the sentence that compares.
    choices : tuple of str
        The allowed answers; empty if a number is asked for.
    tolerance : float
        How near a number must be to count as right.
    """

    id: str
    question: str
    unit: str = ""
    choices: tuple[str, ...] = ()
    tolerance: float = 0.0

    def clean(self, answer):
        """Return the answer in its stored form.

        Raises
        ------
        ValueError
            If it is not one of the choices, or not a finite number.
        """
        if self.choices:
            text = str(answer).strip().lower()
            for choice in self.choices:
                if text == choice.lower():
                    return choice
            raise ValueError(f"choose one of: {', '.join(self.choices)}")
        if isinstance(answer, bool) or not isinstance(answer, numbers.Real):
            raise ValueError("a number is asked for, such as 0.5")
        # As numbers, not as floats: Python's whole numbers can be larger than any float.
        if not abs(answer) <= sys.float_info.max:
            raise ValueError("a finite number is asked for")
        return float(answer)

    def agrees(self, answer, observed) -> bool:
        """Whether an answer counts as right."""
        if self.choices:
            return answer == observed
        return abs(answer - observed) <= self.tolerance


class Note:
    """One line shown as a card."""

    def __init__(self, kind: str, label: str, text: str):
        self.kind, self.label, self.text = kind, label, text

    def __repr__(self) -> str:
        return f"{self.label}. {self.text}"

    def _repr_html_(self) -> str:
        return cards.card(self.kind, "", [("", self.text)], label=self.label)


def predict(id: str, answer=None) -> Note:
    """Record a prediction; kept on this machine only.

    Parameters
    ----------
    id : str
        Such as ``"03-p1"``.
    answer : str or float, optional
        None leaves the question open.
    """
    prediction = _get(id)
    if answer is None or answer is ...:
        return Note("neutral", "Your prediction", f"{prediction.question} (Not answered yet.)")
    try:
        clean = prediction.clean(answer)
    except ValueError as error:
        return Note("warning", "Not recorded", f"{error}. You gave {str(answer)[:60]!r}.")
    progress.record(kind="predict", id=id, value=clean)
    return Note("ok", "Recorded", f"{prediction.question} You say: {_show(clean)}.")


def outcome(id: str, observed) -> Note:
    """Set what happened beside what was predicted.

    Parameters
    ----------
    id : str
    observed : str or float
        What the run showed.
    """
    prediction = _get(id)
    seen = prediction.clean(observed)
    progress.record(kind="outcome", id=id, value=seen)
    made = [v for p, kind, v in trials(progress.events()) if p.id == id and kind == "predict"]
    answer = made[-1] if made else None
    unit = f" {prediction.unit}" if prediction.unit else ""
    if answer is None:
        return Note("neutral", "Outcome", f"It is {_show(seen)}{unit}. You made no prediction.")
    right = prediction.agrees(answer, seen)
    verdict = "as you said" if right else "not as you said"
    return Note(
        "ok" if right else "note",
        "Outcome",
        f"You predicted {_show(answer)}; it is {_show(seen)}{unit}: {verdict}.",
    )


def trials(events: list[dict]) -> Iterator[tuple[Prediction, str, object]]:
    """Yield (prediction, ``"predict"`` or ``"outcome"``, value) for each event about one.

    A value that the prediction would not take today is passed over: the line is
    damaged, or was written by another edition of the course.
    """
    known = {id_: p for n in registry.lessons() for id_, p in registry.predictions(n).items()}
    for event in events:
        id_, kind = event.get("id"), event.get("kind")
        if kind not in ("predict", "outcome") or not isinstance(id_, str) or id_ not in known:
            continue
        try:
            value = known[id_].clean(event.get("value"))
        except ValueError:
            continue
        yield known[id_], kind, value


def _show(value) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _get(id: str) -> Prediction:
    known = registry.predictions(str(id).split("-")[0])
    if id not in known:
        names = ", ".join(known) or "none"
        raise KeyError(f"no prediction is called {id!r}; this lesson has: {names}")
    return known[id]
