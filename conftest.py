"""One pytest run for everything: unit tests, edition drift, and every notebook, strictly.

nbval re-executes each notebook and compares every text output with the stored
one. This file adds what the course needs on top of it.
"""

import utils  # noqa: F401  (sets TensorFlow's log level before any test imports it)
from utils import edition

import os

import pytest
from nbval.plugin import IPyNbFile

FILLED_IN = (
    "You have answered exercises in lessons/{name}, so its outputs are no longer the stored "
    "ones. That is what they are for! Nothing is wrong and nothing is lost. To test the course "
    "as it came, keep your copy elsewhere and run `git restore lessons/{name}`."
)


@pytest.hookimpl(tryfirst=True)
def pytest_collect_file(file_path, parent):
    """Collect notebooks of the two editions only, with our comparison rules."""
    if file_path.suffix == ".ipynb" and parent.config.option.nbval:
        return CourseNotebook.from_parent(parent, path=file_path)
    return None


class CourseNotebook(IPyNbFile):
    """A notebook of the course under nbval's strict comparison."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        # Standard error holds what differs between machines: TensorFlow's log
        # lines and the paths in warnings. What a lesson teaches goes to stdout.
        self.skip_compare = (*self.skip_compare, "stderr")

    def collect(self):
        if self._is_filled_in():
            return [FilledIn.from_parent(self, name="filled in")]
        return super().collect()

    def setup(self):
        if not hasattr(self, "nb"):
            return
        # Each kernel gets a progress folder of its own: neither the learner's
        # progress nor the other edition's may show in an output.
        folder = self.config._tmp_path_factory.mktemp(f"state-{self.path.stem}")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LOSS_AND_FOUND_STATE", os.fspath(folder))
            super().setup()

    def _is_filled_in(self) -> bool:
        source = edition.SOLUTIONS / self.path.name
        if self.path.parent != edition.LESSONS or not source.exists():
            return False
        try:
            derived = edition.derive(edition.read(source))
        except edition.Drift:
            return False
        return edition.is_filled_in(derived, edition.read(self.path))


class FilledIn(pytest.Item):
    """Stands for a notebook that a learner has worked in."""

    def runtest(self):
        pytest.fail(FILLED_IN.format(name=self.path.name), pytrace=False)

    def repr_failure(self, excinfo):
        return str(excinfo.value)

    def reportinfo(self):
        return self.path, 0, f"lessons/{self.path.name}"


@pytest.fixture(autouse=True)
def _own_state(tmp_path, monkeypatch):
    """No test writes to the progress of the person who runs it."""
    monkeypatch.setenv("LOSS_AND_FOUND_STATE", os.fspath(tmp_path / "state"))
