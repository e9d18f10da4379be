"""The learner's overview: what the journal says, lesson by lesson, whatever happened to it."""

from utils import exercises
from utils.exercises import progress, registry, standing
from utils.exercises.overview import Overview

import json

import pytest


def right(*ids):
    for id_ in ids:
        progress.record(kind="check", id=id_, status="correct")


def written(text: bytes):
    """Append raw bytes to the journal."""
    folder = exercises.state_dir()
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "progress.jsonl", "ab") as file:
        file.write(text)


def told(number):
    """Return the overview's line about a lesson."""
    (line,) = [s for s in repr(exercises.overview()).splitlines() if s.startswith(f"{number} ")]
    return line


def lesson(number):
    return next(found for found in standing.now().lessons if found.number == number)


def test_without_progress_it_says_where_to_begin():
    text = repr(exercises.overview())
    assert text.startswith(f"0 of {len(exercises.all())} exercises right, 0 of ")
    assert "Nothing tried yet" in text
    assert "Next: open 01_one_hot_labels.ipynb" in text
    assert "came out" not in text
    assert told("03") == "03 Double softmax: a· b· c·, predictions 1· 2·"
    html = exercises.overview()._repr_html_()
    assert "Nothing tried yet" in html
    assert html.count("<tr>") == 1 + len(registry.lessons())


def test_exercises_and_predictions_of_a_lesson():
    right("03-a")
    progress.record(kind="check", id="03-b", status="could not run")
    exercises.predict("03-p1", 1.45)
    exercises.outcome("03-p1", 1.461)
    exercises.predict("03-p2", "everywhere")
    assert told("03") == (
        "03 Double softmax: a✓ b✗ c· (1 right, 1 not yet), "
        "predictions 1✓ 2? (1 as predicted, 1 open); begun"
    )
    text = repr(exercises.overview())
    assert "1 of 1 predictions came out as you said." in text
    assert 'exercise 03-b is not right yet. exercises.get("03-b").hint() helps.' in text
    assert "Still without an outcome: 03-p2." in text


def test_a_lesson_is_done_when_all_its_exercises_are_right():
    right("03-a", "03-b")
    assert not lesson("03").done
    right("03-c")
    assert lesson("03").done, "its predictions are not asked for"
    assert told("03").endswith("; done")
    assert f"1 of {len(registry.lessons())} lessons done" in repr(exercises.overview())


@pytest.mark.parametrize(
    ("done", "tells"),
    [
        (("05-a",), "exercise 05-b, in 05_wrong_last_layer.ipynb."),
        (("01-a", "05-a", "05-b", "05-c"), "open 06_unstable_softmax.ipynb"),
        (("21-a", "21-b"), "open 01_one_hot_labels.ipynb"),
    ],
)
def test_next_goes_on_from_the_last_lesson_begun_and_then_fills_the_gaps(done, tells):
    right(*done)
    assert f"Next: {tells}" in repr(exercises.overview())


def test_when_everything_is_done_it_says_so():
    right(*(e.id for e in exercises.all()))
    text = repr(exercises.overview())
    assert "Every exercise of the course is right" in text
    assert "checks.watch()" in text


def test_the_prediction_that_counts_is_the_one_before_its_outcome():
    exercises.outcome("03-p1", 1.461)  # seen without a prediction: nothing to compare
    assert lesson("03").predictions["03-p1"] == "to do"
    exercises.predict("03-p1", 9.0)
    exercises.predict("03-p1", 0.1)
    exercises.outcome("03-p1", 1.461)
    assert lesson("03").predictions["03-p1"] == "not as predicted"
    exercises.predict("03-p1", 1.461)
    exercises.outcome("03-p1", 1.461)
    assert lesson("03").predictions["03-p1"] == "not as predicted", "no hit afterwards"
    assert "one thing you have learned" in repr(exercises.overview())


DAMAGED = [
    b"\xff\xfe\x00",
    b"[" * 100_000,
    b'{"kind": "check", "id": "03-a"',
    b'{"kind": "check", "id": ["03-b"], "status": "correct"}',
    b'{"kind": "check", "id": "03-b"}',
    b'{"kind": "check", "id": "03-a", "status": ["incorrect"]}',
    b'{"kind": "check", "id": "03-a", "status": "perfect"}',
    b'{"kind": "check", "id": "no-such", "status": "correct"}',
    b'{"kind": "predict", "id": "03-p1", "value": "many"}',
    b'{"kind": "predict", "id": "03-p1", "value": NaN}',
    b'{"kind": "predict", "id": "03-p1", "value": 1' + b"0" * 400 + b"}",
    b'{"kind": "predict", "id": "03-p1"}',
    b'{"kind": "outcome", "id": "03-p1", "value": {}}',
    b'{"kind": "outcome", "id": "../p1", "value": 1}',
    b'{"kind": "outcome", "id": null, "value": 1}',
    b"null",
]


@pytest.mark.filterwarnings("ignore:Your progress file had damaged lines")
@pytest.mark.parametrize("line", DAMAGED, ids=lambda line: line[:50].decode("latin-1"))
def test_a_damaged_line_costs_that_line(line):
    right("03-a")
    exercises.predict("03-p1", 1.45)
    written(line + b"\n")
    assert told("03") == (
        "03 Double softmax: a✓ b· c· (1 right), predictions 1? 2· (1 open); begun"
    )
    assert "You predicted 1.45" in repr(exercises.outcome("03-p1", 1.461))
    exercises.predict("03-p2", "everywhere")
    assert told("03").endswith("predictions 1✓ 2? (1 as predicted, 1 open); begun")


def test_reading_changes_nothing():
    right("03-a")
    journal = exercises.state_dir() / "progress.jsonl"
    before = journal.read_bytes()
    repr(exercises.overview())
    assert journal.read_bytes() == before
    assert [json.loads(row)["id"] for row in before.splitlines()] == ["03-a"]


def test_the_card_and_the_table_say_what_the_text_says():
    right("03-a")
    shown = Overview(standing.now())
    html = shown._repr_html_()
    assert f"1 of {len(exercises.all())} exercises right" in html
    assert "<td" in html
    for cell in ("03 Double softmax", "begun", "a✓ b· c·", "1 right"):
        assert f">{cell}</td>" in html
    assert "http" not in html
