"""The precision–recall figure: what is drawn, and what is said of it."""

from utils import plots

import matplotlib.pyplot as plt
import numpy as np
import pytest

CURVES = {"rows": ([1.0, 0.8, 0.5, 0.2], [0.1, 0.6, 0.9, np.nan]), "ink": ([1.0, 0.0], [0.1, 0.1])}


@pytest.fixture
def ax():
    figure, ax = plots.axes()
    yield ax
    plt.close(figure)


def test_lines_points_and_base_rate_are_drawn(ax):
    plots.precision_recall(ax, CURVES, points={"argmax": (0.5, 0.9)}, base_rate=0.1)
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["rows", "ink", "argmax"]
    rows, ink, argmax, base = ax.get_lines()
    np.testing.assert_allclose(rows.get_xdata(), CURVES["rows"][0])
    np.testing.assert_allclose(rows.get_ydata(), CURVES["rows"][1])
    assert (argmax.get_xdata()[0], argmax.get_ydata()[0]) == (0.5, 0.9)
    assert set(base.get_ydata()) == {0.1}
    assert "0.10" in ax.texts[0].get_text()
    assert rows.get_color() != ink.get_color() != argmax.get_color()


def test_reading():
    assert plots.read_precision_recall(CURVES, {"argmax": (0.5, 0.9)}) == (
        "Precision at recall 0.8: rows 0.60, ink 0.10. argmax: recall 0.50, precision 0.90."
    )
    assert plots.read_precision_recall(CURVES, recall=0.5).startswith(
        "Precision at recall 0.5: rows 0.90"
    )
