"""No link inside the checkout is dead, and lessons carry the titles of the curriculum."""

from utils import curriculum, edition

import nbformat
import pytest

from tests.hygiene import links
from tests.hygiene.sources import NOTEBOOKS, documents, name

# Those of docs/pages lead to built pages: tests/site follows them there.
DOCUMENTS = [path for path in documents() if not name(path).startswith("docs/pages/")]


@pytest.mark.parametrize("path", [*DOCUMENTS, *NOTEBOOKS], ids=name)
def test_no_link_is_dead(path):
    assert list(links.dead(path)) == []


def test_links_are_there_to_be_looked_at():
    looked = [t for path in DOCUMENTS for t in links.targets(path.read_text(encoding="utf-8"))]
    assert len(looked) > 22


@pytest.mark.parametrize("lesson", curriculum.available(), ids=lambda lesson: lesson.stem)
def test_titles_are_the_curriculums(lesson):
    first = edition.read(edition.LESSONS / f"{lesson.stem}.ipynb").cells[0].source
    assert first.splitlines()[0] == f"# {lesson.number:02d} · {lesson.title}"


DEAD = [
    ("[x](gone.md)", "gone.md is not there"),
    ("![x](assets/gone.png)", "assets/gone.png is not there"),
    ("see [the\nlesson](03.ipynb) now", "03.ipynb is not there"),
    ('<a href="gone.html">x</a>', "gone.html is not there"),
    ("[x][1]\n\n[1]: gone.md", "gone.md is not there"),
    ("[x](#nowhere)", "#nowhere names no heading of page.md"),
    ("[x](other.md#Two-words)", "other.md#Two-words names no heading of other.md"),
    ("[x](../../etc/hosts)", "leads out of the checkout"),
]
ALIVE = [
    "[x](other.md#two-words-codes)",
    "[x](other.md#two-words-codes-1)",
    "[x](other.md#label)",
    "[x](#here)\n\n# Here",
    "[x](https://example.org/gone.md)",
    "`[x](gone.md)`",
    "```\n[x](gone.md)\n```",
    "[x](a%20b.md)",
]


@pytest.fixture
def checkout(tmp_path):
    """A folder with two documents to link to."""
    other = "# Two words: `codes`\n\n## Two words: `codes`\n\n(label)=\n"
    (tmp_path / "other.md").write_text(other, encoding="utf-8")
    (tmp_path / "a b.md").write_text("", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(("text", "told"), DEAD)
def test_a_planted_dead_link_is_found_and_its_place_named(checkout, text, told):
    page = checkout / "page.md"
    page.write_text(f"# A page\n\n{text}\n", encoding="utf-8")
    (fault,) = links.dead(page, root=checkout)
    assert fault.startswith("page.md: ")
    assert told in fault


@pytest.mark.parametrize("text", ALIVE)
def test_a_link_that_leads_somewhere_is_no_fault(checkout, text):
    page = checkout / "page.md"
    page.write_text(f"# A page\n\n{text}\n", encoding="utf-8")
    assert list(links.dead(page, root=checkout)) == []


def test_anchors_of_notebooks_keep_their_capitals(tmp_path):
    path = tmp_path / "a.ipynb"
    cell = nbformat.v4.new_markdown_cell("## What people say")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    assert links.anchors(path) == {"What-people-say"}
