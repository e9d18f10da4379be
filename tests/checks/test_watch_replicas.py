"""The detector matrix under tf.distribute: its loops run in a process with two devices."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from loops.lesson_19 import LOOPS
from matrix import SEEN

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def told():
    done = subprocess.run(
        [sys.executable, "-m", "loops.lesson_19"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests")))},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.id)
def test_a_broken_loop_is_named(told, loop):
    ok, alarms, text = told[f"{loop.id}:broken"]
    assert set(alarms) == {loop.pitfall}, text
    assert SEEN[f"lesson_19:{loop.run.__name__}"]["broken"] == alarms
    assert not ok


@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.id)
def test_a_fixed_loop_is_silent(told, loop):
    ok, alarms, text = told[f"{loop.id}:fixed"]
    assert not alarms, text
    assert ok, text
