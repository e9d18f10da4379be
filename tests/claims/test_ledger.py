"""The ledger: complete, in our own words, and each verdict backed by an experiment."""

from utils import claims

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FILES = {document: HERE / f"test_{document.lower()}.py" for document in claims.documents()}


def experiments(path):
    """Return (claim, verdict, name of the test) for every decorator `settles` in a file."""
    found = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        for call in getattr(node, "decorator_list", []):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "settles":
                verdict = {k.arg: k.value.value for k in call.keywords}["verdict"]
                found.append((call.args[0].value, verdict, node.name))
    return found


SETTLED = [row for path in FILES.values() for row in experiments(path)]
each_claim = pytest.mark.parametrize("claim", claims.all(), ids=lambda c: c.id)


def test_the_five_documents_and_their_claims_are_all_there():
    expected = {"D000": 27, "D001": 29, "D002": 24, "D003": 26, "D004": 27}
    assert Counter(c.document.id for c in claims.all()) == expected
    for document, count in expected.items():
        ids = [c.id for c in claims.table(document=document)]
        assert ids == [f"{document}-{k:02d}" for k in range(1, count + 1)]


def test_documents_are_cited_by_title_and_date():
    for document in claims.documents().values():
        assert document.title.endswith("?")
        assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", document.date)


@each_claim
def test_every_claim_but_an_opinion_has_one_experiment_of_its_verdict(claim):
    verdicts = [verdict for id_, verdict, _ in SETTLED if id_ == claim.id]
    expected = [] if claim.verdict == "opinion" else [claim.verdict]
    assert verdicts == expected


def test_no_experiment_settles_a_claim_that_is_not_in_the_ledger():
    assert {id_ for id_, _, _ in SETTLED} <= {c.id for c in claims.all()}


def test_experiments_stand_in_the_file_of_their_document():
    for document, path in FILES.items():
        for id_, _, name in experiments(path):
            assert id_.startswith(document), f"{name} in {path.name} settles {id_}"


@each_claim
def test_entry_is_complete(claim):
    assert claim.claim.endswith(".")
    assert claim.evidence.endswith(".")
    assert 15 <= len(claim.claim) <= 140
    assert 15 <= len(claim.evidence) <= 340
    assert claim.lesson in range(1, 20)
    assert bool(claim.condition) == (claim.verdict in ("conditional", "version"))
    assert not claim.condition.endswith(".")


@each_claim
def test_what_depends_on_the_version_names_the_versions(claim):
    if claim.verdict == "version":
        text = claim.condition + claim.evidence
        assert "Keras 3.15" in text
        assert "Keras 2.15" in text


@each_claim
def test_verdicts_of_fact_rest_on_something_that_was_seen(claim):
    if claim.verdict == "opinion":
        assert claim.evidence.startswith("No figure decides")


def test_no_text_is_used_twice():
    for field in ("claim", "evidence"):
        counts = Counter(getattr(c, field) for c in claims.all())
        assert [text for text, n in counts.items() if n > 1] == []


def test_every_lesson_up_to_fifteen_settles_some_claims():
    per_lesson = Counter(c.lesson for c in claims.all())
    assert set(per_lesson) >= set(range(1, 16))
