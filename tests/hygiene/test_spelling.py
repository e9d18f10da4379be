"""Documents, notebooks, docstrings, code and registers are spelt rightly, and in British."""

from utils import edition

import pytest

from tests.hygiene import spelling
from tests.hygiene.sources import (
    NOTEBOOKS,
    PYTHON,
    REGISTERS,
    docstrings,
    documents,
    name,
    notebook_texts,
    register_texts,
)

FILES = [*documents(), *PYTHON, *REGISTERS]
SOURCES = [path for path in NOTEBOOKS if path.parent == edition.SOLUTIONS]


def whole(path):
    """Return (place, text) of a file."""
    return name(path), path.read_text(encoding="utf-8")


def cells(path):
    """Return (place, source) of every cell of a notebook, code with its comments too."""
    return [(f"{name(path)}, cell {cell.id}", cell.source) for cell in edition.read(path).cells]


def test_nothing_is_misspelt():
    # This file and the rules hold misspellings on purpose.
    files = [path for path in FILES if path.stem not in ("spelling", "test_spelling")]
    texts = [whole(path) for path in files] + [pair for path in SOURCES for pair in cells(path)]
    assert spelling.misspelt(texts) == []


def test_prose_is_british():
    texts = [whole(path) for path in documents()]
    texts += [pair for path in REGISTERS for pair in register_texts(path)]
    texts += [pair for path in SOURCES for pair in notebook_texts(path)]
    texts += [pair for path in PYTHON for pair in docstrings(path)]
    assert list(spelling.american(texts)) == []


def test_a_planted_misspelling_is_found_and_its_place_named():
    texts = [("a.md", "All is well.\n\nThe calender said so."), ("b.md", "FPR is a rate.")]
    assert spelling.misspelt(texts) == ["a.md, line 3: calender ==> calendar"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("The behavior of it", "a.md: behavior is behaviour in British spelling"),
        ("We Normalize it", "a.md: Normalize is normalise in British spelling"),
    ],
)
def test_a_planted_american_form_is_found_and_its_place_named(text, told):
    assert list(spelling.american([("a.md", text)])) == [told]


@pytest.mark.parametrize("text", ["the behaviour", "`color=`", "[x](color.md)", "an optimizer"])
def test_names_in_code_may_be_american(text):
    assert list(spelling.american([("a.md", text)])) == []


def test_every_exception_is_still_needed():
    texts = " ".join(whole(path)[1] for path in FILES if path.stem != "spelling").lower()
    texts += " ".join(source for path in SOURCES for _, source in cells(path)).lower()
    assert [word for word in (*spelling.MEANT, *spelling.BOTH) if word not in texts] == []
