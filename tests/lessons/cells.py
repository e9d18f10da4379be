"""Run chosen code cells of a lesson in a namespace of their own: tests hold the very code."""

from utils import edition

import linecache

import nbformat
import numpy as np


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
        name = f"{stem}:{id_}"
        # AutoGraph reads the source of a tf.function back: leave it where inspect looks.
        linecache.cache[name] = (len(source[id_]), None, source[id_].splitlines(True), name)
        exec(compile(source[id_], name, "exec"), namespace)
    return namespace


def fit_epoch_by_epoch(model, batches, epochs: int, **settings) -> dict[str, list[float]]:
    """Train with `fit` on the very batches that a loop over `batches` sees; return its history.

    Handed a shuffled dataset, `fit` looks at one batch before the first epoch
    and so moves the shuffle on. Here each epoch is drawn first and handed over
    as arrays.

    Parameters
    ----------
    model : compiled keras.Model
    batches : tf.data.Dataset of (x, y) batches, equal but for the last
    epochs : int
    """
    history: dict[str, list[float]] = {}
    for _ in range(epochs):
        drawn = list(batches.as_numpy_iterator())
        x, y = (np.concatenate(parts) for parts in zip(*drawn, strict=True))
        told = model.fit(
            x, y, batch_size=len(drawn[0][0]), shuffle=False, verbose=0, **settings
        ).history
        for name, values in told.items():
            history.setdefault(name, []).extend(values)
    return history
