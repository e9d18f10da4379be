"""Run every notebook of both editions, strictly, under each setting; print a table.

``python -m tests.settings`` runs all that this system has; ``--settings`` and
``--notebooks`` choose. What has passed is not run again until the notebook or
something under it changes. Exits with 1 if a notebook fails, with 2 if a setting
could not be had.
"""

import argparse
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import platformdirs

from tests.settings import catalogue, runner
from tests.settings.results import Results, fingerprint


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    options = _options(argv)
    settings = catalogue.choose(options.settings)
    if options.list:
        for setting in settings:
            print(f"{setting.name:12} {setting.covers}")
        return 0
    notebooks = runner.select(options.notebooks)
    results = Results(options.json or options.work / "results.json")
    missing = {}
    for setting in settings:
        wanted = [
            n
            for n in notebooks
            if options.fresh or not results.stands(setting.name, runner.name(n), fingerprint(n))
        ]
        if not wanted:
            continue
        try:
            ready = runner.prepare(setting, options.work)
        except runner.NotToBeHad as error:
            missing[setting.name] = str(error)
            print(f"{setting.name}: could not be had: {error}", flush=True)
            continue
        with ThreadPoolExecutor(options.jobs) as pool:
            for result in pool.map(lambda n, ready=ready: runner.run(ready, n), wanted):
                results.add(result)
                print(runner.line(result), flush=True)
    names = [setting.name for setting in settings]
    print("\n" + results.table(names, [runner.name(n) for n in notebooks]))
    print(f"\nresults: {results.path}")
    return _status(results, names, notebooks, missing)


def _status(results, names, notebooks, missing) -> int:
    shown = [results.get(name, runner.name(n)) for name in names for n in notebooks]
    failed = [r for r in shown if r is not None and not r.passed]
    for result in failed:
        print(f"\n== {result.notebook} under {result.setting}\n{result.told}")
    for name, why in missing.items():
        print(f"\n== {name} could not be had: {why}")
    return 1 if failed else 2 if missing else 0


def _options(argv):
    parser = argparse.ArgumentParser(prog="python -m tests.settings", description=__doc__)
    parser.add_argument("--settings", nargs="*", default=[], metavar="NAME")
    parser.add_argument("--notebooks", nargs="*", default=[], metavar="NN")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--fresh", action="store_true", help="run what has passed before, too")
    parser.add_argument("--list", action="store_true", help="say what each setting covers")
    parser.add_argument("--json", type=Path, help="where results are kept")
    work = Path(platformdirs.user_cache_dir("loss-and-found")) / "settings"
    parser.add_argument("--work", type=Path, default=work, help="for environments and copies")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
