"""Rules for links inside the checkout: the file is there, and so is the heading.

Headings get their anchors as GitHub gives them in documents and as JupyterLab
gives them in notebooks.
"""

from utils import edition

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote

from tests.hygiene.sources import ROOT, notebook_texts

_CODE = re.compile(r"^(```|~~~).*?^\1|`[^`\n]*`", re.DOTALL | re.MULTILINE)
_TARGETS = (
    re.compile(r"\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)"),
    re.compile(r"^\s*\[[^\]^]+\]:\s+(\S+)", re.MULTILINE),
    re.compile(r"<(?:a|img|source)\b[^>]*?\b(?:href|src|srcset)=\"([^\"\s]+)", re.IGNORECASE),
)
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]+:|//", re.IGNORECASE)
_HEADING = re.compile(r"^#{1,6} +(.+?)(?: +#*)?$", re.MULTILINE)
_ANCHOR = re.compile(r"\b(?:id|name)=\"([^\"]+)\"|^\(([\w-]+)\)=$", re.MULTILINE)


def targets(text: str) -> list[str]:
    """Return what the links and pictures of a Markdown text lead to, other sites apart."""
    text = _CODE.sub("", text)
    found = [target for pattern in _TARGETS for target in pattern.findall(text)]
    return [target for target in found if not _ELSEWHERE.match(target)]


def dead(path: Path, root: Path = ROOT) -> Iterator[str]:
    """Yield a sentence for every link of a document or notebook that leads nowhere."""
    for place, text in _texts(path, root):
        for target in targets(text):
            if why := _fault(path, target, root):
                yield f"{place}: {target} {why}"


def _texts(path: Path, root: Path) -> list[tuple[str, str]]:
    if path.suffix == ".ipynb":
        return list(notebook_texts(path))
    return [(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8"))]


def _fault(path: Path, target: str, root: Path) -> str:
    file, _, anchor = target.partition("#")
    aim = (path.parent / unquote(file)).resolve() if file else path.resolve()
    if root.resolve() not in (aim, *aim.parents):
        return "leads out of the checkout"
    if not aim.exists():
        return "is not there"
    if anchor and aim.suffix in (".md", ".ipynb") and unquote(anchor) not in anchors(aim):
        return f"names no heading of {aim.name}"
    return ""


@cache
def anchors(path: Path) -> frozenset[str]:
    """Return the anchors of a document or a notebook."""
    if path.suffix == ".ipynb":
        cells = edition.read(path).cells
        text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        slug = _jupyter
    else:
        text, slug = path.read_text(encoding="utf-8"), _github
    text = re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.DOTALL | re.MULTILINE)
    made = [slug(heading) for heading in _HEADING.findall(text)]
    numbered = [f"{s}-{made[:k].count(s)}" if s in made[:k] else s for k, s in enumerate(made)]
    return frozenset([*numbered, *(a or b for a, b in _ANCHOR.findall(text))])


def _github(heading: str) -> str:
    shown = re.sub(r"\[([^\]]*)\]\([^)]*\)|[`*]", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")


def _jupyter(heading: str) -> str:
    return heading.replace(" ", "-")
