"""Draw the figures of the field guide that no lesson has.

``python -m docs.guide.figures`` draws all of them, or those of the pitfalls that are
named, in ``docs/figures/``; ``--check`` draws nothing and tells which stored readings
are not those of a run of now. Pictures are looked at, readings are compared.
"""

from utils import edition, pitfalls

import argparse
import base64
import json
import re
import sys
import warnings
from functools import cache
from pathlib import Path

from docs.guide import trial

FOLDER = Path(__file__).resolve().parents[1] / "figures"
READINGS = FOLDER / "readings.json"


@cache
def of_lesson(place: str) -> tuple[bytes, str]:
    """Return a picture stored in a lesson, and its alternative text.

    Parameters
    ----------
    place : str
        Lesson and cell, such as ``"03/side-by-side"``.

    Raises
    ------
    LookupError
        If that cell has no picture.
    """
    number, _, cell_id = place.partition("/")
    for path in edition.LESSONS.glob(f"{number}_*.ipynb"):
        for cell in edition.read(path).cells:
            for output in cell.get("outputs", ()) if cell.id == cell_id else ():
                if "image/png" in output.get("data", {}):
                    picture = base64.b64decode(output.data["image/png"])
                    return picture, output.metadata["image/png"]["alt"]
    raise LookupError(f"no lesson has a picture at {place}")


def stored(entry: pitfalls.Pitfall) -> tuple[bytes, str]:
    """Return the picture of a pitfall and its alternative text."""
    if entry.figure:
        return of_lesson(entry.figure)
    return (FOLDER / f"{entry.id}.png").read_bytes(), readings()[entry.id]


def readings() -> dict[str, str]:
    """Return the readings of the figures drawn here, by pitfall."""
    return json.loads(READINGS.read_text(encoding="utf-8"))


def draw(id: str, path: Path | None) -> str:
    """Run what a figure needs; write it, if there is a path, and return its reading."""
    import keras
    import matplotlib.pyplot as plt

    keras.utils.set_random_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        figure, reading = trial.FIGURES[id]()
    if path:
        figure.savefig(path, dpi=110, facecolor="white", metadata={"Software": None})
    plt.close(figure)
    return reading


def alike(one: str, other: str) -> bool:
    """Whether two readings say the same: equal words, and figures that differ by rounding only.

    Processors differ in the last digits of a trained model; 5 % or 0.03 are let pass.

    >>> alike("loss 2.303 → 0.105", "loss 2.303 → 0.107"), alike("loss 2.3", "loss 1.5")
    (True, False)
    """
    number = r"\d+(?:\.\d+)?"
    if re.sub(number, "#", one) != re.sub(number, "#", other):
        return False
    pairs = zip(re.findall(number, one), re.findall(number, other), strict=True)
    return all(
        abs(float(a) - float(b)) <= max(0.03, 0.05 * max(float(a), float(b))) for a, b in pairs
    )


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m docs.guide.figures", description=__doc__)
    parser.add_argument("pitfalls", nargs="*", help="all if none is named")
    parser.add_argument("--check", action="store_true", help="compare only")
    options = parser.parse_args(argv)
    trial.load()
    ids = options.pitfalls or list(trial.FIGURES)
    told = readings() if READINGS.exists() else {}
    if options.check:
        wrong = 0
        for id in ids:
            if not alike(now := draw(id, None), told.get(id, "")):
                print(f"{id}: stored is {told.get(id)!r}, a run of now says {now!r}")
                wrong = 1
        return wrong
    FOLDER.mkdir(exist_ok=True)
    told |= {id: draw(id, FOLDER / f"{id}.png") for id in ids}
    kept = {id: told[id] for id in trial.FIGURES if id in told}
    READINGS.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
