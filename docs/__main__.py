"""``python -m docs``: build the site and check its links.

``--pdf`` also prints the field guide to ``field_guide.pdf``, one sheet of A4 a pitfall,
with a Chromium that is installed.
"""

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path

from docs import build, links, pdf

MISSING = (
    "The site needs the optional group `site`, of which {names} is missing. Run it as\n"
    "    python -m uv run --group site python -m docs"
)


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m docs", description=__doc__)
    parser.add_argument("--output", type=Path, default=build.SITE, help="where the pages go")
    parser.add_argument("--pdf", action="store_true", help="print the field guide as well")
    options = parser.parse_args(argv)
    missing = [name for name in build.NEEDED if find_spec(name) is None]
    if missing:
        print(MISSING.format(names=", ".join(missing)), file=sys.stderr)
        return 2
    if status := build.site(options.output):
        return status
    faults = list(links.faults(options.output))
    for fault in faults:
        print(fault, file=sys.stderr)
    pages = len(list(options.output.rglob("*.html")))
    print(f"{pages} pages in {options.output}, {len(faults)} faulty links")
    if options.pdf:
        try:
            print(f"field guide: {pdf.print_guide(options.output)}")
        except FileNotFoundError as missing:
            print(f"No PDF: {missing}.", file=sys.stderr)
            return 2
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
