"""Keep README's table of lessons and its figure equal to the register and to lesson 03.

``python -m utils.frontpage`` writes both; ``--check`` only compares.
"""

import base64
import json
import sys
from pathlib import Path

from . import curriculum

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
FIGURE = ROOT / "assets" / "lying_loss.png"
BEGIN = "<!-- lessons: written by `python -m utils.frontpage` -->\n"
END = "<!-- end of lessons -->"


def page() -> str:
    """Return README's text with the table as the register has it now."""
    return between(README.read_text(encoding="utf-8"), BEGIN, END, f"{curriculum.markdown()}\n")


def between(text: str, begin: str, end: str, body: str) -> str:
    """Return `text` with `body` in place of what stands between two markers."""
    head, rest = text.split(begin)
    _, tail = rest.split(end)
    return f"{head}{begin}{body}{end}{tail}"


def figure() -> bytes:
    """Return the picture that lesson 03 stores: broken and fixed side by side."""
    path = ROOT / "lessons" / "03_double_softmax.ipynb"
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["id"] == "side-by-side":
            for output in cell["outputs"]:
                if "image/png" in output.get("data", {}):
                    return base64.b64decode(output["data"]["image/png"])
    raise LookupError("lesson 03 has no stored figure in its cell 'side-by-side'")


def main(argv: list[str]) -> int:
    """Write or compare; return the exit status."""
    if "--check" in argv:
        good = page() == README.read_text(encoding="utf-8") and figure() == FIGURE.read_bytes()
        print("README agrees." if good else "README differs: run `python -m utils.frontpage`.")
        return 0 if good else 1
    README.write_text(page(), encoding="utf-8")
    FIGURE.parent.mkdir(exist_ok=True)
    FIGURE.write_bytes(figure())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
