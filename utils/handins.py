"""Make an nbgrader assignment of a lesson: the solution with cells that give points.

``python -m utils.handins 03 --course DIR`` writes ``DIR/source/03_double_softmax/`` and, if
there is none yet, ``DIR/nbgrader_config.py``; without a number it writes every lesson.
The rest is nbgrader's: ``generate_assignment``, ``autograde``, ``export``.
"""

import argparse
import ast
import shutil
import sys
from collections import Counter
from pathlib import Path

import nbformat

from . import edition

POINTS = 1  # for each exercise; change them in DIR/source, in nbgrader's formgrader
CONFIG = edition.ROOT / "classroom" / "nbgrader_config.py"

_TEST = """\
# Exercise {id}: {points} if it is correct, else 0.
from utils import exercises

exercises.require("{id}", {name})"""

_TEST_OF_A_SHARED_NAME = """\
# Exercise {id}: {points} if it is correct, else 0.
from utils import exercises

# Cleared, so that this answer cannot stand in for that of a later exercise.
to_check, {name} = {name}, None
exercises.require("{id}", to_check)"""


def source(solution: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return nbgrader's source notebook for an instructor's notebook.

    Teacher cells are dropped as in the learner's edition. Every cell with an
    answer becomes a solution cell; behind each one that checks an exercise
    stands a locked test cell with `POINTS` points.

    Raises
    ------
    utils.edition.Drift
        If the notebook is not in order, see `utils.edition.derive`, or a cell
        tagged ``exercise`` ends neither in a check nor in a prediction.
    """
    for_learners = {cell.id for cell in edition.derive(solution).cells}
    notebook = edition.normalise(solution)
    cells = [cell for cell in notebook.cells if cell.id in for_learners]
    checked = {cell.id: checked_exercise(cell) for cell in cells if _has_answer(cell)}
    uses = Counter(found[1] for found in checked.values() if found)
    notebook.cells = []
    for cell in cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        notebook.cells.append(cell)
        if not _has_answer(cell):
            continue
        cell.metadata["nbgrader"] = _metadata(cell.id, solution=True)
        if checked[cell.id]:
            notebook.cells.append(_test_cell(*checked[cell.id], uses))
    return notebook


def checked_exercise(cell: nbformat.NotebookNode) -> tuple[str, str] | None:
    """Return (exercise id, name of the answer) of a cell; None for a prediction.

    Raises
    ------
    utils.edition.Drift
        If the last statement is neither ``exercises.get(id).check(name)`` nor
        ``exercises.predict(id, name)``.
    """
    match ast.parse(cell.source).body:
        case [
            *_,
            ast.Expr(
                ast.Call(ast.Attribute(ast.Call(_, [ast.Constant(id)]), "check"), [ast.Name(name)])
            ),
        ]:
            return id, name
        case [*_, ast.Expr(ast.Call(ast.Attribute(ast.Name("exercises"), "predict")))]:
            return None
    raise edition.Drift(
        f"cell {cell.id}: a cell with an answer must end in "
        "`exercises.get(id).check(name)` or `exercises.predict(id, name)`"
    )


def _has_answer(cell) -> bool:
    return edition.EXERCISE in edition.tags(cell)


def _test_cell(id: str, name: str, uses: Counter) -> nbformat.NotebookNode:
    template = _TEST if uses[name] == 1 else _TEST_OF_A_SHARED_NAME
    points = f"{POINTS} point" + "s" * (POINTS != 1)
    cell = nbformat.v4.new_code_cell(
        template.format(id=id, name=name, points=points), id=f"points-{id}"
    )
    cell.metadata["nbgrader"] = _metadata(cell.id, solution=False, points=POINTS)
    return cell


def _metadata(id: str, *, solution: bool, points: int | None = None) -> dict:
    """Return the metadata of nbgrader's format, version 3."""
    graded = {} if points is None else {"points": points}
    return {
        "schema_version": 3,
        "grade_id": id,
        "solution": solution,
        "grade": points is not None,
        "locked": not solution,
        "task": False,
    } | graded


def build(path: Path, course: Path) -> int:
    """Write one assignment into a course's folder; return its points."""
    notebook = source(edition.read(path))
    folder = course / "source" / path.stem
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, folder / path.name)
    if not (course / CONFIG.name).exists():
        shutil.copy(CONFIG, course / CONFIG.name)
    return sum(cell.metadata.get("nbgrader", {}).get("points", 0) for cell in notebook.cells)


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m utils.handins", description=__doc__)
    parser.add_argument("notebooks", nargs="*", help="numbers or names; all if none is given")
    parser.add_argument("--course", type=Path, required=True, help="nbgrader's course folder")
    options = parser.parse_args(argv)
    for path in edition.select(options.notebooks):
        try:
            points = build(path, options.course)
        except edition.Drift as drift:
            print(f"drift: {path.name}: {drift}", file=sys.stderr)
            return 1
        print(f"{path.stem}: {points} points in {options.course / 'source' / path.stem}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
