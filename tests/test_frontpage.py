"""README shows the register as it is, links to what exists, and stays short before its table."""

from utils import curriculum, frontpage, pitfalls

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_table_and_the_figure_are_up_to_date():
    assert frontpage.main(["--check"]) == 0


def test_every_pitfall_has_a_row_and_every_lesson_exists_once():
    for entry in pitfalls.all():
        assert f"`{entry.id}`" in README
    assert [lesson.number for lesson in curriculum.LESSONS] == list(range(22))


def test_two_screens_before_the_table():
    # A screen is about fifty lines.
    assert len(README.split(frontpage.BEGIN)[0].splitlines()) <= 100
