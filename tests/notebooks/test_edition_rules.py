"""`utils.edition` on small notebooks made here: what it derives and what it refuses."""

from utils import edition

import nbformat
import pytest


def notebook(*cells):
    made = nbformat.v4.new_notebook()
    for position, (kind, source, tags) in enumerate(cells):
        new = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
        cell = new(source, metadata={"tags": tags} if tags else {})
        cell["id"] = f"cell-{position}"
        made.cells.append(cell)
    return made


ANSWER = "answer = None\n### BEGIN SOLUTION\nanswer = 42\n### END SOLUTION\nprint(answer)"


def test_answers_become_stubs_and_teacher_cells_go():
    source = notebook(
        ("markdown", "Hello", []), ("markdown", "Psst", ["teacher"]), ("code", ANSWER, ["exercise"])
    )
    lesson = edition.derive(source)
    assert [c.id for c in lesson.cells] == ["cell-0", "cell-2"]
    assert lesson.cells[1].source == "answer = None\n# Your answer here.\nprint(answer)"
    assert "42" in source.cells[2].source, "the source itself is not changed"


def test_indentation_of_the_stub():
    body = "def f(x):\n    y = 1\n    ### BEGIN SOLUTION\n    return y\n    ### END SOLUTION"
    lesson = edition.derive(notebook(("code", body, ["exercise"])))
    assert lesson.cells[0].source.endswith("    y = 1\n    # Your answer here.")


@pytest.mark.parametrize(
    ("source", "tags", "told"),
    [
        (ANSWER.replace("### END SOLUTION\n", ""), ["exercise"], "no partner"),
        (ANSWER, [], "go together"),
        ("answer = None", ["exercise"], "go together"),
        (
            "def f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION",
            ["exercise"],
            "not Python",
        ),
        ("x = 1  ### BEGIN SOLUTION\n### END SOLUTION", ["exercise"], "line of its own"),
    ],
)
def test_faulty_sources_are_refused(source, tags, told):
    with pytest.raises(edition.Drift, match=told):
        edition.derive(notebook(("code", source, tags)))


def test_drift_is_named_by_cell_and_line():
    source = notebook(("markdown", "one\ntwo", []), ("code", ANSWER, ["exercise"]))
    lesson = edition.derive(source)
    assert edition.compare(edition.derive(source), lesson) == []
    lesson.cells[0].source = "one\nthree"
    assert edition.compare(edition.derive(source), lesson) == [
        ("cell-0", "line 2: expected 'two', found 'three'")
    ]
    assert not edition.is_filled_in(edition.derive(source), lesson)


def test_a_learners_answer_is_told_from_drift():
    source = notebook(("markdown", "one", []), ("code", ANSWER, ["exercise"]))
    lesson = edition.derive(source)
    lesson.cells[1].source = "answer = 7\nprint(answer)"
    assert edition.is_filled_in(edition.derive(source), lesson)


def test_a_missing_cell_is_drift():
    source = notebook(("markdown", "one", []), ("code", ANSWER, ["exercise"]))
    lesson = edition.derive(source)
    del lesson.cells[0]
    assert edition.compare(edition.derive(source), lesson)[0][0] == "cell-0"


def test_text_may_change_and_keep_its_outputs():
    source = notebook(("markdown", "one", []), ("code", "print(1)", []))
    stored = edition.derive(source)
    stored.cells[1].outputs = [nbformat.v4.new_output("stream", text="1\n")]
    stored.cells[1].execution_count = 4
    source.cells[0].source = "another text"
    lesson = edition.derive(source)
    edition.keep_outputs(lesson, stored)
    assert lesson.cells[0].source == "another text"
    assert (lesson.cells[1].outputs[0].text, lesson.cells[1].execution_count) == ("1\n", 4)


def test_code_that_has_changed_must_be_executed():
    source = notebook(("code", "print(1)", []))
    stored = edition.derive(source)
    source.cells[0].source = "print(2)"
    with pytest.raises(edition.Drift, match="without --text"):
        edition.keep_outputs(edition.derive(source), stored)


def test_a_stale_sum_of_minutes_is_drift(tmp_path, monkeypatch):
    monkeypatch.setattr(edition, "LESSONS", tmp_path)
    path, *_ = edition.select(["03"])
    solution = edition.read(path)
    nbformat.write(edition.derive(solution), tmp_path / path.name)
    edition.check(path)
    solution.cells[1].source = solution.cells[1].source.replace("15 minutes", "14 minutes")
    stale = tmp_path / "solutions" / path.name
    stale.parent.mkdir()
    nbformat.write(solution, stale)
    with pytest.raises(edition.Drift, match="line 1"):
        edition.check(stale)
