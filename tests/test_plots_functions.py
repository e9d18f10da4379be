"""Lines over a quantity of one's own: what is drawn is what was given."""

from utils import plots

import matplotlib.pyplot as plt
import numpy as np


def test_lines_references_and_uprights_are_drawn_where_they_belong():
    figure, ax = plots.axes()
    x = [-1.0, 0.0, 2.0]
    plots.functions(
        ax,
        x,
        {"broken": [3.0, np.nan, 1.0], "fixed": [1.0, 2.0, 3.0]},
        references={"ln 3": np.log(3)},
        verticals={"clip": 0.5},
        xlabel="score",
        title="One question",
    )
    broken, fixed, level, upright = ax.get_lines()
    assert list(fixed.get_xdata()) == x
    assert list(fixed.get_ydata()) == [1.0, 2.0, 3.0]
    assert np.isnan(broken.get_ydata()[1])
    assert broken.get_color() == plots.colour("broken")
    assert fixed.get_linewidth() < broken.get_linewidth(), "a covered line must show"
    assert set(level.get_ydata()) == {np.log(3)}
    assert set(upright.get_xdata()) == {0.5}
    assert {t.get_text() for t in ax.texts} == {"ln 3 = 1.099", "clip"}
    assert ax.get_xlabel() == "score"
    plt.close(figure)
