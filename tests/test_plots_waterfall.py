"""A start, the terms, and the end they add up to."""

from utils import plots

import pytest

START, TERMS, END = ("training", 0.6), {"weights": 0.1, "new data": -0.05}, ("validation", 0.65)


def test_the_bars_stand_on_each_other():
    _, ax = plots.axes()
    plots.waterfall(ax, START, TERMS, END, ylabel="accuracy")
    tops = [round(p.get_y() + p.get_height(), 6) for p in ax.patches]
    assert tops == [0.6, 0.7, 0.65, 0.65]
    assert [t.get_text() for t in ax.texts] == ["+0.100", "-0.050", "0.600", "0.650"]


def test_reading():
    assert plots.read_waterfall(START, TERMS, END) == (
        "training 0.600; weights +0.100; new data -0.050; validation 0.650."
    )


@pytest.mark.parametrize("draw", [plots.waterfall, lambda ax, *a: plots.read_waterfall(*a)])
def test_terms_that_do_not_add_up_are_refused(draw):
    _, ax = plots.axes()
    with pytest.raises(ValueError, match="do not add up"):
        draw(ax, START, {"weights": 0.2}, END)
