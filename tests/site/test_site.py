"""The built pages: complete, without a warning or a dead link, and with nothing from elsewhere."""

from utils import curriculum, edition

import re
import shutil
from html.parser import HTMLParser

import pytest

from docs import links

each_lesson = pytest.mark.parametrize("lesson", curriculum.LESSONS, ids=lambda x: x.stem)


class Pictures(HTMLParser):
    """Collects the alternative texts of a page's pictures."""

    def __init__(self, text):
        super().__init__()
        self.alts = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.alts.append(dict(attrs).get("alt", ""))


def html(site, page):
    return (site / page).read_text(encoding="utf-8")


def test_no_link_is_dead_and_nothing_is_fetched_from_elsewhere(site):
    assert list(links.faults(site)) == []


@each_lesson
def test_every_figure_of_a_lesson_says_what_it_shows(site, lesson):
    stored = [
        output.metadata["image/png"]["alt"]
        for cell in edition.read(edition.LESSONS / f"{lesson.stem}.ipynb").cells
        for output in cell.get("outputs", ())
        if "image/png" in output.get("data", {})
    ]
    shown = Pictures(html(site, f"lessons/{lesson.stem}.html")).alts
    assert set(stored) <= set(shown)
    assert "" not in shown


@each_lesson
def test_every_exercise_of_a_lesson_has_its_fold(site, lesson):
    cells = edition.read(edition.LESSONS / f"{lesson.stem}.ipynb").cells
    exercises = sum(edition.EXERCISE in edition.tags(cell) for cell in cells)
    text = html(site, f"lessons/{lesson.stem}.html")
    assert text.count('<details class="solution">') == exercises
    assert text.count("</details>") >= exercises
    assert edition.BEGIN not in text


def test_formulas_are_set_by_a_mathjax_of_the_site(site):
    text = html(site, "lessons/03_double_softmax.html")
    (script,) = re.findall(r'src="([^"]*mathjax[^"]*)"', text)
    assert (site / "lessons" / script.split("?")[0]).resolve().exists()
    assert list((site / "_static" / "mathjax").rglob("*.woff"))


def test_the_search_finds_lessons_and_public_names(site):
    index = html(site, "searchindex.js")
    assert "lessons/03_double_softmax" in index
    assert "api/checks" in index


@pytest.mark.parametrize(
    ("planted", "told"),
    [
        ('<a href="nowhere.html">x</a>', "index.html: nowhere.html is not there"),
        (
            '<a href="lessons/index.html#nothing">x</a>',
            "index.html: lessons/index.html#nothing names no anchor of index.html",
        ),
        (
            '<script src="https://cdn.example.org/x.js"></script>',
            "index.html: https://cdn.example.org/x.js is fetched from another host",
        ),
    ],
)
def test_a_planted_fault_is_named_with_its_page(site, tmp_path, planted, told):
    copy = shutil.copytree(site, tmp_path / "pages")
    page = copy / "index.html"
    page.write_text(html(copy, "index.html").replace("</article>", f"{planted}</article>"))
    assert list(links.faults(copy)) == [told]
