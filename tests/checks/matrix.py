"""The detector matrix: each loop of `tests/loops` run once broken and once fixed under watch.

Its tests stand in four files, so that a run on several cores can share them out.
"""

from utils import checks

import importlib
import json
import pathlib
import pkgutil
import warnings

import keras
import loops
import pytest

PARTS = 4
# What `draw_matrix` saw; its figure is drawn from it.
RESULTS = pathlib.Path(__file__).with_name("detector_matrix.json")
SEEN = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}

for module in pkgutil.iter_modules(loops.__path__):
    importlib.import_module(f"{loops.__name__}.{module.name}")

BY_NAME = {f"{loop.module}:{loop.run.__name__}": loop for loop in loops.REGISTRY}

NOTHING_TO_LEARN = (
    "the inputs say nothing of the classes: to name the most frequent one is the best that can "
    "be done, which is worth a note and no alarm"
)

# Broken loops whose fault `watch` does not name, and why. A test fails as soon as one of
# them is named, and as soon as anything is named that is not there.
KNOWN_MISSES = {
    "lesson_09:a_list_of_running_values": "the metric is read and reset at the end of the epoch "
    "as well, as in a loop that only shows m(y, p) on the way",
    "lesson_09:the_function_after_the_loop": "the function is called on every batch; that only "
    "the last value is read happens outside of TensorFlow",
    "lesson_11:features_scaled_to_nothing": "a loss that rests at ln C is what a hard problem "
    "gives too",
    "lesson_13:features_that_say_nothing": NOTHING_TO_LEARN,
    "lesson_13:features_that_say_nothing_compiled": NOTHING_TO_LEARN,
}

# Broken loops called by a name that is not theirs: a fault of `watch`, kept in sight here.
WRONGLY_NAMED = {}


def part(number: int) -> list[str]:
    """Return the names of the loops of every fourth module, beginning with this one."""
    modules = sorted({loop.module for loop in loops.REGISTRY})[number::PARTS]
    return [name for name, loop in BY_NAME.items() if loop.module in modules]


def broken(names) -> list[str]:
    """Return those that have a fault to be found."""
    return [name for name in names if BY_NAME[name].pitfall]


def watched(name: str, broken: bool):
    """Run one loop under watch; return the report, and the exception if it raised one."""
    keras.utils.set_random_seed(0)
    problem = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with checks.watch() as report:
                BY_NAME[name].run(broken)
        except Exception as raised:
            problem = raised
    return report, problem


def alarms(report) -> dict[str, str]:
    """Return pitfalls and severities of a report's errors and warnings."""
    return {finding.pitfall: finding.severity for finding in report.alarms}


def check_as_drawn(name: str, kind: str, report) -> None:
    """Fail unless the results behind the figure say the same of this loop."""
    assert SEEN[name][kind] == alarms(report), "run python tests/checks/draw_matrix.py again"


def check_named(name: str) -> None:
    """Fail unless the broken loop is called by its own pitfall, and by no other."""
    loop = BY_NAME[name]
    report, problem = watched(name, True)
    named = {finding.pitfall for finding in report.alarms}
    check_as_drawn(name, "broken", report)
    text = f"{loop.pitfall} was put in.\n{report}"
    if name in WRONGLY_NAMED:
        wrong, reason = WRONGLY_NAMED[name]
        assert named == {wrong}, f"no longer so: take {name} off WRONGLY_NAMED\n{report}"
        pytest.xfail(reason)
    assert named <= {loop.pitfall, *loop.also}, text
    assert (problem is not None) == loop.raises, repr(problem)
    if name in KNOWN_MISSES:
        assert loop.pitfall not in named, f"found: take {name} off KNOWN_MISSES"
        pytest.xfail(KNOWN_MISSES[name])
    assert loop.pitfall in named, text
    assert not report.ok


def check_silent(name: str) -> None:
    """Fail if the fixed or healthy loop raises an alarm, or was not observed."""
    report, problem = watched(name, False)
    if problem is not None:
        raise problem
    assert not report.alarms, str(report)
    check_as_drawn(name, "fixed", report)
    assert report.ok, str(report)
