"""One pytest run for everything: unit tests, edition drift, and every notebook, strictly.

nbval re-executes each notebook and compares every text output with the stored
one. This file adds what the course needs on top of it. nbval has no hook for
that, and refers to its own class by name, so its methods are wrapped in place.
"""

import utils  # noqa: F401  (sets TensorFlow's log level before any test imports it)
from utils import edition

import os
from itertools import count

import pytest
from nbval.plugin import IPyNbFile

pytest_plugins = ("tests.kernel_budget", "tests.order")

_number = count()
_nbval = {name: getattr(IPyNbFile, name) for name in ("__init__", "collect", "setup")}


def _init(self, *args, **kwargs):
    _nbval["__init__"](self, *args, **kwargs)
    # Standard error holds what differs between machines: TensorFlow's log lines
    # and the paths in warnings. What a lesson teaches goes to standard output.
    self.skip_compare = (*self.skip_compare, "stderr")


def _collect(self):
    if is_filled_in(self.path):
        return [FilledIn.from_parent(self, name="filled in")]
    return _nbval["collect"](self)


def _setup(self):
    if not hasattr(self, "nb"):
        return
    # Each kernel gets a progress folder of its own: neither the learner's
    # progress nor the other edition's may show in an output.
    folder = self.config._tmp_path_factory.mktemp(f"state-{self.path.stem}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOSS_AND_FOUND_STATE", os.fspath(folder))
        _nbval["setup"](self)


IPyNbFile.__init__, IPyNbFile.collect, IPyNbFile.setup = _init, _collect, _setup


def is_filled_in(path) -> bool:
    """Whether a learner has written answers into this notebook of lessons/, and changed no more."""
    source = edition.SOLUTIONS / path.name
    if path.parent != edition.LESSONS or not source.exists():
        return False
    try:
        return edition.is_filled_in(edition.derive(edition.read(source)), edition.read(path))
    except edition.Drift:
        return False


class FilledIn(pytest.Item):
    """Stands for a notebook that a learner has worked in."""

    def runtest(self):
        pytest.fail(edition.FILLED_IN.format(name=self.path.name), pytrace=False)

    def repr_failure(self, excinfo):
        return str(excinfo.value)

    def reportinfo(self):
        return self.path, 0, f"lessons/{self.path.name}"


@pytest.fixture(scope="session")
def _states(tmp_path_factory):
    return tmp_path_factory.mktemp("states")


@pytest.fixture(autouse=True)
def _own_state(_states, monkeypatch):
    """No test writes to the progress of the person who runs it.

    The folder is named, not made: most of some thousand tests save nothing.
    """
    monkeypatch.setenv("LOSS_AND_FOUND_STATE", os.fspath(_states / str(next(_number))))
