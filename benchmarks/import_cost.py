"""What `import utils` costs beyond TensorFlow's and Keras' own import.

Usage: python benchmarks/import_cost.py [--repeats N]

Every repeat is a fresh interpreter, which imports Keras, NumPy and TensorFlow and then, timed
apart, `utils` and what a lesson's set-up cell asks of it. Aim: the second takes at most 5 % of
the first. The control is the time of the first over that of the repeat before.
"""

import argparse
import itertools
import subprocess
import sys

from harness import ROOT, machine, shown

CHILD = """
import time
def timed(code):
    wall, cpu = time.perf_counter(), time.process_time()
    exec(code, {})
    return time.perf_counter() - wall, time.process_time() - cpu
print(*timed("import keras, numpy, tensorflow"), *timed("import utils"),
      *timed("from utils import checks, claims, data, exercises, plots, reference"))
"""


def repeat() -> list[float]:
    """Return seconds, clock and CPU each: TensorFlow, `utils` alone, the set-up cell's line."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD], check=True, cwd=ROOT, capture_output=True, text=True
    )
    return [float(figure) for figure in done.stdout.split()]


def main() -> None:
    """Print the shares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=20)
    count = parser.parse_args().repeats
    repeat()  # the first may compile bytecode
    runs = [repeat() for _ in range(count)]
    machine(f"Imports in a fresh interpreter, {count} repeats, as a share of TensorFlow's")
    for label, index in (("import utils", 2), ("the set-up cell's line", 4)):
        wall = shown([run[index] / run[0] for run in runs])
        cpu = shown([run[index + 1] / run[1] for run in runs])
        print(f"    {label:28} clock {wall}   CPU {cpu}")
    pairs = list(itertools.pairwise(runs))
    wall, cpu = (shown([b[i] / a[i] for a, b in pairs]) for i in (0, 1))
    print(f"    {'control: TensorFlow again':28} clock {wall}   CPU {cpu}")


if __name__ == "__main__":
    main()
