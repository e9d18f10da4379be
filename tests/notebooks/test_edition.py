"""The learner's edition follows from the instructor's, and the exceptions are few."""

from utils import edition

import pytest

SOLUTIONS = edition.select([])
BOTH = [folder / path.name for path in SOLUTIONS for folder in (edition.SOLUTIONS, edition.LESSONS)]

# Cells whose outputs differ from machine to machine, each for a reason.
VOLATILE = {
    ("00_start_here.ipynb", "preflight"),  # versions, memory, time taken
    ("00_start_here.ipynb", "progress"),  # the learner's own
    ("17_graph_mode_and_speed.ipynb", "speed-table"),  # ratios of times on this machine
    ("17_graph_mode_and_speed.ipynb", "speed-figure"),  # the same as bars
}


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda p: p.stem)
def test_lessons_follow_from_solutions(path):
    target = edition.LESSONS / path.name
    if target.exists() and edition.is_filled_in(
        edition.derive(edition.read(path)), edition.read(target)
    ):
        pytest.fail(edition.FILLED_IN.format(name=path.name), pytrace=False)
    try:
        edition.check(path)
    except edition.Drift as drift:
        pytest.fail(str(drift), pytrace=False)


def test_every_lesson_has_a_solution():
    assert {p.name for p in edition.LESSONS.glob("*.ipynb")} == {p.name for p in SOLUTIONS}


@pytest.mark.parametrize("path", BOTH, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_the_list_of_uncompared_cells_is_short_and_known(path):
    for cell in edition.read(path).cells:
        ignored = "nbval-ignore-output" in edition.tags(cell) or "NBVAL" in cell.source
        assert ignored == ((path.name, cell.id) in VOLATILE), cell.id
        assert not {"nbval-skip"} & set(edition.tags(cell)), cell.id


@pytest.mark.parametrize("path", BOTH, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_every_figure_has_an_alternative_text(path):
    for cell in edition.read(path).cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                assert output.metadata.get("image/png", {}).get("alt"), cell.id


@pytest.mark.parametrize("path", BOTH, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_cells_are_short(path):
    for cell in edition.read(path).cells:
        if cell.cell_type == "code":
            lines = [line for line in cell.source.splitlines() if line.strip()]
            assert len(lines) <= 30, f"cell {cell.id} has {len(lines)} lines"
