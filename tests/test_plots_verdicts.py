"""The figure of verdicts: what is drawn, how pieces are told apart, and what is said of it."""

from utils import claims, plots
from utils.plots.verdicts import LOOKS

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

COUNTS = {
    "first": {"true": 4, "false": 3, "version": 1},
    "second": {"conditional": 2, "opinion": 1, "true": 0},
}


@pytest.fixture
def ax():
    figure, ax = plots.axes()
    yield ax
    plt.close(figure)


def test_pieces_of_a_bar_follow_each_other_and_carry_their_number(ax):
    plots.verdicts(ax, COUNTS, title="two")
    pieces = {c.get_label(): [(p.get_x(), p.get_width()) for p in c] for c in ax.containers}
    assert pieces["true"] == [(0, 4), (0, 0)]
    assert pieces["conditional"] == [(4, 0), (0, 2)]
    assert pieces["version"] == [(4, 1), (2, 0)]
    assert pieces["false"] == [(5, 3), (2, 0)]
    assert pieces["opinion"] == [(8, 0), (2, 1)]
    numbers = {(t.get_text(), t.get_position()) for t in ax.texts}
    assert numbers == {
        ("4", (2.0, 0)),
        ("1", (4.5, 0)),
        ("3", (6.5, 0)),
        ("2", (1.0, 1)),
        ("1", (2.5, 1)),
    }
    assert [t.get_text() for t in ax.get_yticklabels()] == ["first", "second"]
    assert ax.get_xlim() == (0, 8)


def test_a_verdict_nobody_has_is_not_in_the_legend(ax):
    plots.verdicts(ax, {"first": {"true": 1}})
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["true"]


def test_neighbours_differ_without_colour():
    """In grey print two pieces that touch still differ: by hatch, or clearly in lightness."""
    lightness = {v: np.dot(to_rgb(c), [0.2126, 0.7152, 0.0722]) for v, (c, _, _) in LOOKS.items()}
    for a in LOOKS:
        for b in LOOKS:
            if a < b and LOOKS[a][1] == LOOKS[b][1]:
                assert abs(lightness[a] - lightness[b]) > 0.3, (a, b)


def test_every_verdict_of_the_ledger_has_a_look():
    assert set(LOOKS) == set(claims.VERDICTS)


def test_unknown_verdicts_are_refused(ax):
    with pytest.raises(ValueError, match="'maybe'"):
        plots.verdicts(ax, {"first": {"maybe": 1}})
    with pytest.raises(ValueError, match="'maybe'"):
        plots.read_verdicts({"first": {"maybe": 1}})


def test_nothing_to_draw(ax):
    plots.verdicts(ax, {"first": {}})
    assert plots.read_verdicts({"first": {}}) == "There are no claims."


def test_reading():
    assert plots.read_verdicts(COUNTS) == (
        "Of 11 claims 4 are true (36 %), 2 conditional (18 %), 1 version (9 %), 3 false (27 %), "
        "1 opinion (9 %). True as they stand: first 4 of 8, second 0 of 3."
    )
