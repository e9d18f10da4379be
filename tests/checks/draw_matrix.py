"""Run every loop of the register under watch, keep what was named, and draw it.

    python tests/checks/draw_matrix.py [name …]

Without names it runs all loops, broken and fixed, and writes `detector_matrix.json` beside
this file and `assets/detector_matrix.png`. The tests of the matrix hold that file to what
they see. With names it only prints the reports of these loops.
"""

from utils import pitfalls, plots

import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIGURE = ROOT / "assets" / "detector_matrix.png"
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "checks")]


def run(names=None) -> dict:
    """Return per loop its pitfall, and what was named on it broken and fixed."""
    from matrix import BY_NAME, alarms, watched

    found = {}
    for name in names or BY_NAME:
        loop = BY_NAME[name]
        kinds = {"broken": True, "fixed": False} if loop.pitfall else {"fixed": False}
        reports = {kind: watched(name, broken)[0] for kind, broken in kinds.items()}
        found[name] = {"pitfall": loop.pitfall}
        found[name] |= {kind: alarms(report) for kind, report in reports.items()}
        print(f"\r{len(found)} of {len(names or BY_NAME)}", end="", file=sys.stderr)
        if names:
            print("\n".join(f"{name}, {kind}:\n{report}" for kind, report in reports.items()))
    return found


def run_replicas() -> dict:
    """Return the same of the loops that need two devices, from a process that has them."""
    done = subprocess.run(
        [sys.executable, "-m", "loops.lesson_19"],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests")))},
    )
    found = {}
    for key, (_, named, _) in json.loads(done.stdout.splitlines()[-1]).items():
        pitfall, loop, kind = key.split(":")
        found.setdefault(f"lesson_19:{loop}", {"pitfall": pitfall})[kind] = named
    return found


def cells(found: dict) -> dict[tuple[str, str], str]:
    """Return what `plots.detector_matrix` draws: pairs of pitfalls, put in and named.

    Of a pitfall with several broken loops, its own name counts only if all were called by it.
    """
    loops = {}
    for entry in found.values():
        if entry["pitfall"]:
            loops.setdefault(entry["pitfall"], []).append(entry["broken"])
    drawn = {}
    for put_in, named in loops.items():
        for pitfall in {p for each in named for p in each}:
            severities = [each[pitfall] for each in named if pitfall in each]
            if pitfall != put_in or len(severities) == len(named):
                drawn[put_in, pitfall] = min(severities)  # "error" comes before "warning"
    return drawn


def parts(found: dict):
    """Return rows and columns of the figure, and its marks."""
    put_in = {entry["pitfall"] for entry in found.values()}
    rows = [entry.id for entry in pitfalls.all() if entry.id in put_in]
    return rows, rows, cells(found)


def draw(found: dict) -> str:
    """Draw the figure into `assets/`, and return its reading."""
    figure, ax = plots.axes(width=9, height=9.5)
    plots.detector_matrix(ax, *parts(found))
    figure.savefig(FIGURE, dpi=110, bbox_inches="tight", metadata={"Software": None})
    return plots.read_detector_matrix(*parts(found))


def main(names) -> None:
    """Run what is named, or everything, and then write the results and the figure."""
    found = run(names)
    if names:
        return
    from matrix import RESULTS

    found |= run_replicas()
    RESULTS.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(draw(found))


if __name__ == "__main__":
    main(sys.argv[1:])
