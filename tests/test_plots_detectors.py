"""The figure of the detector matrix: which cells are marked, and what is said of it."""

from utils import pitfalls, plots
from utils.checks.report import SEVERITIES
from utils.plots.detectors import LOOKS, MISSED

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb

ROWS = ["ant", "bee", "cow", "dog"]
COLUMNS = ["ant", "bee", "cow", "dog", "emu"]
FOUND = {
    ("ant", "ant"): "error",
    ("bee", "bee"): "warning",
    ("bee", "emu"): "error",
    ("cow", "cow"): "note",
    ("cow", "ant"): "note",
}


@pytest.fixture
def ax():
    figure, ax = plots.axes()
    yield ax
    plt.close(figure)


def test_every_cell_is_marked_where_it_stands(ax):
    plots.detector_matrix(ax, ROWS, COLUMNS, FOUND, title="five names")
    marks = {c.get_label(): sorted(map(tuple, c.get_offsets().tolist())) for c in ax.collections}
    assert marks == {"error": [(0, 0), (4, 1)], "warning": [(1, 1)], "note": [(0, 2), (2, 2)]}
    assert [t.get_text() for t in ax.get_xticklabels()] == COLUMNS
    assert [t.get_text() for t in ax.get_yticklabels()] == ROWS
    top, bottom = ax.transData.transform([(0, 0), (0, 3)])[:, 1]
    assert top > bottom


def test_own_cells_are_shaded_and_the_missed_ones_framed(ax):
    plots.detector_matrix(ax, ROWS, COLUMNS, FOUND)
    own = {(p.get_x() + 0.5, p.get_y() + 0.5): to_hex(p.get_edgecolor()) for p in ax.patches}
    assert set(own) == {(i, i) for i in range(4)}
    assert {cell for cell, edge in own.items() if edge == MISSED.lower()} == {(2, 2), (3, 3)}
    legend = [t.get_text() for t in ax.get_legend().get_texts()]
    assert legend == ["error", "warning", "note", "missed"]


def test_the_legend_holds_only_what_is_there(ax):
    plots.detector_matrix(ax, ["ant"], COLUMNS, {("ant", "ant"): "error"})
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["error"]


def test_severities_differ_without_colour():
    looks = list(LOOKS.values())
    assert len({marker for marker, _, _ in looks}) == len(looks)
    grey = sorted(np.dot(to_rgb(colour), [0.2126, 0.7152, 0.0722]) for *_, colour in looks)
    assert tuple(LOOKS) == SEVERITIES
    assert grey[-1] - grey[0] > 0.2


def test_all_pitfalls_fit_beside_each_other():
    names = [entry.id for entry in pitfalls.all()]
    figure, ax = plots.axes(width=9, height=9)
    plots.detector_matrix(ax, names, names, {(name, name): "error" for name in names})
    figure.canvas.draw()
    for labels, edge in ((ax.get_yticklabels(), "y"), (ax.get_xticklabels(), "x")):
        boxes = [label.get_window_extent() for label in labels]
        starts = sorted((getattr(b, f"{edge}0"), getattr(b, f"{edge}1")) for b in boxes)
        overlaps = [a[1] - b[0] for a, b in itertools.pairwise(starts)]
        assert max(overlaps) < 1.0
    plt.close(figure)


def test_what_has_no_cell_is_refused(ax):
    for found, said in (({("ant", "ant"): "fatal"}, "fatal"), ({("ant", "fox"): "error"}, "fox")):
        with pytest.raises(ValueError, match=said):
            plots.detector_matrix(ax, ROWS, COLUMNS, found)
        with pytest.raises(ValueError, match=said):
            plots.read_detector_matrix(ROWS, COLUMNS, found)


def test_reading():
    assert plots.read_detector_matrix(ROWS, COLUMNS, FOUND) == (
        "2 of 4 pitfalls are found under their own name. Missed: cow, dog. "
        "Named besides: emu on bee."
    )
    assert plots.read_detector_matrix(["ant"], COLUMNS, {("ant", "ant"): "error"}) == (
        "1 of 1 pitfalls are found under their own name. Nothing else is named."
    )
