"""Decks as files: nothing foreign in them, figures keep their words, formulas are MathML."""

from utils import edition, slides
from utils.slides import __main__ as command

import re
import sys

import bs4
import pytest

pytest.importorskip("sphinx_revealjs", reason="uv run --all-groups pytest tests/slides")
pytest.importorskip("latex2mathml", reason="uv run --all-groups pytest tests/slides")

NUMBER = "03"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Return the deck of lesson 03, as the command writes it."""
    folder = tmp_path_factory.mktemp("slides")
    assert command.main([NUMBER, "--folder", str(folder)]) == 0
    (path,) = folder.glob("*.html")
    return bs4.BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def test_nothing_is_fetched_from_anywhere(page):
    for tag in page.find_all(True):
        for name in ("src", "srcset", "poster", "data", "action"):
            assert tag.get(name, "data:").startswith("data:"), tag
    assert not page.find_all(["link", "iframe", "object", "embed", "base"])
    for style in page.find_all("style"):
        assert "@import" not in style.text
        addresses = re.findall(r"url\(\s*['\"]?([^)]{0,40})", style.text)
        assert addresses
        assert all(address.startswith("data:") for address in addresses), addresses


def test_links_lead_to_slides_or_places_in_them(page):
    targets = {link["href"] for link in page.find_all("a", href=True)}
    assert "04_logits_as_probabilities.html" in targets
    assert not [target for target in targets if "ipynb" in target]


def test_every_figure_keeps_its_words(page):
    path, *_ = edition.select([NUMBER])
    wanted = [
        output.metadata["image/png"]["alt"]
        for cell in edition.read(edition.LESSONS / path.name).cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {}) and edition.EXERCISE not in edition.tags(cell)
    ]
    assert wanted
    assert [image["alt"] for image in page.find_all("img")] == wanted


def test_formulas_are_mathml_and_no_dollar_is_left(page):
    assert len(page.find_all("math")) > 5
    said = " ".join(block.get_text() for block in page.select(".text"))
    assert "$" not in said


def test_notes_are_for_the_speaker_and_answers_for_nobody(page):
    asides = page.select("aside.notes")
    assert "Say at the start" in asides[0].text
    for aside in asides:
        aside.extract()
    assert "Say at the start" not in page.select_one("main").text
    assert edition.BEGIN not in page.text


def test_without_the_group_it_says_what_to_run(page, monkeypatch, capsys, tmp_path):
    monkeypatch.delitem(sys.modules, "utils.slides.page")
    monkeypatch.delattr(slides, "page")
    monkeypatch.setitem(sys.modules, "latex2mathml.converter", None)
    assert command.main([NUMBER, "--folder", str(tmp_path)]) == 1
    assert "--group slides" in capsys.readouterr().err
