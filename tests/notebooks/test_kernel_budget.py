"""The budget of the notebooks' kernels, and what a run says of a planted slow cell."""

from utils import edition

import os
import subprocess
import sys
from types import SimpleNamespace

import nbformat
import pytest

from tests.kernel_budget import CELL_LIMIT, KERNEL_LIMIT, Phase, is_of_a_notebook, over_budget


def test_a_dear_set_up_cell_is_allowed():
    assert over_budget({"a.ipynb": [("a::0", CELL_LIMIT + 1), ("a::1", 1.0)]}) == []


def test_a_dear_cell_and_a_dear_kernel_are_named():
    spent = {"a.ipynb": [("a::0", 5.0), ("a::1", CELL_LIMIT + 1)], "b.ipynb": [("b::0", 1.0)] * 40}
    told = over_budget(spent)
    assert told[0].startswith("a::1: 13.0 s")
    assert told[1].startswith(f"b.ipynb: 40.0 s of CPU time, {KERNEL_LIMIT:.0f}")


def test_the_phase_is_told_beside_what_it_needed():
    phase = Phase()
    for when, start, stop in [
        ("setup", 10.0, 11.0),
        ("call", 11.0, 16.0),
        ("call", 12.0, 18.0),
        ("teardown", 18.0, 19.0),
    ]:
        phase.add(SimpleNamespace(when=when, start=start, stop=stop, duration=stop - start))
    assert phase.told(2).startswith("notebooks: 9 s; starts, imports and cells 12 s on 2 cores")
    assert "ratio 1.50" in phase.told(2)
    assert "1 core, ratio 0.75" in phase.told(1)


@pytest.mark.parametrize(
    ("nodeid", "counts"),
    [
        ("lessons/03_double_softmax.ipynb::Cell 5", True),
        ("tests/notebooks/test_kernel_budget.py::test_a[99_slow.ipynb::Cell 1: 0.]", False),
    ],
)
def test_only_cells_belong_to_the_phase_of_the_notebooks(nodeid, counts):
    assert is_of_a_notebook(nodeid) is counts


SLOW = "import time\nend = time.process_time() + 0.5\nwhile time.process_time() < end:\n    pass"
# The limits, lowered: half a second is slow enough to be found, and soon over.
LOWERED = """
from tests import kernel_budget

kernel_budget.KERNEL_LIMIT, kernel_budget.CELL_LIMIT = {kernel}, {cell}
"""


@pytest.mark.parametrize(
    ("kernel", "cell", "told"),
    [
        (99, 0.2, "99_slow.ipynb::Cell 1: 0."),
        (0.2, 99, "99_slow.ipynb: "),
        (99, 99, None),
    ],
)
def test_a_slow_cell_turns_a_run_red_and_is_named(kernel, cell, told, tmp_path):
    cells = [nbformat.v4.new_code_cell(source) for source in ("import math", SLOW)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "99_slow.ipynb")
    (tmp_path / "lowered.py").write_text(LOWERED.format(kernel=kernel, cell=cell), encoding="utf-8")
    path = os.pathsep.join([str(edition.ROOT), str(tmp_path)])
    options = "-p tests.kernel_budget -p lowered -p no:cacheprovider --nbval --nbval-current-env"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options.split(), "99_slow.ipynb"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path, "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == (1 if told else 0), done.stdout + done.stderr
    over = [line for line in done.stdout.splitlines() if line.startswith("OVER BUDGET")]
    assert [told in line for line in over] == ([True] if told else [])
    assert "ratio" in done.stdout
