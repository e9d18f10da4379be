"""The budget of the notebooks' kernels."""

from tests.kernel_budget import CELL_LIMIT, KERNEL_LIMIT, over_budget


def test_a_dear_set_up_cell_is_allowed():
    assert over_budget({"a.ipynb": [("a::0", CELL_LIMIT + 1), ("a::1", 1.0)]}) == []


def test_a_dear_cell_and_a_dear_kernel_are_named():
    spent = {"a.ipynb": [("a::0", 5.0), ("a::1", CELL_LIMIT + 1)], "b.ipynb": [("b::0", 1.0)] * 40}
    told = over_budget(spent)
    assert told[0].startswith("a::1: 13.0 s")
    assert told[1].startswith(f"b.ipynb: 40.0 s of CPU time, {KERNEL_LIMIT:.0f}")
