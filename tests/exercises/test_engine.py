"""The engine takes whatever a learner types and always answers kindly."""

from utils import exercises
from utils.exercises import guard, progress, standing
from utils.exercises.engine import Exercise, Result, Unusable, call, correct, incorrect

import time

import numpy as np
import pytest


def exercise(grader):
    return Exercise("99-a", "Double it", ("Think.", "Think again."), grader)


def doubles(answer):
    return correct("Yes.") if call(answer, 21) == 42 else incorrect("No.", "double-softmax")


class Hostile:
    """An answer whose every special method raises."""

    def __repr__(self):
        raise RuntimeError("no repr")

    __eq__ = __len__ = __array__ = __iter__ = __repr__
    __hash__ = None


def test_the_four_outcomes():
    e = exercise(doubles)
    assert e.check(lambda x: 2 * x) == Result("correct", None, "Yes.")
    assert e.check(lambda x: x) == Result("incorrect", "double-softmax", "No.")
    assert e.check(None).status == "not attempted"
    assert e.check(...).status == "not attempted"
    assert e.check(lambda x: None).status == "not attempted"
    assert e.check(lambda x: 1 / 0).status == "could not run"


@pytest.mark.parametrize(
    "answer",
    [
        1,
        "two",
        [],
        {},
        np.zeros(3),
        Hostile(),
        object,
        print,
        lambda: 3,
        lambda x, y: 3,
        float("nan"),
    ],
    ids=lambda a: type(a).__name__,
)
def test_an_answer_of_any_type_gets_a_result(answer):
    result = exercise(doubles).check(answer)
    assert result.status in ("incorrect", "could not run", "not attempted")
    assert result.message
    assert "Traceback" not in str(result)
    assert result._repr_html_()


@pytest.mark.parametrize(
    "error", [SystemExit(3), KeyboardInterrupt(), RecursionError("deep"), MemoryError()]
)
def test_whatever_is_raised_is_told_not_passed_on(error):
    def answer(x):
        raise error

    result = exercise(doubles).check(answer)
    assert result.status == "could not run"
    assert type(error).__name__ in result.message


def test_the_message_shows_the_first_line_of_the_error():
    def answer(x):
        raise ValueError("shapes differ\nsecond line")

    assert "shapes differ" in exercise(doubles).check(answer).message
    assert "second line" not in exercise(doubles).check(answer).message


@pytest.mark.parametrize("stubborn", [False, True])
def test_an_endless_loop_is_stopped(monkeypatch, stubborn):
    monkeypatch.setenv("LOSS_AND_FOUND_TIME_LIMIT", "0.2")
    monkeypatch.setattr(guard, "_GRACE", 0.5)
    release = []

    def answer(x):
        while not release:
            try:
                time.sleep(0.001)
            except BaseException:
                if not stubborn:
                    raise

    start = time.monotonic()
    result = exercise(doubles).check(answer)
    release.append(True)
    assert result.status == "could not run"
    assert "still running" in result.message
    assert time.monotonic() - start < 5


def test_interrupt_stops_the_check_and_only_the_check(monkeypatch):
    real_join = guard.threading.Thread.join
    presses = iter([True])

    def join(thread, timeout=None):
        if next(presses, False):
            raise KeyboardInterrupt
        return real_join(thread, timeout)

    monkeypatch.setattr(guard.threading.Thread, "join", join)

    def answer(x):
        while True:
            time.sleep(0.001)

    result = exercise(doubles).check(answer)
    assert result.status == "could not run"
    assert "interrupted" in result.message


def test_a_grader_can_refuse_an_answer_with_its_own_words():
    def grader(answer):
        raise Unusable("A function was expected.")

    assert exercise(grader).check(3) == Result("could not run", None, "A function was expected.")


def test_hints_come_one_after_the_other_and_start_again():
    e = exercise(doubles)
    assert [str(e.hint()) for _ in range(3)] == [
        "Hint 1 of 2: Think.",
        "Hint 2 of 2: Think again.",
        "Hint 1 of 2: Think.",
    ]


def test_progress_is_kept_and_right_stays_right():
    e = exercise(doubles)
    e.check(lambda x: x)
    assert standing.statuses(progress.events()) == {"99-a": "incorrect"}
    e.check(lambda x: 2 * x)
    e.check(lambda x: x)
    assert standing.statuses(progress.events()) == {"99-a": "correct"}


def test_a_damaged_progress_file_is_set_aside_and_the_rest_is_kept():
    e = exercise(doubles)
    e.check(lambda x: 2 * x)
    path = exercises.state_dir() / "progress.jsonl"
    path.write_bytes(path.read_bytes() + b'{"kind": "check", "id"\n\xff\xfe\x00garbage\n[1]\n')
    with pytest.warns(UserWarning, match="damaged"):
        assert standing.statuses(progress.events()) == {"99-a": "correct"}
    assert list(path.parent.glob("progress.damaged-*.jsonl"))
    assert len(progress.events()) == 1, "the second reading finds a clean file"


def test_a_folder_that_cannot_be_written_costs_only_the_tick(monkeypatch, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("LOSS_AND_FOUND_STATE", str(blocked))
    with pytest.warns(UserWarning, match="LOSS_AND_FOUND_STATE"):
        assert exercise(doubles).check(lambda x: 2 * x).status == "correct"
    assert progress.events() == []


def test_unknown_ids_name_those_there_are():
    with pytest.raises(KeyError, match="03-a, 03-b, 03-c"):
        exercises.get("03-z")
    with pytest.raises(KeyError, match="03-p1"):
        exercises.predict("03-p9", 1)


def test_predictions_are_recorded_and_compared():
    assert "Not answered yet" in repr(exercises.predict("03-p1", None))
    assert "Not recorded" in repr(exercises.predict("03-p1", "many"))
    assert "Not recorded" in repr(exercises.predict("03-p1", float("nan")))
    assert "no prediction" in repr(exercises.outcome("03-p1", 1.5))
    exercises.predict("03-p1", 1.45)
    assert "as you said" in repr(exercises.outcome("03-p1", 1.5))
    exercises.predict("03-p1", 0.1)
    assert "not as you said" in repr(exercises.outcome("03-p1", 1.5))
    assert "choose one of" in repr(exercises.predict("03-p2", "nowhere"))
    assert "Recorded" in repr(exercises.predict("03-p2", " EVERYWHERE "))
