"""A lesson as a page: figures get their alternative text, exercises a fold with the answer."""

from utils import edition

import re
import textwrap
from pathlib import Path

import nbformat

FOLD = (
    '<details class="solution"><summary>Solution</summary>\n'
    '<p class="solution-note">One way to do it, and what the check says to it.</p>'
)
_ANSWER = re.compile(
    rf"^([ \t]*){edition.BEGIN}\n(.*?)^[ \t]*{edition.END}[ \t]*\n?", re.DOTALL | re.MULTILINE
)


def page(lesson: nbformat.NotebookNode, solution: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return the notebook that becomes the page of a lesson.

    Parameters
    ----------
    lesson, solution : NotebookNode
        The learner's and the instructor's edition, with their outputs.

    Returns
    -------
    NotebookNode
        The learner's cells. Each exercise is followed by its answer, as a code cell
        between the two halves of a ``<details>``.
    """
    answers = {c.id: c for c in solution.cells if edition.EXERCISE in edition.tags(c)}
    cells = []
    for cell in lesson.cells:
        cells.append(described(cell))
        if cell.id in answers:
            cells += [
                nbformat.v4.new_markdown_cell(FOLD, id=f"{cell.id}-fold"),
                described(answer(answers[cell.id])),
                nbformat.v4.new_markdown_cell("</details>", id=f"{cell.id}-fold-end"),
            ]
    result = lesson.copy()
    result.cells = cells
    return result


def answer(cell: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return a copy of an exercise that shows the answer, without markers.

    An answer inside a function is shown with the function; one that stands by itself
    is shown alone, without the stub before it.
    """
    shown = cell.copy()
    shown.id = f"{cell.id}-answer"
    bodies = _ANSWER.findall(cell.source)
    if all(not indent for indent, _ in bodies):
        shown.source = "\n".join(textwrap.dedent(body).strip() for _, body in bodies)
    else:
        shown.source = _ANSWER.sub(r"\2", cell.source).strip()
    return shown


def described(cell: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return a copy of a cell whose figure carries its alternative text where MyST-NB looks for it.

    Raises
    ------
    ValueError
        If the cell has a picture without alternative text, or more than one picture.
    """
    shown = cell.copy()
    pictures = [o for o in cell.get("outputs", ()) if "image/png" in o.get("data", {})]
    if not pictures:
        return shown
    alts = [o.metadata.get("image/png", {}).get("alt") for o in pictures]
    if len(alts) != 1 or not alts[0]:
        raise ValueError(
            f"cell {cell.id} has {len(alts)} pictures with the alternative texts {alts}: one "
            "picture with one text is wanted; show figures with `plots.show`"
        )
    shown.metadata = nbformat.from_dict({**cell.metadata, "mystnb": {"image": {"alt": alts[0]}}})
    return shown


def write(stem: str, folder: Path) -> None:
    """Write the page of one lesson."""
    name = f"{stem}.ipynb"
    made = page(edition.read(edition.LESSONS / name), edition.read(edition.SOLUTIONS / name))
    nbformat.write(made, folder / name)
