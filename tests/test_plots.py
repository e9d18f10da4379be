"""The common figures: what they draw, and what their readings say."""

from utils import plots

import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")


@pytest.fixture
def ax():
    figure, ax = plots.axes()
    yield ax
    figure.clear()


def test_a_name_keeps_its_colour():
    assert plots.colour("broken, eager", 5) == plots.colour("broken") == plots.COLOURS["broken"]
    assert plots.colour("unheard of", 0) != plots.colour("unheard of", 1)


def test_curves_draw_a_line_per_name_and_a_named_reference(ax):
    plots.curves(ax, {"broken": [2.0, 1.5], "fixed": [1.0, 0.1]}, references={"floor": 1.461})
    assert [line.get_label() for line in ax.lines[:2]] == ["broken", "fixed"]
    assert ax.lines[0].get_xdata().tolist() == [1, 2]
    assert ax.texts[0].get_text() == "floor = 1.461"
    assert ax.get_xlabel() == "epoch"
    assert ax.get_ylabel() == "loss (nats)"


def test_a_line_that_hides_another_is_dashed(ax):
    plots.curves(ax, {"broken": [2.0, 1.5], "fixed": [2.0, 1.5], "other": [1.0, 1.0]})
    styles = [line.is_dashed() for line in ax.lines]
    assert styles == [False, True, False]


def test_the_name_of_a_line_stays_clear_of_a_curve_above_it(ax):
    plots.curves(ax, {"broken": [2.0, 1.5]}, references={"floor": 1.461, "ln 10": 2.303})
    assert [text.get_va() for text in ax.texts] == ["top", "bottom"]


def test_curves_take_empty_and_single_series(ax):
    plots.curves(ax, {"broken": [], "fixed": [0.5]})
    assert len(ax.lines) == 2


def test_readings_are_computed():
    assert (
        plots.read_curves({"broken": [2.3, 1.5]}, {"floor": 1.461})
        == "broken: 2.300 → 1.500. floor = 1.461."
    )
    text = plots.read_true_class_probability({"fixed": [0.95, 0.95, 0.2]})
    assert text == "Probability of the true class. fixed: median 0.950, 67% above 0.9."
    matrix = [[8, 2], [1, 9]]
    assert plots.read_confusion_matrix(matrix, "ab") == (
        "85.0% of 20 on the diagonal. Largest confusion: a taken for b, 2 times."
    )
    assert plots.read_confusion_matrix(np.eye(2, dtype=int), "ab") == "100.0% of 2 on the diagonal."


def test_the_confusion_matrix_shows_counts_and_names(ax):
    plots.confusion_matrix(ax, [[8, 2], [0, 9]], ["cat", "dog"])
    assert [text.get_text() for text in ax.texts] == ["8", "2", "9"]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["cat", "dog"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")


def test_bars_stand_side_by_side(ax):
    plots.bars(ax, {"fixed": [1, 2], "broken": [3, 4]}, ["a", "b"])
    assert [p.get_height() for p in ax.patches] == [1, 2, 3, 4]
    centres = [p.get_x() + p.get_width() / 2 for p in ax.patches]
    assert centres == pytest.approx([-0.2, 0.8, 0.2, 1.2])


def test_histograms_count_everything(ax):
    plots.true_class_probability(ax, {"broken": [0.0, 0.5, 1.0], "fixed": [0.9]})
    assert ax.get_xlim() == (0, 1)
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["broken", "fixed"]


def test_show_prints_the_reading_and_gives_it_to_the_picture(capsys, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    figure, ax = plots.axes()
    plots.curves(ax, {"fixed": [1.0]})
    plots.show(figure, "One point.")
    assert capsys.readouterr().out == "One point.\n"
    assert shown[0].alt == "One point."
    assert shown[0].data.startswith(b"\x89PNG")
    assert not matplotlib.pyplot.fignum_exists(figure.number)
