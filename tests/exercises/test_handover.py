"""The export: exactly what the learner sees goes into the file, and comes out of it again."""

from utils import exercises
from utils.exercises import handover, progress, registry, standing
from utils.exercises.overview import Overview

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

PREDICTIONS = {id_: p for n in registry.lessons() for id_, p in registry.predictions(n).items()}
VALUES = st.one_of(
    st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=5),
    st.sampled_from([c for p in PREDICTIONS.values() for c in p.choices]),
)  # fmt: skip
CHECKS = st.fixed_dictionaries(
    {
        "kind": st.just("check"),
        "id": st.sampled_from([e.id for e in exercises.all()]),
        "status": st.sampled_from(["correct", "incorrect", "could not run", "not attempted"]),
    }
)
GUESSES = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["predict", "outcome"]),
        "id": st.sampled_from(list(PREDICTIONS)),
        "value": VALUES,
    }
)
NAMES = st.none() | st.text(min_size=1, max_size=80).filter(
    lambda name: name.strip() and name.isprintable()
)


def tried(id_):
    progress.record(kind="check", id=id_, status="incorrect")


def exported(folder, **options) -> Path:
    """Export into a folder; return the one file that this made."""
    before = set(folder.iterdir())
    exercises.export(folder, **options)
    (made,) = set(folder.iterdir()) - before
    return made


def changed(path, change) -> Path:
    """Put a file through a change of its parsed content."""
    data = json.loads(path.read_text(encoding="utf-8"))
    change(data)
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


@settings(max_examples=20, deadline=None)
@given(events=st.lists(st.one_of(CHECKS, GUESSES), max_size=30), name=NAMES)
def test_what_was_exported_reads_back_as_the_overview(events, name):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOSS_AND_FOUND_STATE", folder)
        for event in events:
            progress.record(**event)
        path = Path(folder) / "out.json"
        exercises.export(path, name=name)
        found = handover.read(path)
    assert found.standing == standing.build(*_states(events))
    assert repr(Overview(found.standing)) == repr(Overview(standing.build(*_states(events))))
    assert found.name == (name.strip() if name else None)


def _states(events):
    """Return the states that follow from events, said another way than the course says it."""
    tries, guesses = {}, {}
    for event in events:
        if event["kind"] == "check":
            tries.setdefault(event["id"], set()).add(event["status"])
            continue
        prediction, value = PREDICTIONS[event["id"]], event["value"]
        try:
            clean = prediction.clean(value)
        except ValueError:
            continue
        made = guesses.setdefault(event["id"], [])
        made.append((event["kind"], clean))
    right = {id_: "right" for id_, seen in tries.items() if "correct" in seen}
    tried = {id_: "tried" for id_, seen in tries.items() if seen & {"incorrect", "could not run"}}
    states = {id_: _guess(PREDICTIONS[id_], made) for id_, made in guesses.items()}
    return tried | right, {id_: s for id_, s in states.items() if s}


def _guess(prediction, made) -> str | None:
    first = next((k for k, (kind, _) in enumerate(made) if kind == "predict"), None)
    if first is None:
        return None
    outcome = next((k for k in range(first, len(made)) if made[k][0] == "outcome"), None)
    if outcome is None:
        return "open"
    agrees = prediction.agrees(made[outcome - 1][1], made[outcome][1])
    return "as predicted" if agrees else "not as predicted"


def test_nothing_else_is_in_the_file(tmp_path):
    tried("03-b")
    exercises.predict("03-p1", 0.123456)
    data = json.loads(exported(tmp_path).read_text(encoding="utf-8"))
    assert list(data) == ["format", "schema", "name", "lessons"]
    assert data["name"] is None
    assert tuple(data["lessons"]) == registry.lessons()
    for number, entry in data["lessons"].items():
        assert list(entry) == ["exercises", "predictions"]
        assert list(entry["exercises"]) == list(registry.exercises(number))
        assert set(entry["exercises"].values()) <= set(standing.EXERCISE_STATES)
        assert list(entry["predictions"]) == list(registry.predictions(number))
        assert set(entry["predictions"].values()) <= set(standing.PREDICTION_STATES)


def test_it_says_what_is_in_it_and_that_nothing_was_sent(tmp_path, capsys):
    tried("03-b")
    made = exported(tmp_path, name="Ada Lovelace")
    said = capsys.readouterr().out
    assert made.name == "loss-and-found-progress-ada-lovelace.json"
    assert f"Written: {made}." in said
    assert "the name Ada Lovelace" in said
    assert f"{len(exercises.all())} exercises (0 right, 1 not yet)" in said
    assert "Nothing was sent." in said
    exported(tmp_path)
    assert "It holds no name" in capsys.readouterr().out


def test_it_shows_the_content_on_request_and_writes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    exercises.export(show=True, name="Ada")
    shown = capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
    exercises.export(name="Ada")
    made = tmp_path / "loss-and-found-progress-ada.json"
    assert made.read_text(encoding="utf-8") == shown


def test_a_file_that_is_there_is_left_as_it_is(tmp_path):
    notes = tmp_path / "notes.json"
    notes.write_text("mine", encoding="utf-8")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        exercises.export(notes)
    assert notes.read_text(encoding="utf-8") == "mine"
    exercises.export(notes, overwrite=True)
    assert handover.read(notes).standing == standing.now()


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(OSError, match=r"none.*could not be written.*Name a file or folder"):
        exercises.export(tmp_path / "none" / "out.json")


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "\x1b[2J", "a" * 81, "\u202eadA", "\ud800", 7])
def test_a_name_that_is_none_is_refused_and_nothing_is_written(tmp_path, name):
    with pytest.raises(ValueError, match="a name is text of 1 to 80 characters"):
        exercises.export(tmp_path, name=name)
    assert list(tmp_path.iterdir()) == []


def test_what_an_older_copy_did_not_know_is_to_do(tmp_path):
    tried("03-b")
    path = exported(tmp_path)
    changed(path, lambda data: (data["lessons"].pop("21"),
                                data["lessons"]["03"]["exercises"].pop("03-c")))  # fmt: skip
    assert handover.read(path).standing == standing.now()


def test_a_byte_order_mark_from_an_editor_does_no_harm(tmp_path):
    path = exported(tmp_path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert handover.read(path).standing == standing.now()


TAMPERED = {
    "another format": (lambda d: d.update(format="x"), "not an export of progress"),
    "another schema": (lambda d: d.update(schema=2), "schema is 2, and this copy .* reads 1"),
    "schema true": (lambda d: d.update(schema=True), "schema is True"),
    "no schema": (lambda d: d.pop("schema"), "schema is None"),
    "a key more": (lambda d: d.update(code="x"), "its keys are"),
    "a key less": (lambda d: d.pop("name"), "its keys are"),
    "a name that moves the cursor": (lambda d: d.update(name="\x1b[2J"), r"'\\x1b\[2J'"),
    "a number as name": (lambda d: d.update(name=7), "a name is text"),
    "lessons in a list": (lambda d: d.update(lessons=[]), '"lessons" does not hold'),
    "a lesson too many": (lambda d: d["lessons"].update({"99": {}}), "lesson '99'"),
    "an empty lesson": (lambda d: d["lessons"].update({"03": {}}), "lesson 03 does not hold"),
    "exercises in a list": (
        lambda d: d["lessons"]["03"].update(exercises=["03-a"]), "exercises of lesson 03 are not",
    ),
    "an exercise too many": (
        lambda d: d["lessons"]["03"]["exercises"].update({"03-z": "right"}), "name '03-z'",
    ),
    "an exercise of another lesson": (
        lambda d: d["lessons"]["03"]["exercises"].update({"04-a": "right"}), "name '04-a'",
    ),
    "an unknown state": (
        lambda d: d["lessons"]["03"]["exercises"].update({"03-a": "perfect"}), "03-a is 'perfect'",
    ),
    "a prediction's state": (
        lambda d: d["lessons"]["03"]["exercises"].update({"03-a": "open"}), "03-a is 'open'",
    ),
    "a state in a list": (
        lambda d: d["lessons"]["03"]["predictions"].update({"03-p1": ["open"]}), "03-p1 is",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "told"), TAMPERED.values(), ids=TAMPERED)
def test_a_tampered_file_is_refused_with_the_reason(tmp_path, change, told):
    path = changed(exported(tmp_path), change)
    with pytest.raises(handover.Foreign, match=told) as refused:
        handover.read(path)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "not JSON"),
        (b"[1]", "not an export"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 60_000, "not JSON"),
        (b"9" * 60_000, "not JSON"),
        (b" " * (handover.LARGEST_FILE + 1), "larger than"),
    ],
    ids=["empty", "a list", "bytes", "deep", "a long number", "huge"],
)
def test_a_foreign_file_is_refused_with_the_reason(tmp_path, content, told):
    path = tmp_path / "file.json"
    path.write_bytes(content)
    with pytest.raises(handover.Foreign, match=told):
        handover.read(path)


def test_a_file_cut_off_anywhere_is_refused(tmp_path):
    path = exported(tmp_path, name="Ada")
    whole = path.read_bytes().rstrip()
    for length in range(0, len(whole), 97):
        path.write_bytes(whole[:length])
        with pytest.raises(handover.Foreign):
            handover.read(path)


def test_the_largest_export_is_far_below_the_limit():
    most = standing.Standing(
        tuple(
            standing.Lesson(
                lesson.number,
                dict.fromkeys(lesson.exercises, max(standing.EXERCISE_STATES, key=len)),
                dict.fromkeys(lesson.predictions, max(standing.PREDICTION_STATES, key=len)),
            )
            for lesson in standing.now().lessons
        )
    )
    text = handover.dumps(handover.Handover("𝔸" * handover.LONGEST_NAME, most))
    assert 10 * len(text.encode()) < handover.LARGEST_FILE
