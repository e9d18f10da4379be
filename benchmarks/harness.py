"""What the benchmarks share: blocks in turns, medians with their interval, and the machine.

A benchmark compares two ways of doing the same thing, `bare` and `other`. It runs them in
pairs, the order swapped from pair to pair, and reports the median of the pairs' ratios with
the 95 % interval of a sign test. The control pairs `bare` with itself: its distance from 1
is the noise. Each ratio is given twice, by the clock and by the CPU time of the process
(all its threads); where other programs share the machine, the second is the steadier.
"""

import gc
import os
import pathlib
import platform
import sys
import time
from dataclasses import dataclass

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))


@dataclass(frozen=True)
class Cost:
    """What a block took, in seconds: by the clock, and of the CPU."""

    wall: float
    cpu: float

    def __truediv__(self, other):
        return self.wall / other.wall, self.cpu / other.cpu


def cost(block) -> Cost:
    """Run a block once and return what it took."""
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    block()
    return Cost(time.perf_counter() - wall, time.process_time() - cpu)


def turns(bare, other, pairs: int) -> list[tuple[float, float]]:
    """Return the ratios other / bare, wall and CPU, of as many pairs of blocks."""
    ratios = []
    for i in range(pairs):
        if i % 2:
            first, second = cost(bare), cost(other)
        else:
            second, first = cost(other), cost(bare)
        ratios.append(second / first)
    return ratios


def median(values) -> float:
    """Return the median."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else sum(ordered[half - 1 : half + 1]) / 2


def interval(values) -> tuple[float, float]:
    """Return the 95 % interval of the median, after the sign test."""
    ordered, n = sorted(values), len(values)
    skip = max(0, int((n - 1.96 * n**0.5) / 2))
    return ordered[skip], ordered[n - 1 - skip]


def shown(values) -> str:
    """Return a median and its interval as text."""
    low, high = interval(values)
    return f"{median(values):.3f} [{low:.3f}, {high:.3f}]"


def compare(label: str, bare, other, pairs: int) -> None:
    """Print the ratio of two blocks, and the control beside it."""
    for name, block in ((label, other), ("control: bare/bare", bare)):
        wall, cpu = zip(*turns(bare, block, pairs), strict=True)
        print(f"    {name:28} clock {shown(wall)}   CPU {shown(cpu)}", flush=True)


def machine(what: str) -> None:
    """Print what was measured, where and when."""
    import keras
    import tensorflow as tf

    print(
        f"{what}\n{time.strftime('%Y-%m-%d')}, {len(os.sched_getaffinity(0))} cores, "
        f"Python {platform.python_version()}, TensorFlow {tf.__version__}, "
        f"Keras {keras.__version__}, load {os.getloadavg()[0]:.1f}",
        flush=True,
    )
