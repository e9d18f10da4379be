"""A pytest plugin: what each notebook's kernel spends, and the limits it must keep.

Measured is CPU time (user and system) of the kernel's process, so that a busy
machine does not turn a run red. A lesson must stay within 30 s, a cell after
the set-up cell within 12 s; the aim is 20 s and 6 s.

Told, but never failed on, is how well the workers were kept busy: the wall-clock
time of the phase in which notebooks run, beside what its kernels needed.
"""

import math
from collections import defaultdict
from dataclasses import dataclass

import psutil
import pytest
from nbval.plugin import IPyNbCell

KERNEL_LIMIT = 30.0  # seconds
CELL_LIMIT = 12.0  # seconds
_KEY = "kernel_cpu"

PHASE_AIM = 1.25  # of the kernels' starts, imports and cells, shared among the workers

_spent: dict[str, list[tuple[str, float]]] = defaultdict(list)


@dataclass
class Phase:
    """The part of a run in which notebooks are executed.

    Attributes
    ----------
    first, last : float
        When its first step began and its last one ended, in seconds since the epoch.
    needed : float
        Seconds of wall-clock time in starting kernels and in running cells, imports
        among them, summed over all workers.
    """

    first: float = math.inf
    last: float = -math.inf
    needed: float = 0.0

    def add(self, report) -> None:
        """Count one report of a cell; stopping a kernel is time, but nothing needed it."""
        self.first = min(self.first, report.start)
        self.last = max(self.last, report.stop)
        if report.when in ("setup", "call"):
            self.needed += report.duration

    def told(self, cores: int) -> str:
        """Return a line with the ratio to the ideal, in which every core is always busy."""
        wall, ideal = self.last - self.first, self.needed / cores
        return (
            f"notebooks: {wall:.0f} s; starts, imports and cells {self.needed:.0f} s on "
            f"{cores} core{'s'[: cores != 1]}, ratio {wall / ideal:.2f} (aim: {PHASE_AIM} at most)"
        )


_phase = Phase()


def _cpu_seconds(item) -> float | None:
    """Return what the kernel of a cell's notebook has spent so far."""
    kernel = getattr(item.parent, "kernel", None)
    try:
        times = psutil.Process(kernel.km.provisioner.pid).cpu_times()
    except (AttributeError, TypeError, psutil.Error):
        return None
    return times.user + times.system


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Note what a cell's execution costs its kernel."""
    if not isinstance(item, IPyNbCell):
        return (yield)
    before = _cpu_seconds(item)
    try:
        return (yield)
    finally:
        after = _cpu_seconds(item)
        if before is not None and after is not None:
            item.user_properties.append((_KEY, after - before))


def is_of_a_notebook(nodeid: str) -> bool:
    """Whether a test is a notebook's cell; other tests may name notebooks in their parameters."""
    return nodeid.split("::")[0].endswith(".ipynb")


def pytest_runtest_logreport(report):
    """Collect the costs, on the controller too: properties travel with the reports."""
    if is_of_a_notebook(report.nodeid):
        _phase.add(report)
    if report.when == "call":
        for key, value in report.user_properties:
            if key == _KEY:
                _spent[report.nodeid.split("::")[0]].append((report.nodeid, value))


def over_budget(spent: dict[str, list[tuple[str, float]]]) -> list[str]:
    """Return a sentence for every notebook or cell that spends too much.

    Parameters
    ----------
    spent : dict
        For each notebook its cells as (name, CPU seconds), in order; the first
        is the set-up cell, which imports TensorFlow.
    """
    told = []
    for notebook, cells in sorted(spent.items()):
        total = sum(seconds for _, seconds in cells)
        if total > KERNEL_LIMIT:
            told.append(f"{notebook}: {total:.1f} s of CPU time, {KERNEL_LIMIT:.0f} are allowed")
        for name, seconds in cells[1:]:
            if seconds > CELL_LIMIT:
                told.append(f"{name}: {seconds:.1f} s of CPU time, {CELL_LIMIT:.0f} are allowed")
    return told


def pytest_sessionfinish(session):
    """Fail the run if anything is over budget."""
    if (
        not hasattr(session.config, "workerinput")
        and over_budget(_spent)
        and not session.exitstatus
    ):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config):
    """Print the ten dearest cells, the dearest kernels, the phase, and what is over budget."""
    if not _spent:
        return
    write = terminalreporter.write_line
    terminalreporter.section("CPU time of the notebooks' kernels")
    cells = [cell for notebook in _spent.values() for cell in notebook[1:]]
    for name, seconds in sorted(cells, key=lambda cell: -cell[1])[:10]:
        write(f"{seconds:6.1f} s  {name}")
    totals = {notebook: sum(s for _, s in cells) for notebook, cells in _spent.items()}
    for notebook, seconds in sorted(totals.items(), key=lambda pair: -pair[1])[:5]:
        write(f"{seconds:6.1f} s  {notebook} (whole kernel)")
    write(f"{sum(totals.values()):6.1f} s  all {len(totals)} notebooks")
    write(_phase.told(min(len(config.option.tx) or 1, psutil.cpu_count() or 1)))
    for sentence in over_budget(_spent):
        write(f"OVER BUDGET  {sentence}", red=True)
