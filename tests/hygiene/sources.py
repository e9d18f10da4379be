"""The texts that the rules read: documents, notebooks and Python files of the checkout."""

from utils import edition

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = tuple(sorted([*edition.SOLUTIONS.glob("*.ipynb"), *edition.LESSONS.glob("*.ipynb")]))
PYTHON = tuple(
    sorted(
        [*ROOT.glob("*.py")]
        + [
            p
            for folder in ("utils", "tests", "benchmarks", "docs")
            for p in (ROOT / folder).rglob("*.py")
        ]
    )
)
REGISTERS = tuple(sorted((ROOT / "utils").rglob("*.toml")))
_NOT_OURS = {"node_modules", ".venv", "_build", "_site"}


def documents() -> tuple[Path, ...]:
    """Return the Markdown files that were written here."""
    found = [*ROOT.glob("*.md"), *ROOT.glob("*/*.md"), *ROOT.glob("docs/**/*.md")]
    return tuple(sorted({p for p in found if not _NOT_OURS & set(p.relative_to(ROOT).parts)}))


def name(path: Path) -> str:
    """Return a file's path from the root of the checkout, with forward slashes."""
    return path.relative_to(ROOT).as_posix()


def notebook_texts(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (place, text) for every Markdown cell of a notebook."""
    for cell in edition.read(path).cells:
        if cell.cell_type == "markdown":
            yield f"{name(path)}, cell {cell.id}", cell.source


def docstrings(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (place, text) for every docstring of a Python file."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, documented) and (text := ast.get_docstring(node)):
            yield f"{name(path)}:{node.body[0].lineno}", text


def register_texts(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (place, text) for every text of a register; code to paste is none."""
    yield from _strings(name(path), tomllib.loads(path.read_text(encoding="utf-8")))


def _strings(place: str, value) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, list):
        for item in value:
            yield from _strings(place, item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key != "probe":
                yield from _strings(f"{place}, {key}", item)
