"""The command line of ``utils.slides``."""

import argparse
import sys
from pathlib import Path

from .. import edition
from . import deck

FOLDER = edition.ROOT / "build" / "slides"
INSTALL = "{} is missing: run `python -m uv run --group slides python -m utils.slides …`"


def main(argv: list[str] | None = None) -> int:
    """Write the slides of the chosen lessons; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m utils.slides", description=__doc__)
    parser.add_argument("lessons", nargs="*", help="numbers or names; all if none is given")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the files go")
    options = parser.parse_args(argv)
    try:
        from . import page
    except ImportError as error:
        print(INSTALL.format(error.name), file=sys.stderr)
        return 1
    options.folder.mkdir(parents=True, exist_ok=True)
    for path in edition.select(options.lessons):
        title, stacks = deck.stacks(edition.read(path), edition.read(edition.LESSONS / path.name))
        target = options.folder / f"{path.stem}.html"
        target.write_text(page.page(title, stacks), encoding="utf-8")
        slides = sum(len(stack.slides) for stack in stacks)
        print(f"{target}: {slides} slides, {target.stat().st_size / 2**20:.1f} MiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
