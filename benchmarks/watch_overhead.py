"""What `checks.watch()` costs beside `tf.debugging.enable_check_numerics`, in one run.

Usage: python benchmarks/watch_overhead.py [--pairs N] [--only "dense graph,large graph"]

Each pair is a bare block of steps and a watched one, on the same model. Steps are traced
before the first pair; what the first watched block costs beyond the later ones, reading the
graph, is printed apart. `enable_check_numerics` runs in a process of its own, on a step
traced under it, in blocks a quarter as long.
"""

import argparse
import subprocess
import sys

from harness import compare, cost, machine, median

# steps per block: half a second or more each, two seconds for the large model
CASES = {
    "dense eager": 40,
    "dense graph": 1000,
    "dense xla": 1000,
    "cnn graph": 200,
    "cnn xla": 200,
    "large graph": 20,
}


def watched(run):
    """Return the block with a watch around it."""
    from utils import checks

    def block():
        with checks.watch():
            run()

    return block


def measure(case: str, pairs: int) -> None:
    """Print the overhead of watch for one case."""
    from steps import block

    run = block(*case.split(), CASES[case])
    run()
    bare = median([cost(run).wall for _ in range(3)])
    seen = watched(run)
    first = cost(seen).wall
    later = median([cost(seen).wall for _ in range(3)])
    print(
        f"{case}: {1e3 * bare / CASES[case]:.2f} ms a step, {CASES[case]} steps a block, {pairs} "
        f"pairs; the first watched block takes {1e3 * (first - later):.0f} ms more than later ones",
        flush=True,
    )
    compare("watched/bare", run, seen, pairs)


def measure_numerics(case: str, pairs: int) -> None:
    """Print the overhead of enable_check_numerics for one case."""
    import tensorflow as tf
    from steps import block

    run, checked = (block(*case.split(), CASES[case] // 4) for _ in range(2))
    run()

    def numerics():
        tf.debugging.enable_check_numerics()
        try:
            checked()
        finally:
            tf.debugging.disable_check_numerics()

    try:
        numerics()
    except tf.errors.OpError as problem:
        print(f"    check_numerics cannot be compiled here: {type(problem).__name__}", flush=True)
        return
    compare("check_numerics/bare", run, numerics, pairs)


def main() -> None:
    """Measure all cases, or one case of enable_check_numerics."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=30)
    parser.add_argument("--only", default=",".join(CASES))
    parser.add_argument("--numerics", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.numerics:
        measure_numerics(options.only, options.pairs)
        return
    machine("Overhead of checks.watch() and of enable_check_numerics")
    for case in options.only.split(","):
        measure(case, options.pairs)
        # It costs several times the step: shorter blocks and fewer pairs tell that well enough.
        pairs = str(max(10, options.pairs // 3))
        command = [sys.executable, __file__, "--numerics", "--only", case, "--pairs", pairs]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
