"""Every pitfall has its lesson, check or reason, exercise and page; each lack is found."""

from utils import exercises, pitfalls

from dataclasses import replace

import pytest

from docs.guide import pages
from tests.hygiene import register


@pytest.fixture(scope="module")
def guide(tmp_path_factory):
    """Ids that have a page in the field guide."""
    folder = tmp_path_factory.mktemp("guide") / "pages"
    pages.write(folder)
    return {path.stem for path in folder.glob("*.md")}


@pytest.mark.parametrize("entry", pitfalls.all(), ids=lambda entry: entry.id)
def test_a_pitfall_lacks_nothing(entry, guide):
    assert list(register.lacks(entry, guide)) == []


def test_what_is_trained_without_its_name_names_an_exercise_of_its_lesson():
    for id_, (exercise, why) in register.BY_SUBJECT.items():
        assert exercises.get(exercise).id.startswith(f"{pitfalls.get(id_).lesson:02d}-")
        assert id_ not in register.named_by_graders(pitfalls.get(id_).lesson), "it has its name now"
        assert why


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"lesson": 42}, "double-softmax: lesson 42 is not there"),
        ({"check": "undetectable", "reason": ""}, "double-softmax: neither a check nor a reason"),
        ({"check": ""}, "double-softmax: no word on what finds it"),
        ({"id": "new-pitfall"}, "new-pitfall: no exercise of lesson 03"),
        ({"id": "new-pitfall"}, "new-pitfall: no page in the field guide"),
    ],
)
def test_a_planted_lack_is_found_and_its_entry_named(changes, told, monkeypatch, guide):
    known = register.named_by_graders
    monkeypatch.setattr(
        register, "named_by_graders", lambda n: known(n) if n != 42 else frozenset()
    )
    entry = replace(pitfalls.get("double-softmax"), **changes)
    assert [lack for lack in register.lacks(entry, guide) if lack.startswith(told)]


def test_a_complete_entry_lacks_nothing(guide):
    assert list(register.lacks(pitfalls.get("double-softmax"), guide)) == []
