"""Hand-ins: every lesson becomes an nbgrader assignment, and nbgrader's points come out right."""

from utils import edition, exercises, handins, reference
from utils.exercises import engine, progress, registry

import copy
import csv
import importlib.util
import logging
import os
import re
import subprocess
import sys
import warnings

import nbformat
import pytest

PATHS = edition.select([])
LESSON = "03_double_softmax"
WRONG_LETTER = 'answer = ("A", 1.0)\nexercises.get("03-b").check(answer)'

needs_nbgrader = pytest.mark.skipif(
    importlib.util.find_spec("nbgrader") is None,
    reason="nbgrader is not installed: `python -m uv sync --group classroom`",
)


def _source(path):
    return handins.source(edition.read(path))


def _points(notebook):
    return [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade")]


@pytest.mark.parametrize("path", PATHS, ids=lambda p: p.stem)
def test_every_exercise_of_every_lesson_gives_points_once(path):
    tested = [
        (re.search(r'require\("([\w-]+)"', cell.source).group(1), cell.metadata.nbgrader.points)
        for cell in _points(_source(path))
    ]
    number = path.stem[:2]
    wanted = [e.id for e in exercises.all() if e.id.startswith(f"{number}-")]
    assert tested == [(id, handins.POINTS) for id in wanted]


@pytest.mark.parametrize("path", PATHS, ids=lambda p: p.stem)
def test_without_answers_and_points_it_is_the_lesson(path):
    source = _source(path)
    points = _points(source)
    source.cells = [c for c in source.cells if c not in points]
    assert edition.compare(edition.derive(source), edition.read(edition.LESSONS / path.name)) == []


@pytest.mark.parametrize("path", PATHS, ids=lambda p: p.stem)
def test_no_answer_can_stand_in_for_a_later_one(path):
    cleared, kept = set(), []
    for cell in _source(path).cells:
        if cell.cell_type != "code":
            continue
        if edition.EXERCISE in edition.tags(cell):
            cleared.clear()
        for name in cleared:  # nothing else may still need it
            assert not re.search(rf"\b{name}\b", cell.source), f"cell {cell.id} reads {name}"
        cleared.update(re.findall(r"to_check, (\w+) = \1, None", cell.source))
        kept += re.findall(r'require\("[\w-]+", (?!to_check)(\w+)\)', cell.source)
    assert len(kept) == len(set(kept)), "two exercises use one name and nothing clears it"


def test_a_cell_that_ends_in_neither_check_nor_prediction_is_refused():
    path = edition.SOLUTIONS / f"{LESSON}.ipynb"
    solution = edition.read(path)
    cell = next(c for c in solution.cells if c.id == "exercise-b")
    cell.source = cell.source.replace('exercises.get("03-b").check(answer)', "print(answer)")
    with pytest.raises(edition.Drift, match=r"cell exercise-b: .* must end in"):
        handins.source(solution)


def test_require_passes_only_what_is_correct():
    exercises.require("03-b", ("B", reference.double_softmax_floor(6)))
    with pytest.raises(AssertionError, match="Incorrect"):
        exercises.require("03-b", ("A", 0.8))
    with pytest.raises(AssertionError, match="Not attempted"):
        exercises.require("03-b", None)
    with pytest.raises(AssertionError, match="Could not run"):
        exercises.require("03-a", 3)


def test_require_keeps_standard_error_empty(capfd, monkeypatch):
    def noisy(answer):
        print("python", file=sys.stderr)
        os.write(2, b"native")
        warnings.warn("a warning", stacklevel=2)
        logger.warning("a logger with a stream of its own")
        return engine.correct("fine")

    logger = logging.getLogger("noisy")
    handler = logging.StreamHandler(sys.stderr)
    logger.addHandler(handler)
    exercise = engine.Exercise("99-a", "", (), noisy)
    monkeypatch.setattr(registry, "get", lambda id: exercise)
    exercises.require("99-a", 1)
    logger.warning("heard again")
    os.write(2, b"native again")
    logger.removeHandler(handler)
    assert capfd.readouterr().err == "heard again\nnative again"


def _nbgrader(course, *words):
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *words], cwd=course, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done


def _hand_in(course, learner, answers, *, without=()):
    """Copy what was handed out, fill it in as a learner would, and hand it in."""
    notebook = nbformat.read(course / "release" / LESSON / f"{LESSON}.ipynb", as_version=4)
    notebook.cells = [c for c in copy.deepcopy(notebook.cells) if c.id not in without]
    for cell in notebook.cells:
        cell.source = answers.get(cell.id, cell.source)
    folder = course / "submitted" / learner / LESSON
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / f"{LESSON}.ipynb")


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course folder with the lesson handed out and three copies handed in and graded."""
    course = tmp_path_factory.mktemp("course")
    assert handins.main(["03", "--course", str(course)]) == 0
    _nbgrader(course, "generate_assignment", LESSON)
    answers = {c.id: c.source for c in _source(edition.SOLUTIONS / f"{LESSON}.ipynb").cells}
    partly = {"exercise-a": answers["exercise-a"], "exercise-b": WRONG_LETTER}
    _hand_in(course, "right", answers, without=("points-03-b",))
    _hand_in(course, "partly", partly | {"exercise-c": "def three_losses(:"})
    _hand_in(course, "empty", {})
    _nbgrader(course, "autograde", LESSON)
    _nbgrader(course, "export")
    return course


@needs_nbgrader
@pytest.mark.parametrize("path", PATHS, ids=lambda p: p.stem)
def test_nbgrader_accepts_the_metadata_of_every_lesson(path):
    from nbgrader.nbgraderformat import MetadataValidator

    notebook = _source(path)
    MetadataValidator().validate_nb(notebook)
    ids = [c.metadata.nbgrader.grade_id for c in notebook.cells if "nbgrader" in c.metadata]
    assert len(ids) == len(set(ids))


@needs_nbgrader
def test_points_of_a_correct_a_partly_correct_and_an_empty_copy(course):
    with open(course / "grades.csv", newline="", encoding="utf-8") as file:
        rows = {
            r["student_id"]: (float(r["score"]), float(r["max_score"]))
            for r in csv.DictReader(file)
        }
    assert rows == {"right": (3, 3), "partly": (1, 3), "empty": (0, 3)}


@needs_nbgrader
def test_a_learner_is_told_why(course):
    notebook = nbformat.read(
        course / "autograded" / "partly" / LESSON / f"{LESSON}.ipynb", as_version=4
    )
    outputs = {c.id: c.outputs for c in _points(notebook)}
    assert outputs["points-03-a"] == []
    assert outputs["points-03-b"][0].evalue.startswith("Incorrect. A falls to 0.8")
    assert outputs["points-03-c"][0].ename == "NameError"


@needs_nbgrader
def test_what_is_handed_out_is_the_lesson_without_answers(course):
    released = nbformat.read(course / "release" / LESSON / f"{LESSON}.ipynb", as_version=4)
    points = _points(released)
    assert len(points) == 3
    assert all(not c.metadata.editable and not c.metadata.deletable for c in points)
    released.cells = [c for c in released.cells if c not in points]
    assert edition.compare(released, edition.read(edition.LESSONS / f"{LESSON}.ipynb")) == []
    assert not any(c.get("outputs") for c in released.cells)


@needs_nbgrader
def test_grading_keeps_each_learners_progress_apart(course):
    # The grader's own progress (conftest gives each test a folder) stays as it was.
    assert progress.events() == []
    journals = sorted(course.glob("autograded/*/*/.progress/progress.jsonl"))
    assert [j.parts[-4] for j in journals] == ["empty", "partly", "right"]
    assert "03-a" not in journals[0].read_text(encoding="utf-8")
