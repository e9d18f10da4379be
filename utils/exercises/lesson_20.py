"""Graders of lesson 20, the clinic: ten patients, each with a healthy twin.

A learner's loop is run on data it has not seen, and its chart compared with
that of the twin, and with every chart that a fault still there would give.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from itertools import combinations

import numpy as np

from .. import data, pitfalls, reference
from .clinic_loop import NEAR, SERIES, Chart, train
from .clinic_ward import WARD, Patient
from .engine import Exercise, Result, Unusable, call, correct, describe, incorrect
from .predictions import Prediction

EPOCHS = 3


@cache
def _fresh():
    """Return data that the ward does not use: iris, in another split."""
    return data.iris(seed=20)


def _twin(letter: str) -> Chart:
    return _fresh_twin(tuple(_patient(letter).twin.items()))


@cache
def _fresh_twin(settings: tuple) -> Chart:
    # By settings, not by letter: half of the patients have the same twin.
    return train(_fresh(), EPOCHS, **dict(settings))


def _patient(letter: str) -> Patient:
    return next(p for p in WARD if p.letter == letter)


@cache
def _signatures(letter: str) -> tuple:
    """Return (pitfalls, what happened, chart) for all that is known to go wrong with a patient."""
    patient, found = _patient(letter), []

    def add(kept, what, *changes):
        settings = dict(patient.twin)
        for change in changes:
            settings |= change
        found.append((kept, what, train(_fresh(), EPOCHS, **settings)))

    names = list(patient.faults)
    for size in range(len(names), 0, -1):
        for kept in combinations(names, size):
            add(kept, "", *(patient.faults[name] for name in kept))
    for name, what, turn in patient.turns:
        add((name,), what, turn)
        for other, fault in patient.faults.items():
            if name != other:
                add((other, name), what, fault, turn)
    return tuple(found)


# Judging


def _grade(letter: str):
    def grade(answer) -> Result:
        patient = _patient(letter)
        named, mended = _parts(answer)
        complaint = _judge_loop(patient, _examine(mended))
        return complaint or _judge_names(patient, named)

    return grade


def _parts(answer):
    what = 'a pair such as (["double-softmax"], mended), or ([], patient_x) for a healthy loop'
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise Unusable(f"Expected {what}. You gave {describe(answer)}.")
    named, mended = answer
    if isinstance(named, str):
        named = [named]
    if not isinstance(named, list | tuple | set | frozenset):
        raise Unusable(f"Expected {what}: the first part is a list of names.")
    if not callable(mended):
        raise Unusable(f"Expected {what}: the second part is the loop itself, not called.")
    return {_known(name) for name in named}, mended


def _known(name) -> str:
    text = str(name).strip().lower().replace("_", "-").replace(" ", "-")
    known = [p.id for p in pitfalls.all()]
    if text in known:
        return text
    near = get_close_matches(text, known, n=2)
    hint = f" Do you mean {' or '.join(near)}?" if near else ""
    raise Unusable(f"The register has no pitfall called {str(name)[:60]!r}.{hint}")


def _examine(mended) -> Chart:
    what = "(model, chart), where the chart holds the lists " + ", ".join(SERIES)
    split = _fresh()
    value = call(mended, split, epochs=EPOCHS)
    if not isinstance(value, tuple | list) or len(value) != 2 or not callable(value[0]):
        raise Unusable(f"Return {what}. Yours returned {describe(value)}.")
    model, chart = value
    if not isinstance(chart, Mapping) or not set(SERIES) <= set(chart):
        raise Unusable(f"Return {what}. Your chart is {describe(chart)}.")
    series = []
    for name in SERIES:
        try:
            values = np.array([float(v) for v in chart[name]])
        except (TypeError, ValueError):
            raise Unusable(f"The chart's {name} must be a list of numbers.") from None
        if values.shape != (EPOCHS,):
            raise Unusable(f"The chart's {name} has {values.size} entries after {EPOCHS} epochs.")
        series.append(values)
    scores = np.asarray(model(split.x_test))
    return Chart(*series, reference.accuracy(split.y_test, scores))


def _judge_loop(patient: Patient, chart: Chart) -> Result | None:
    twin = _twin(patient.letter)
    if chart.like(twin):
        return None
    if patient.by_learning:
        return _judge_learning(patient, chart, twin)
    for kept, what, known in _signatures(patient.letter):
        if chart.like(known):
            return _still_sick(patient, kept, what, chart, twin)
    return incorrect(f"{_difference(chart, twin)} {_keep(patient)}")


def _judge_learning(patient, chart: Chart, twin: Chart) -> Result | None:
    if abs(chart.validation[-1] - chart.final) > NEAR:
        return incorrect(
            f"The chart says {chart.validation[-1]:.2f} for validation at the end; the model that "
            f"you return gets {chart.final:.2f}."
        )
    if chart.final < twin.final - 0.15:
        return incorrect(
            f"On new data the model gets {chart.final:.2f}; a healthy twin gets {twin.final:.2f}.",
            next(iter(patient.faults)),
        )
    if chart.loss[-1] > twin.loss[-1] + 0.25:
        return incorrect(_difference(chart, twin))
    return None


def _still_sick(patient, kept, what, chart, twin):
    gone = len(patient.faults) - sum(name in patient.faults for name in kept)
    seen = _difference(chart, twin)
    if what:
        return incorrect(f"{seen} {what}", kept[-1])
    if gone:
        return incorrect(f"One fault is gone, one is left. {seen}", kept[0])
    return incorrect(f"Nothing has changed for the better. {seen}", kept[0])


def _difference(chart: Chart, twin: Chart) -> str:
    for name in SERIES:
        mine, right = getattr(chart, name), getattr(twin, name)
        if not np.allclose(mine, right, atol=NEAR):
            return (
                f"On the iris data your chart says for {name}: {_row(mine)}; the healthy twin "
                f"says {_row(right)}."
            )
    return ""


def _keep(patient: Patient) -> str:
    if not patient.faults:
        return "The loop was sound as it stood. Hand it back as it is."
    return (
        "Change as little as possible: seed, layers, optimizer and order of the batches stay, and "
        "each series keeps its meaning."
    )


def _judge_names(patient: Patient, named: set[str]) -> Result:
    accepted = {name: {name, *patient.names.get(name, ())} for name in patient.faults}
    strangers = sorted(named - set().union(*accepted.values()))
    if strangers:
        entry = pitfalls.get(strangers[0])
        return incorrect(
            f"The loop is sound. But {entry.id} is not what it had. Its test: {entry.test}",
            entry.id,
        )
    missing = [name for name, names in accepted.items() if not named & names]
    if missing:
        return incorrect(
            f"The loop is sound. But {len(missing)} of its {len(accepted)} fault"
            f"{'s' * (len(accepted) != 1)} has no name yet. What did you change, and how is that "
            "called in the differential?"
        )
    if not accepted:
        return correct("Healthy: the chart is that of its twin, and every figure in it is true.")
    return correct(
        f"On the iris data the chart is that of a healthy twin. It had: {', '.join(accepted)}."
    )


def _row(values) -> str:
    return ", ".join(f"{v:.2f}" for v in values)


def _twin_on_the_ward(letter: str):
    """Return a function that gives the chart of the healthy twin on the page's own data."""

    def material():
        chart = _ward_twin(letter == "H", tuple(_patient(letter).twin.items()))
        return {name: list(getattr(chart, name)) for name in SERIES}

    return material


@cache
def _ward_twin(two_measurements: bool, settings: tuple) -> Chart:
    wine = data.wine()
    if two_measurements:
        wine = wine._replace(x_train=wine.x_train[:, [2, 4]], x_test=wine.x_test[:, [2, 4]])
    return train(wine, 8, **dict(settings))


EXERCISES = tuple(
    Exercise(
        f"20-{p.letter.lower()}",
        f"Patient {p.letter}",
        p.hints,
        _grade(p.letter),
        _twin_on_the_ward(p.letter),
    )
    for p in WARD
)

PREDICTIONS = (Prediction("20-p1", "How many of the ten loops are healthy?", "loops", tolerance=0),)
