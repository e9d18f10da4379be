"""Compare the minutes that titles state with what the notebooks come to.

``python -m utils.minutes`` prints a row for each lesson and exits with 1 if a
title is off; numbers or names choose lessons. How the minutes are computed, and
from which assumptions, stands in `utils.timing`.
"""

import sys

from . import edition, timing


def table(names: list[str]) -> tuple[str, bool]:
    """Return the table as text, and whether every title agrees."""
    lines = [f"{'lesson':<34} {'title':>5} {'core':>6} {'optional':>9} {'exercises':>10}"]
    good = True
    for path in edition.select(names):
        found = timing.of(edition.derive(edition.read(path)))
        good = good and not found.off
        core = found.minutes("core")
        lines.append(
            f"{path.stem:<34} {found.stated:5d} {core:6.1f} {found.minutes('optional'):9.1f} "
            f"{found.minutes('exercises'):10.1f}"
            + (f"  title should say {timing.rounded(core)}" if found.off else "")
        )
    return "\n".join(lines), good


def main(argv: list[str]) -> int:
    """Print the table; return the exit status."""
    text, good = table(argv)
    print(text)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
