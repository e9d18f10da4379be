"""The detector matrix: every broken loop is named by its own pitfall, every other is silent."""

from utils import checks

import importlib
import pkgutil
import warnings

import keras
import loops
import pytest

for module in pkgutil.iter_modules(loops.__path__):
    importlib.import_module(f"{loops.__name__}.{module.name}")

# Their values stay inside a dataset's own iteration: the report says so, and is not ok.
OUT_OF_REACH = {"healthy:epoch_inside_the_graph"}
BROKEN = [loop for loop in loops.REGISTRY if loop.pitfall]


def watched(loop, broken: bool):
    keras.utils.set_random_seed(0)
    problem = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with checks.watch() as report:
                loop.run(broken)
        except Exception as raised:
            problem = raised
    return report, problem


@pytest.mark.parametrize("loop", BROKEN, ids=lambda loop: loop.id)
def test_a_broken_loop_is_named(loop):
    report, problem = watched(loop, True)
    named = {finding.pitfall for finding in report.alarms}
    assert loop.pitfall in named, str(report)
    assert named <= {loop.pitfall, *loop.also}, str(report)
    assert (problem is not None) == loop.raises, repr(problem)
    assert not report.ok


@pytest.mark.parametrize("loop", loops.REGISTRY, ids=lambda loop: loop.id)
def test_a_fixed_or_healthy_loop_is_silent(loop):
    report, problem = watched(loop, False)
    if problem is not None:
        raise problem
    assert not report.alarms, str(report)
    assert report.ok or loop.id in OUT_OF_REACH, str(report)
