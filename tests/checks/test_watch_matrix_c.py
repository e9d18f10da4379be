"""The detector matrix, part 3 of 4: every broken loop is named, every other is silent."""

import pytest
from matrix import broken, check_named, check_silent, part

NAMES = part(2)


@pytest.mark.parametrize("name", broken(NAMES))
def test_a_broken_loop_is_named(name):
    check_named(name)


@pytest.mark.parametrize("name", NAMES)
def test_a_fixed_or_healthy_loop_is_silent(name):
    check_silent(name)
