"""The texts that the rules read: documents, notebooks and Python files of the checkout."""

from utils import edition

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = tuple(sorted([*edition.SOLUTIONS.glob("*.ipynb"), *edition.LESSONS.glob("*.ipynb")]))
PYTHON = tuple(
    sorted(
        [*ROOT.glob("*.py")]
        + [p for folder in ("utils", "tests", "benchmarks") for p in (ROOT / folder).rglob("*.py")]
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
