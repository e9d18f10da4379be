"""Every claim has a home: the lesson that settles it shows it as the ledger has it."""

from utils import claims, curriculum, edition

import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

EDITIONS = (edition.SOLUTIONS, edition.LESSONS)
WITH_CLAIMS = sorted({c.lesson for c in claims.all()})
FACT_CHECK = curriculum.get(21).stem
each_edition = pytest.mark.parametrize("folder", EDITIONS, ids=lambda f: f.name)


@cache
def cells(folder, stem):
    """Return the cells of a notebook; skip if it is not written yet."""
    path = folder / f"{stem}.ipynb"
    if not path.exists():
        pytest.skip(f"{path.name} is not written yet")
    return edition.read(path).cells


def text_of(cell):
    """Return the stored text of a cell: what it prints and what it ends with."""
    outputs = cell.get("outputs", [])
    return "".join(o.get("text") or o.get("data", {}).get("text/plain", "") for o in outputs)


def table_cells(folder, number):
    """Return the code cells of a lesson that show its claims."""
    call = re.compile(rf"^claims\.table\(lesson={number}\)$", re.MULTILINE)
    found = cells(folder, curriculum.get(number).stem)
    return [c for c in found if c.cell_type == "code" and call.search(c.source)]


@pytest.mark.parametrize("claim", claims.all(), ids=lambda c: f"{c.id}-in-lesson-{c.lesson:02d}")
def test_claim_is_settled_in_one_lesson_of_the_course(claim):
    assert 1 <= curriculum.get(claim.lesson).number <= 19
    homes = [n for n in WITH_CLAIMS if claim in claims.table(lesson=n).claims]
    assert homes == [claim.lesson]


@each_edition
@pytest.mark.parametrize("number", WITH_CLAIMS)
def test_lesson_shows_its_claims_as_the_ledger_has_them(folder, number):
    shown = table_cells(folder, number)
    assert len(shown) == 1, f"one cell claims.table(lesson={number}) is wanted"
    stored, ledger = text_of(shown[0]).strip(), repr(claims.table(lesson=number))
    assert stored == ledger, f"stale: run `python -m utils.edition {number:02d}`"


@each_edition
@pytest.mark.parametrize("number", sorted(set(range(1, 21)) - set(WITH_CLAIMS)))
def test_lesson_without_claims_shows_no_empty_table(folder, number):
    assert table_cells(folder, number) == []


@each_edition
def test_fact_check_holds_the_whole_ledger(folder):
    shown = [text_of(c) for c in cells(folder, FACT_CHECK) if c.id.startswith("whole-D")]
    assert shown == [repr(claims.table(document=d)) for d in claims.documents()]


@each_edition
def test_fact_check_counts_are_the_ledgers(folder):
    (counts,) = (text_of(c) for c in cells(folder, FACT_CHECK) if c.id == "counts")
    header, *rows = (line.split() for line in counts.strip().splitlines())
    assert header == [*claims.VERDICTS, "all"]
    for name, *numbers in rows:
        chosen = claims.all() if name == "all" else claims.table(document=name).claims
        found = Counter(c.verdict for c in chosen)
        assert [int(n) for n in numbers] == [*(found[v] for v in claims.VERDICTS), len(chosen)]


def test_fact_check_types_no_count_of_the_ledger_into_its_prose():
    found = Counter(c.verdict for c in claims.all())
    counted = {str(n) for n in (len(claims.all()), *found.values()) if n > 21}
    for cell in cells(edition.SOLUTIONS, FACT_CHECK):
        if cell.cell_type == "markdown":
            assert not counted & set(re.findall(r"\d+", cell.source)), cell.id


def test_the_ten_most_harmful_claims_are_ten_and_none_is_simply_true():
    quoted = [
        id_
        for cell in cells(edition.SOLUTIONS, FACT_CHECK)
        for id_ in re.findall(r'^quote\("(\S+)"\)$', cell.source, re.MULTILINE)
    ]
    assert len(quoted) == len(set(quoted)) == 10
    assert {claims.get(id_).verdict for id_ in quoted} <= {"false", "conditional", "version"}
    for cell in cells(edition.LESSONS, FACT_CHECK):
        for id_ in re.findall(r'^quote\("(\S+)"\)$', cell.source, re.MULTILINE):
            assert f"“{claims.get(id_).claim}”" in text_of(cell)


def test_records_of_keras_2_15_are_repeated_by_the_script():
    """What the ledger has on record for Keras 2.15 is a row of older_keras.py."""
    script = Path(__file__).with_name("older_keras.py").read_text(encoding="utf-8")
    repeated = set(re.findall(r'"(D\d{3}-\d{2})"', script))
    recorded = {c.id for c in claims.all() if "Recorded with Keras 2.15" in c.evidence}
    assert recorded <= repeated
    for cell in cells(edition.SOLUTIONS, FACT_CHECK):
        if cell.id == "today":
            rerun = set(re.findall(r'"(D\d{3}-\d{2})"', cell.source))
            assert recorded <= rerun <= repeated
