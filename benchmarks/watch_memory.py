"""What `checks.watch()` keeps in memory over 10 and over 10 000 steps.

Usage: python benchmarks/watch_memory.py [--steps 10,100,1000,10000]

For every number of steps and each way of running them a fresh interpreter trains, bare and
watched, and prints the growth of its resident memory over the block, and how many Python objects
and bytes of arrays the block's recorder holds at its end. The bare run is the control: what
TensorFlow itself allocates meanwhile.
"""

import argparse
import gc
import resource
import subprocess
import sys
import types

from harness import machine

CODE = (type, types.ModuleType, types.FunctionType, types.CodeType, types.FrameType)


def held(root) -> tuple[int, int]:
    """Return the number of objects reachable from root, code apart, and the bytes of arrays."""
    seen, size, todo = set(), 0, [root]
    while todo:
        thing = todo.pop()
        if id(thing) in seen or isinstance(thing, CODE):
            continue
        seen.add(id(thing))
        size += getattr(thing, "nbytes", 0) if type(thing).__name__ == "ndarray" else 0
        todo += gc.get_referents(thing)
    return len(seen), size


def resident() -> float:
    """Return the resident memory of this process at its highest, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def child(route: str, steps: int, watched: bool) -> None:
    """Train once and print the growth in MiB, the objects and the KiB held."""
    from utils import checks

    from steps import block

    run = block("dense", route, steps)
    warm = block("dense", route, 10)
    warm()
    with checks.watch():
        warm()
    before, counts = resident(), (0, 0)
    if watched:
        with checks.watch() as report:
            run()
            after = resident()
            counts = held(report._recorder)
    else:
        run()
        after = resident()
    print(after - before, counts[0], counts[1] / 1024)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", default="10,100,1000,10000")
    parser.add_argument("--routes", default="eager,graph")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        route, steps, watched = options.child
        child(route, int(steps), watched == "watched")
        return
    machine("Memory of checks.watch(), one run each")
    print("route   steps  growth bare  watched (MiB)   objects held   arrays held (KiB)")
    for route in options.routes.split(","):
        for steps in options.steps.split(","):
            figures = []
            for kind in ("bare", "watched"):
                command = [sys.executable, __file__, "--child", route, steps, kind]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                figures.append([float(f) for f in done.stdout.split()])
            (bare, _, _), (grown, objects, arrays) = figures
            print(
                f"{route:6} {steps:>6}  {bare:11.1f}  {grown:7.1f}        {objects:12.0f}   "
                f"{arrays:17.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
