"""Rules for stored notebooks: their normal form, and what their outputs may hold.

Every rule takes a notebook and yields a sentence for each fault, beginning with
the cell it stands in.
"""

from utils import edition

import ast
import re
from collections.abc import Iterator

KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
NOTEBOOK_KEYS = {"kernelspec", "language_info", "rise"}
CELL_KEYS = {"tags", "slideshow"}

# A home, a temporary folder, an installed package or a drive: never the same on two machines.
MACHINE_PATH = re.compile(
    r"(?<![\w.])/(?:root|home|Users|tmp|var/folders|mnt|work|opt|private)/\S*"
    r"|\b[A-Za-z]:\\{1,2}\w\S*|\S*(?:site-packages|ipykernel_\d)\S*"
)
WIDGET = "application/vnd.jupyter.widget-view+json"
QUIZ = re.compile(r"jupyterquiz|<script|<input|<form|onclick=", re.IGNORECASE)


def metadata(notebook) -> Iterator[str]:
    """The kernel is any Python 3; cells carry tags and nothing of the run that made them."""
    if notebook.metadata.get("kernelspec") != KERNELSPEC:
        yield f"notebook: kernelspec is {notebook.metadata.get('kernelspec')}, not {KERNELSPEC}"
    for key in sorted(set(notebook.metadata) - NOTEBOOK_KEYS):
        yield f"notebook: metadata holds {key!r}"
    for cell in notebook.cells:
        for key in sorted(set(cell.metadata) - CELL_KEYS):
            yield f"cell {cell.id}: metadata holds {key!r}"


def ids(notebook) -> Iterator[str]:
    """Ids are there, chosen, and used once: diffs and tests name cells by them."""
    if (notebook.nbformat, notebook.nbformat_minor) != (4, 5):
        yield f"notebook: format {notebook.nbformat}.{notebook.nbformat_minor} instead of 4.5"
    seen = set()
    for cell in notebook.cells:
        id_ = cell.get("id", "")
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", id_) or re.fullmatch(r"[0-9a-f]{8}", id_):
            yield f"cell {id_ or '?'}: its id is no name that was chosen for it"
        if id_ in seen:
            yield f"cell {id_}: its id is used twice"
        seen.add(id_)


def executed(notebook) -> Iterator[str]:
    """Every code cell was run, in order, and what it shows is stored: else nothing is compared."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for position, cell in enumerate(cells, 1):
        if cell.execution_count != position:
            yield f"cell {cell.id}: executed as {cell.execution_count}, it stands at {position}"
        if shows(cell.source) and not cell.outputs:
            yield f"cell {cell.id}: shows something but has no stored output"


def shows(source: str) -> bool:
    """Whether a cell certainly shows something: it ends in a bare expression."""
    body = ast.parse(source).body
    return bool(body) and isinstance(body[-1], ast.Expr) and not source.rstrip().endswith(";")


def outputs(notebook) -> Iterator[str]:
    """No output holds a path of a machine, a widget, a quiz, an unannounced error, a log line."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if WIDGET in data:
                yield f"cell {cell.id}: a widget is stored; untrusted notebooks do not show it"
            if output.output_type == "error" and "raises-exception" not in edition.tags(cell):
                yield f"cell {cell.id}: {output.ename} is stored"
            if output.get("name") == "stderr":
                yield f"cell {cell.id}: standard error is stored; it differs between machines"
            for text in _texts(output):
                if found := MACHINE_PATH.search(text):
                    yield f"cell {cell.id}: an output holds the path {found[0]}"
            if found := QUIZ.search(data.get("text/html", "")):
                yield f"cell {cell.id}: an output holds a quiz or a script ({found[0]})"


def _texts(output) -> Iterator[str]:
    yield output.get("text", "")
    yield "\n".join(output.get("traceback", []))
    for kind, value in output.get("data", {}).items():
        if isinstance(value, str) and not kind.startswith("image/"):
            yield value


RULES = (metadata, ids, executed, outputs)
