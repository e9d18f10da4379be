"""A class's exports of progress as one table, and what most of the class missed.

Reads every *.json of a folder; files can be named one by one, too. Learners make them
with exercises.export(name="…") and hand them over. `--csv class.csv` also writes the
table, and class-missed.csv beside it.

Exit status: 0 if every file was read; 1 if some were skipped (each is named, with the
reason) or the CSV could not be written; 2 if there was nothing to show.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

from . import Entry, gather, table


def _twice(entries: list[Entry]) -> list[str]:
    counts = Counter(entry.who for entry in entries)
    return [
        f"{who} is in {n} files, and all of them are counted: "
        f"{', '.join(entry.file for entry in entries if entry.who == who)}."
        for who, n in counts.items()
        if n > 1
    ]


def _csv_path(value: str) -> Path:
    path = Path(value)
    # So that `--csv` before a learner's file cannot write over it.
    if path.suffix.lower() != ".csv":
        raise argparse.ArgumentTypeError(f"{value!r} must end in .csv")
    return path


def _write(entries: list[Entry], path: Path) -> bool:
    try:
        beside = table.write_csv(entries, path)
    except OSError as error:
        print(
            f"{error.filename} could not be written ({error.strerror}). If it is open in a "
            "spreadsheet, close it there.",
            file=sys.stderr,
        )
        return False
    print(f"\nWritten: {path} and {beside}")
    return True


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m utils.classbook",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="+", type=Path, help="exports, or folders of them")
    parser.add_argument("--csv", type=_csv_path, metavar="FILE.csv", help="write the table, too")
    options = parser.parse_args(argv)
    # Windows redirects output in an old encoding, which has not every name's letters.
    sys.stdout.reconfigure(errors="replace")
    entries, skipped = gather(options.files)
    for line in skipped:
        print(f"skipped {line}", file=sys.stderr)
    for line in _twice(entries):
        print(line, file=sys.stderr)
    if not entries:
        print("No export of progress was found, so there is no table.", file=sys.stderr)
        return 2
    print(table.text(entries))
    written = _write(entries, options.csv) if options.csv else True
    return 0 if written and not skipped else 1


if __name__ == "__main__":
    raise SystemExit(main())
