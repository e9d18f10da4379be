"""The detector matrix, part 1 of 4: every broken loop is named, every other is silent."""

from utils import pitfalls, plots

import draw_matrix
import pytest
from loops import REGISTRY
from loops.lesson_19 import LOOPS
from matrix import (
    BY_NAME,
    KNOWN_MISSES,
    PARTS,
    SEEN,
    WRONGLY_NAMED,
    broken,
    check_named,
    check_silent,
    part,
)

NAMES = part(0)


@pytest.mark.parametrize("name", broken(NAMES))
def test_a_broken_loop_is_named(name):
    check_named(name)


@pytest.mark.parametrize("name", NAMES)
def test_a_fixed_or_healthy_loop_is_silent(name):
    check_silent(name)


def test_no_loop_is_left_out():
    assert sorted(name for number in range(PARTS) for name in part(number)) == sorted(BY_NAME)
    assert len(BY_NAME) == len(REGISTRY)


def test_exceptions_are_about_loops_that_exist():
    assert set(KNOWN_MISSES) <= set(broken(BY_NAME))
    assert set(WRONGLY_NAMED) <= set(broken(BY_NAME)) - set(KNOWN_MISSES)


def test_what_the_register_says_of_watch_is_shown_by_a_loop():
    """Each pitfall that `watch` is said to find has a broken loop it finds it in; no other has."""
    found = {loop.pitfall for name, loop in BY_NAME.items() if name not in KNOWN_MISSES}
    found |= {loop.pitfall for loop in LOOPS}
    assert found - {""} == {entry.id for entry in pitfalls.all() if "watch" in entry.check}


def test_the_figure_is_of_these_loops_and_the_readme_says_what_it_shows():
    replicas = {f"lesson_19:{loop.run.__name__}" for loop in LOOPS}
    assert set(SEEN) == set(BY_NAME) | replicas
    reading = plots.read_detector_matrix(*draw_matrix.parts(SEEN))
    readme = (draw_matrix.ROOT / "README.md").read_text(encoding="utf-8")
    assert reading.split(".")[0] in " ".join(readme.split())
