"""Small pictures side by side."""

from utils import plots

import numpy as np
import pytest


def test_every_picture_has_its_caption():
    _, ax = plots.axes()
    plots.images(ax, np.ones((12, 8, 8)), [f"no. {k}" for k in range(12)], columns=5, title="All")
    assert [t.get_text() for t in ax.texts] == [f"no. {k}" for k in range(12)]
    assert len(ax.images) == 12
    assert ax.get_title() == "All"


def test_pictures_do_not_overlap_and_lie_inside_the_axes():
    _, ax = plots.axes()
    plots.images(ax, np.ones((7, 4, 6)), [""] * 7, columns=3)
    boxes = [image.get_extent() for image in ax.images]
    assert len({(left, top) for left, _, _, top in boxes}) == 7
    bottom, top = ax.get_ylim()
    for left, right, low, high in boxes:
        assert ax.get_xlim()[0] <= left < right <= ax.get_xlim()[1]
        assert top <= high < low <= bottom


@pytest.mark.parametrize(("shape", "captions"), [((3, 8, 8), 2), ((3, 64), 3)])
def test_what_does_not_fit_is_refused(shape, captions):
    _, ax = plots.axes()
    with pytest.raises(ValueError, match="captions"):
        plots.images(ax, np.ones(shape), [""] * captions)
