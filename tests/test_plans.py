"""TEACHING.md's plans add up, read back from the page and from the notebooks as they state it."""

from utils import curriculum, edition, plans

import re
from itertools import pairwise

import pytest

PAGE = plans.PAGE.read_text(encoding="utf-8")
_, HALF, FULL, WEEKS = re.split(
    r"^### ", PAGE.split(plans.BEGIN)[1].split(plans.END)[0], flags=re.M
)
ROW = re.compile(r"^\| (\d\d):(\d\d) \| ?(\d*) \| (.*) \|$", re.M)
LINK = re.compile(r"solutions/(\d\d)_")


def tables(text):
    """Return each table as rows of (minutes after midnight, minutes or None, what)."""
    rows = [(60 * int(h) + int(m), int(n) if n else None, w) for h, m, n, w in ROW.findall(text)]
    ends = [0] + [k + 1 for k, (_, minutes, _) in enumerate(rows) if minutes is None]
    return [rows[a:b] for a, b in pairwise(ends)]


def stated(number):
    """Return minutes of the title, of all exercises and of exercise a, as the text has them."""
    (path,) = edition.select([number])
    title, opening = (cell.source for cell in edition.read(path).cells[:2])
    exercises = re.search(r"Exercises (\d+) more: a (\d+)", opening)
    core = int(re.search(r"^\*(\d+) minutes", title, re.M)[1])
    return core, *(map(int, exercises.groups()) if exercises else (0, 0))


def test_the_page_has_the_plans_as_the_lessons_are_now():
    assert plans.main(["--check"]) == 0, "run `python -m utils.plans`"


@pytest.mark.parametrize("table", tables(HALF + FULL + WEEKS), ids=lambda rows: rows[0][2][:20])
def test_clock_times_follow_from_minutes(table):
    for (start, minutes, what), (following, _, _) in pairwise(table):
        assert start + minutes == following, what
        assert minutes > 0, what


@pytest.mark.parametrize("table", tables(HALF + FULL + WEEKS), ids=lambda rows: rows[0][2][:20])
def test_lessons_get_what_their_notebooks_state(table):
    for _, minutes, what in table:
        if link := LINK.search(what):
            core, every, first = stated(link[1])
            if "with exercise a" in what:
                assert abs(core + first - minutes) <= 2, what
            else:
                assert core + every == minutes, what


def test_no_one_sits_for_longer_than_a_hundred_minutes():
    for table in tables(HALF + FULL + WEEKS):
        sat = 0
        for _, minutes, what in table:
            sat = 0 if "*" in what else sat + (minutes or 0)
            assert sat <= 100, what


def test_homework_adds_up():
    found = re.findall(r"^At home, (\d+) minutes: (.*)\.$", WEEKS, re.M)
    assert len(found) == 5
    for total, listed in found:
        parts = re.findall(r"solutions/(\d\d)_\w+\.ipynb\) (\d+)", listed)
        assert sum(int(minutes) for _, minutes in parts) == int(total)
        for number, minutes in parts:
            core, every, _ = stated(number)
            assert core + every == int(minutes), number


def test_each_plan_teaches_what_its_title_says():
    assert [len(tables(text)) for text in (HALF, FULL, WEEKS)] == [1, 1, 6]
    assert len(set(LINK.findall(HALF)) - {"00"}) == 6
    assert len(set(LINK.findall(FULL)) - {"00"}) == 12
    every = [f"{lesson.number:02d}" for lesson in curriculum.LESSONS]
    assert sorted(LINK.findall(WEEKS)) == every


def test_links_lead_somewhere():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", PAGE):
        assert (plans.PAGE.parent / target).exists(), target
