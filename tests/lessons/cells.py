"""Run chosen code cells of a lesson in a namespace of their own: tests hold the very code."""

from utils import edition

import nbformat


def run_cells(stem: str, ids: list[str], namespace: dict | None = None) -> dict:
    """Execute the code cells with these ids of the instructor's notebook, in the given order.

    Parameters
    ----------
    stem : str
        Such as ``"03_double_softmax"``.
    ids : list of str
    namespace : dict, optional
        Where they run; a fresh one unless given.

    Returns
    -------
    dict
        The namespace after the last cell.
    """
    notebook = nbformat.read(edition.SOLUTIONS / f"{stem}.ipynb", as_version=4)
    source = {cell.id: cell.source for cell in notebook.cells if cell.cell_type == "code"}
    namespace = {"__name__": "lesson"} if namespace is None else namespace
    for id_ in ids:
        exec(compile(source[id_], f"{stem}:{id_}", "exec"), namespace)
    return namespace
