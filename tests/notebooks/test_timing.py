"""Minutes: what titles state is what the notebooks come to, and notes carry the sum."""

from utils import edition, minutes, timing

import re

import nbformat
import pytest

from tests.kernel_budget import KERNEL_LIMIT

LESSONS = edition.select([])


def lesson(*cells, difficulty=2, stated=15):
    """Return a small notebook; a string is text, a tuple is (code, tags)."""
    made = nbformat.v4.new_notebook()
    title = f"# 99 · A title\n\n*{stated} minutes · difficulty {difficulty} of 3 · part Z, none*"
    made.cells.append(nbformat.v4.new_markdown_cell(title))
    for cell in cells:
        if isinstance(cell, str):
            made.cells.append(nbformat.v4.new_markdown_cell(cell))
        else:
            made.cells.append(nbformat.v4.new_code_cell(cell[0], metadata={"tags": cell[1]}))
    return made


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_titles_state_what_the_lessons_come_to(path):
    found = timing.of(edition.derive(edition.read(path)))
    assert not found.off, (
        f"{path.stem}: the title says {found.stated} minutes, the core path comes to "
        f"{found.minutes('core'):.1f} (`python -m utils.minutes`)"
    )


@pytest.mark.parametrize("path", LESSONS[1:], ids=lambda path: path.stem)
def test_the_notes_state_the_same_and_their_parts_add_up(path):
    opening = edition.read(path).cells[1].source
    assert opening.startswith(timing.TIMING)
    for total, parts in re.findall(
        r"(?:Core path|Exercises) (\d+) (?:minutes|more): (.*?)\.(?: |\n|$)", opening
    ):
        assert sum(map(int, re.findall(r" (\d+)(?:,|$)", parts))) == int(total), parts


def test_words_lines_figures_predictions_and_exercises_count():
    bare = timing.of(lesson("## Why")).minutes("core")
    words = timing.of(lesson("## Why\n\n" + "word " * timing.WORDS)).minutes("core")
    lines = timing.of(lesson("## Why", ("x = 1\n\n" * timing.LINES, []))).minutes("core")
    figure = timing.of(lesson("## Why", ("plots.show(f, t)\n" * 3, []))).minutes("core")
    predict = timing.of(lesson("## Why", ("exercises.predict(1)", ["exercise"]))).minutes("core")
    exercise = timing.of(lesson("## Why", ("mended = None", ["exercise"]))).minutes("core")
    assert words - bare == pytest.approx(1)
    assert lines - bare == pytest.approx(1)
    assert figure - bare == pytest.approx(3 / timing.FIGURES + 3 / timing.LINES)
    assert predict - bare == pytest.approx(timing.PREDICTION + 1 / timing.LINES)
    assert exercise - bare == pytest.approx(timing.ALLOWANCE[2] + 1 / timing.LINES)


def test_optional_sections_and_exercises_are_told_from_the_core():
    found = timing.of(
        lesson(
            "## Why", "### Because", "## Aside (optional)", "### Its part", "## Fix",
            "### Optional: more", "### Again the core",
            "## Exercises", "### a · Mend", "### b · Find", "## Recap",
        )
    )  # fmt: skip
    assert [(s.title, s.kind) for s in found.sections] == [
        ("Opening", "core"), ("Why", "core"), ("Aside", "optional"), ("Fix", "core"),
        ("more", "optional"), ("Again the core", "core"), ("a", "exercises"), ("b", "exercises"),
        ("Recap", "core"),
    ]  # fmt: skip


def test_a_title_that_is_off_is_found(monkeypatch, capsys):
    long = lesson("## Why\n\n" + "word " * 20 * timing.WORDS)
    assert timing.of(long).off
    monkeypatch.setattr(edition, "read", lambda path: long)
    assert minutes.main(["03"]) == 1
    assert "title should say 20" in capsys.readouterr().out


def test_a_notebook_without_minutes_is_refused():
    with pytest.raises(ValueError, match="15 minutes"):
        timing.of(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Hello")]))


@pytest.mark.parametrize(("total", "parts"), [(15, [1.2, 3.4, 0.1]), (5, [1, 1, 1]), (7, [7])])
def test_shares_add_up_and_stay_near(total, parts):
    shares = timing.shared(total, parts)
    assert sum(shares) == total
    assert all(abs(s - p * total / sum(parts)) < 1 for s, p in zip(shares, parts))


def test_a_note_is_put_in_its_place_and_the_rest_kept():
    source = lesson(
        f"{timing.TIMING} 3 minutes.\n\n**Skip.** Nothing.", "## Why\n\n" + "word " * 5 * 11
    )
    source.cells[1].metadata["tags"] = ["teacher"]
    timing.note(source, edition.derive(source))
    first, rest = source.cells[1].source.split("\n\n")
    assert first == f"{timing.TIMING} Core path 15 minutes: Opening 3, Why 12."
    assert rest == "**Skip.** Nothing."


def test_the_running_time_is_what_the_suite_allows_a_kernel():
    assert timing.RUNNING * 60 == KERNEL_LIMIT
