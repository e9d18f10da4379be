"""Links between notebooks and documents lead somewhere, and lessons follow one another."""

from utils import curriculum, edition

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted([*edition.SOLUTIONS.glob("*.ipynb"), *edition.LESSONS.glob("*.ipynb")])
DOCUMENTS = sorted(ROOT.glob("*.md"))


def links(text: str) -> list[str]:
    """Return the local targets of Markdown links."""
    return [t.split("#")[0] for t in re.findall(r"\]\((?!https?:|#)([^)\s]+)\)", text)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_links_of_notebooks(path):
    for cell in edition.read(path).cells:
        if cell.cell_type == "markdown":
            for target in links(cell.source):
                assert (path.parent / target).exists(), f"cell {cell.id}: {target}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_links_of_documents(path):
    for target in links(path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


@pytest.mark.parametrize("lesson", curriculum.available(), ids=lambda lesson: lesson.stem)
def test_titles_are_the_curriculums(lesson):
    first = edition.read(edition.LESSONS / f"{lesson.stem}.ipynb").cells[0].source
    assert first.splitlines()[0] == f"# {lesson.number:02d} · {lesson.title}"
