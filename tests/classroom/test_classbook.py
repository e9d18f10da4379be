"""The class's table: many exports, some damaged, read by an instructor on Monday."""

from utils import exercises
from utils.classbook import __main__ as command
from utils.classbook import gather, missed_exercises, missed_predictions
from utils.exercises import handover, registry, standing

import csv
import os
import re

import pytest

QUESTION = registry.predictions("03")["03-p1"].question


def hand_in(folder, file, name, tries=None, guesses=None):
    """Write one learner's export, with these states and everything else to do."""
    standings = standing.build(tries or {}, guesses or {})
    text = handover.dumps(handover.Handover(name, standings))
    (folder / file).write_text(text, encoding="utf-8")


@pytest.fixture
def folder(tmp_path):
    """Three learners: one has done lesson 03, one is on the way, one gave no name."""
    done = {"03-a": "right", "03-b": "right", "03-c": "right"}
    hand_in(tmp_path, "1.json", "Zoë", done, {"03-p1": "as predicted", "03-p2": "open"})
    begun = {"03-a": "right", "03-b": "tried", "08-a": "tried"}
    hand_in(tmp_path, "2.json", "Ada", begun, {"03-p1": "not as predicted"})
    hand_in(tmp_path, "third.json", None, {"03-b": "tried"}, {"03-p1": "not as predicted"})
    return tmp_path


def run(capsys, *arguments):
    """Run the command; return its status, what it printed and what it complained about."""
    status = command.main([os.fspath(a) for a in arguments])
    said = capsys.readouterr()
    return status, said.out, said.err


def cells(out):
    """Return the table as {who: {column: text}}."""
    lines = [re.split(r"\s{2,}", line) for line in out.split("\n\n")[0].splitlines()]
    return {line[0]: dict(zip(lines[0][1:], line[1:], strict=True)) for line in lines[1:]}


def records(path):
    with open(path, encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_a_line_a_learner(capsys, folder):
    status, out, err = run(capsys, folder)
    assert (status, err) == (0, "")
    found = cells(out)
    assert list(found) == ["Ada", "third.json", "Zoë", "there are"]
    shown = {who: [row[c] for c in ("done", "right", "predicted", "03", "08", "01")]
             for who, row in found.items()}  # fmt: skip
    assert shown["Ada"] == ["0", "1", "0 of 1", "1", "0", "·"]
    assert shown["third.json"] == ["0", "0", "0 of 1", "0", "·", "·"]
    assert shown["Zoë"] == ["1", "3", "1 of 1", "3", "·", "·"]
    everything = [len(registry.lessons()), len(exercises.all())]
    assert [int(found["there are"][c]) for c in ("done", "right")] == everything
    assert found["there are"]["20"] == str(len(registry.exercises("20")))


def test_what_the_class_missed_most_comes_first(capsys, folder):
    entries, _ = gather([folder])
    assert [(m.id, m.missed, m.of) for m in missed_exercises(entries)] == [
        ("03-b", 2, 3),
        ("08-a", 1, 1),
    ]
    assert [(m.id, m.missed, m.of) for m in missed_predictions(entries)] == [("03-p1", 2, 3)]
    _, out, _ = run(capsys, folder)
    assert f"  03-b  2 of 3 who tried it: {exercises.get('03-b').title}" in out
    assert f"  03-p1  2 of 3 who saw the outcome: {QUESTION}" in out


def test_only_the_first_five_are_printed(capsys, tmp_path):
    seven = [e.id for e in exercises.all()][:7]
    hand_in(tmp_path, "1.json", "Ada", dict.fromkeys(seven, "tried"))
    _, out, _ = run(capsys, tmp_path)
    assert [id_ in out for id_ in seven] == [True] * 5 + [False] * 2
    assert "  and 2 more" in out
    assert "Predictions most often missed: none." in out


def test_csv_for_a_spreadsheet(capsys, folder):
    status, out, _ = run(capsys, folder, "--csv", folder / "class.csv")
    assert status == 0
    assert "class-missed.csv" in out
    learners = records(folder / "class.csv")
    assert [row["who"] for row in learners] == ["Ada", "third.json", "Zoë"]
    ada = learners[0]
    assert (ada["file"], ada["exercises_right"], ada["exercises_tried"]) == ("2.json", "1", "3")
    assert (ada["predictions_as_predicted"], ada["predictions_not_as_predicted"]) == ("0", "1")
    assert (learners[2]["lessons_done"], learners[2]["predictions_open"]) == ("1", "1")
    assert [ada[f"right_in_{n}"] for n in ("01", "03", "08")] == ["0", "1", "0"]
    assert records(folder / "class-missed.csv")[0] == {
        "id": "03-b", "what": exercises.get("03-b").title, "missed": "2", "of": "3",
    }  # fmt: skip


@pytest.mark.parametrize("name", ['=HYPERLINK("http://x")', "+1", "-1", "@SUM(A1)"])
def test_a_spreadsheet_runs_no_name(capsys, tmp_path, name):
    hand_in(tmp_path, "1.json", name)
    run(capsys, tmp_path, "--csv", tmp_path / "class.csv")
    assert records(tmp_path / "class.csv")[0]["who"] == f"'{name}"


def test_damaged_and_foreign_files_are_named_and_skipped(capsys, folder):
    whole = (folder / "1.json").read_bytes()
    (folder / "cut.json").write_bytes(whole[: len(whole) // 2])
    (folder / "notebook.json").write_text('{"cells": []}', encoding="utf-8")
    (folder / "huge.json").write_bytes(b" " * 1_000_000)
    status, out, err = run(capsys, folder, folder / "gone.json")
    assert status == 1
    assert list(cells(out)) == ["Ada", "third.json", "Zoë", "there are"]
    assert [line.split(":")[0] for line in err.splitlines()] == [
        "skipped cut.json",
        "skipped huge.json",
        "skipped notebook.json",
        "skipped gone.json",
    ]
    for reason in ("cut off", "larger than", "not an export", "cannot be read"):
        assert reason in err


def test_with_nothing_to_show_the_status_is_2(capsys, tmp_path):
    (tmp_path / "a.json").write_text("{}", encoding="utf-8")
    status, out, err = run(capsys, tmp_path)
    assert (status, out) == (2, "")
    assert "a.json" in err
    assert run(capsys, tmp_path / "a.json")[0] == 2


def test_a_file_named_twice_counts_once_and_a_name_in_two_files_is_told(capsys, folder):
    status, out, err = run(capsys, folder, folder / "2.json")
    assert (status, err) == (0, "")
    assert len(cells(out)) == 4
    hand_in(folder, "4.json", "Ada")
    _, _, err = run(capsys, folder)
    assert err == "Ada is in 2 files, and all of them are counted: 2.json, 4.json.\n"


def test_csv_writes_over_no_export_and_says_when_it_cannot(capsys, folder):
    before = (folder / "2.json").read_bytes()
    with pytest.raises(SystemExit):
        run(capsys, folder / "1.json", "--csv", folder / "2.json")
    assert "must end in .csv" in capsys.readouterr().err
    assert (folder / "2.json").read_bytes() == before
    status, out, err = run(capsys, folder, "--csv", folder / "none" / "class.csv")
    assert status == 1
    assert next(iter(cells(out))) == "Ada"
    assert "could not be written" in err


def test_what_a_learner_exports_is_what_the_instructor_reads(tmp_path, capsys):
    exercises.get("03-b").check(("A", 0.5))
    exercises.predict("03-p1", 0.1)
    exercises.outcome("03-p1", 1.461)
    exercises.export(tmp_path, name="Ada")
    capsys.readouterr()
    status, out, _ = run(capsys, tmp_path)
    assert status == 0
    assert "  03-b  1 of 1 who tried it" in out
    assert "  03-p1  1 of 1 who saw the outcome" in out
