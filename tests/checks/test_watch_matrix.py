"""The detector matrix, part 1 of 4: every broken loop is named, every other is silent."""

import pytest
from loops import REGISTRY
from matrix import (
    BY_NAME,
    KNOWN_MISSES,
    OUT_OF_REACH,
    PARTS,
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
    assert set(OUT_OF_REACH) <= set(BY_NAME) - set(broken(BY_NAME))
