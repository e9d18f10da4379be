"""Derive the learner's edition from the instructor's, and execute both.

``python -m utils.edition`` writes ``lessons/`` from ``solutions/`` and stores
fresh outputs in both; name notebooks (``03`` or ``03_double_softmax``) to build
only those. ``--text`` is for changes of text alone: it executes nothing, keeps the
stored outputs, and refuses if code has changed. ``--check`` executes and writes
nothing: it compares the sources and exits with 1 at the first drift.
"""

import argparse
import ast
import copy
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat

from . import timing

ROOT = Path(__file__).resolve().parents[1]
SOLUTIONS = ROOT / "solutions"
LESSONS = ROOT / "lessons"

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
STUB = "# Your answer here."
TEACHER = "teacher"
EXERCISE = "exercise"

FILLED_IN = (
    "You have answered exercises in lessons/{name}, so its outputs are no longer the stored "
    "ones. That is what they are for! Nothing is wrong and nothing is lost. To test the course "
    "as it came, keep your copy elsewhere and run `git restore lessons/{name}`."
)

_BLOCK = re.compile(rf"^([ \t]*){BEGIN}\n.*?^[ \t]*{END}[ \t]*$", re.DOTALL | re.MULTILINE)
_KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
_LANGUAGE = {"name": "python", "pygments_lexer": "ipython3"}


class Drift(Exception):
    """The learner's edition does not follow from the instructor's; the text says where."""


def read(path: Path) -> nbformat.NotebookNode:
    """Read a notebook and check it against the format's schema."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook


def normalise(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return a copy in normal form: fixed metadata, no timings, ids and tags kept."""
    notebook = copy.deepcopy(notebook)
    slides = notebook.metadata.get("rise")
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": _KERNELSPEC, "language_info": _LANGUAGE}
        | ({"rise": slides} if slides else {})
    )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for cell in notebook.cells:
        kept = {key: cell.metadata[key] for key in ("tags", "slideshow") if cell.metadata.get(key)}
        cell.metadata = nbformat.from_dict(kept)
        cell.source = cell.source.rstrip()
    return notebook


def derive(solution: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return the learner's notebook: teacher cells dropped, answers replaced by a stub line.

    Raises
    ------
    Drift
        If a marker has no partner, an exercise cell has no answer, or a stub
        would not be valid Python.
    """
    lesson = normalise(solution)
    lesson.cells = [cell for cell in lesson.cells if TEACHER not in tags(cell)]
    for cell in lesson.cells:
        if cell.source.count(BEGIN) != cell.source.count(END):
            raise Drift(f"cell {cell.id}: a solution marker has no partner")
        if (BEGIN in cell.source) != (EXERCISE in tags(cell)):
            raise Drift(f"cell {cell.id}: the tag 'exercise' and the solution markers go together")
        if BEGIN not in cell.source:
            continue
        cell.source = _BLOCK.sub(rf"\1{STUB}", cell.source)
        if BEGIN in cell.source:
            raise Drift(f"cell {cell.id}: each marker must stand on a line of its own")
        try:
            ast.parse(cell.source)
        except SyntaxError as error:
            raise Drift(f"cell {cell.id}: without its answer it is not Python ({error})") from None
    return lesson


def tags(cell) -> list[str]:
    """Return the tags of a cell."""
    return list(cell.metadata.get("tags", []))


def compare(derived: nbformat.NotebookNode, stored: nbformat.NotebookNode) -> list[tuple[str, str]]:
    """Return the differences in cell sources as (cell id, what differs).

    Outputs are not compared here: nbval runs them.
    """
    stored = normalise(stored)
    want = [(c.id, c.cell_type, tags(c)) for c in derived.cells]
    have = [(c.id, c.cell_type, tags(c)) for c in stored.cells]
    if want != have:
        odd = [c for c in have if c not in want] + [c for c in want if c not in have]
        where = odd[0][0] if odd else "order"
        return [(where, "the cells (ids, kinds, tags or their order) differ")]
    differences = []
    for a, b in zip(derived.cells, stored.cells, strict=True):
        if a.source != b.source:
            differences.append((a.id, _first_difference(a.source, b.source)))
    return differences


def is_filled_in(derived: nbformat.NotebookNode, stored: nbformat.NotebookNode) -> bool:
    """Whether the only differences are answers that a learner has written."""
    answers = {c.id for c in derived.cells if EXERCISE in tags(c) or "predict" in tags(c)}
    differences = compare(derived, stored)
    return bool(differences) and all(id_ in answers for id_, _ in differences)


def _first_difference(want: str, have: str) -> str:
    a, b = want.splitlines(), have.splitlines()
    for k, (x, y) in enumerate(zip(a, b, strict=False), 1):
        if x != y:
            return f"line {k}: expected {x.strip()!r}, found {y.strip()!r}"
    return f"{len(a)} lines expected, {len(b)} found"


def execute(notebook: nbformat.NotebookNode, folder: Path, *, timeout: int = 120) -> None:
    """Run every cell in a fresh kernel and store the outputs, without timings.

    Progress goes to an empty folder, so that no learner's state shows in an output.
    """
    from nbclient import NotebookClient

    with tempfile.TemporaryDirectory() as state:
        before = os.environ.get("LOSS_AND_FOUND_STATE")
        os.environ["LOSS_AND_FOUND_STATE"] = state
        try:
            NotebookClient(
                notebook,
                timeout=timeout,
                kernel_name="python3",
                record_timing=False,
                coalesce_streams=True,
                resources={"metadata": {"path": str(folder)}},
            ).execute()
        finally:
            if before is None:
                del os.environ["LOSS_AND_FOUND_STATE"]
            else:
                os.environ["LOSS_AND_FOUND_STATE"] = before
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr"]


def select(names: list[str]) -> list[Path]:
    """Return the instructor's notebooks with these numbers or names; all of them for none."""
    every = sorted(SOLUTIONS.glob("[0-9][0-9]_*.ipynb"))
    if not names:
        return every
    stems = [Path(name).stem for name in names]
    chosen = [p for p in every if any(p.stem == s or p.stem.startswith(f"{s}_") for s in stems)]
    if not chosen:
        raise SystemExit(
            f"No notebook matches {', '.join(names)}; there are: "
            + ", ".join(p.stem for p in every)
        )
    return chosen


def keep_outputs(lesson: nbformat.NotebookNode, stored: nbformat.NotebookNode) -> None:
    """Give a freshly derived lesson the stored outputs of the same code.

    Raises
    ------
    Drift
        If a code cell is new or differs: then it must be executed.
    """
    lesson.metadata = stored.metadata
    before = {cell.id: cell for cell in stored.cells}
    for cell in lesson.cells:
        if cell.cell_type != "code":
            continue
        if cell.id not in before or before[cell.id].source != cell.source:
            raise Drift(f"cell {cell.id}: its code has changed, so build without --text")
        cell.outputs = before[cell.id].outputs
        cell.execution_count = before[cell.id].execution_count


def build(path: Path, *, text_only: bool = False) -> None:
    """Format one notebook of the instructor, derive the learner's, execute and write both."""
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", path], check=True)
    edited = read(path)
    solution = normalise(edited)
    lesson = derive(solution)
    timing.note(solution, lesson)
    if text_only:
        solution.metadata = edited.metadata
        keep_outputs(lesson, read(LESSONS / path.name))
    for notebook, folder in ((solution, SOLUTIONS), (lesson, LESSONS)):
        if not text_only:
            execute(notebook, folder)
        nbformat.write(notebook, folder / path.name)


def check(path: Path) -> None:
    """Raise `Drift` unless the stored learner's notebook follows from the instructor's."""
    target = LESSONS / path.name
    if not target.exists():
        raise Drift(f"lessons/{path.name} is missing: run `python -m utils.edition {path.stem}`")
    solution = read(path)
    unformed = compare(normalise(solution), solution)
    lesson = derive(solution)
    timed = copy.deepcopy(solution)
    timing.note(timed, lesson)
    differences = unformed or compare(lesson, read(target)) or compare(timed, solution)
    if differences:
        cell, what = differences[0]
        raise Drift(
            f"lessons/{path.name}, cell {cell!r}: {what}. Edit solutions/{path.name} and run "
            f"`python -m utils.edition {path.stem}`; lessons/ is never edited by hand."
        )


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m utils.edition", description=__doc__)
    parser.add_argument("notebooks", nargs="*", help="numbers or names; all if none is given")
    parser.add_argument("--text", action="store_true", help="keep the stored outputs")
    parser.add_argument("--check", action="store_true", help="compare only")
    options = parser.parse_args(argv)
    for path in select(options.notebooks):
        start = time.perf_counter()
        try:
            if options.check:
                check(path)
            else:
                build(path, text_only=options.text)
        except Drift as drift:
            print(f"drift: {drift}", file=sys.stderr)
            return 1
        print(
            f"{path.stem}: {'agrees' if options.check else 'built'} "
            f"in {time.perf_counter() - start:.1f} s",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
