"""The field guide: every test tells a broken case from a healthy one, every pitfall has a page."""

from utils import edition, pitfalls

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from docs import pdf
from docs.guide import figures, pages

ROOT = Path(__file__).resolve().parents[2]
WIDTH = 96  # what a sheet of A4 holds beside its margins

each_entry = pytest.mark.parametrize("entry", pitfalls.all(), ids=lambda p: p.id)


@pytest.fixture(scope="module")
def outcomes():
    """What each thirty-second test said of its two cases, from one process of their own.

    Half a minute long, so it is left to the runs that build the site.
    """
    pytest.importorskip("sphinx", reason="without the group site its longest test is left out")
    done = subprocess.run(
        [sys.executable, "-m", "docs.guide.trial"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@each_entry
def test_the_thirty_second_test_tells_sick_from_healthy(outcomes, entry):
    assert outcomes.get(entry.id), "docs/guide/runs has no case for it"
    for told in outcomes[entry.id]:
        assert "error" not in told, told
        assert told["broken"], f"silent on the broken form of {told['case']}"
        assert not told["healthy"], f"an alarm on the healthy form of {told['case']}: {told}"


@each_entry
def test_the_lines_to_paste_are_few_and_end_in_an_assertion(entry):
    body = ast.parse(entry.probe).body
    assert isinstance(body[-1], ast.Assert)
    for statement in body:
        if isinstance(statement, ast.Assert):
            assert statement.msg is not None, "an assertion must show the figures"
    lines = entry.probe.splitlines()
    assert len(lines) <= 10
    assert max(map(len, lines)) <= WIDTH


def test_the_lines_to_paste_are_formatted(tmp_path):
    for entry in pitfalls.all():
        (tmp_path / f"{entry.id}.py").write_text(f"{entry.probe.rstrip()}\n", encoding="utf-8")
    command = [sys.executable, "-m", "ruff", "format", "--isolated", f"--line-length={WIDTH}"]
    done = subprocess.run([*command, "--diff", tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@each_entry
def test_every_pitfall_has_a_figure_with_a_text(entry):
    picture, reading = figures.stored(entry)
    assert picture.startswith(b"\x89PNG")
    assert len(reading) > 20


def test_no_figure_is_left_that_no_page_shows():
    own = {entry.id for entry in pitfalls.all() if not entry.figure}
    assert set(figures.readings()) == own
    assert {path.stem for path in figures.FOLDER.glob("*.png")} == own


def test_a_figure_that_is_not_there_is_named():
    with pytest.raises(LookupError, match="03/no-such-cell"):
        figures.of_lesson("03/no-such-cell")


def test_readings_are_compared_by_words_and_rounded_figures():
    assert figures.alike("loss: 2.303 → 0.105.", "loss: 2.303 → 0.107.")
    assert not figures.alike("loss: 2.303 → 0.105.", "loss: 2.303 → 1.461.")
    assert not figures.alike("broken: 2.303.", "fixed: 2.303.")


def test_addresses_are_short_on_paper_and_can_be_found_again():
    assert pages.short("https://github.com/keras-team/keras/issues/9") == "keras-team/keras issue 9"
    assert pages.short("https://example.org/a/b") == "example.org/a/b"


@each_entry
def test_every_entry_has_its_page(site, entry):
    html = (site / "fieldguide" / f"{entry.id}.html").read_text(encoding="utf-8")
    number, lesson = f"{entry.lesson:02d}", None
    for path in edition.LESSONS.glob(f"{number}_*.ipynb"):
        lesson = path.stem
    assert f"../lessons/{lesson}.html" in html
    for word in ("Symptom.", "Test.", "Cause.", "Fix."):
        assert f"<strong>{word}</strong>" in html
    for url in entry.threads:
        assert url in html
    assert ("No check finds it" in html) != entry.detectable
    (alt,) = re.findall(r'<img alt="([^"]+)"', html)
    assert len(alt) > 20


def test_the_print_page_holds_every_entry(site):
    html = (site / "fieldguide" / "print.html").read_text(encoding="utf-8")
    assert html.count("<strong>Symptom.</strong>") == len(pitfalls.all())
    assert html.count("<figure") == len(pitfalls.all())


def test_in_print_each_pitfall_takes_one_sheet(site, tmp_path):
    if pdf.browser() is None:
        pytest.skip("no Chromium is installed (on Debian: apt-get install chromium)")
    printed = pdf.print_guide(site).read_bytes()
    sheets = len(re.findall(rb"/Type\s*/Page\b", printed))
    assert sheets == len(pitfalls.all()) + 1, "one for the opening, one for each pitfall"


def test_without_a_browser_the_way_out_is_told(site, monkeypatch):
    monkeypatch.setattr(pdf, "browser", lambda: None)
    with pytest.raises(FileNotFoundError, match=r"fieldguide/print\.html"):
        pdf.print_guide(site)
