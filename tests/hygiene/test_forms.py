"""Stored notebooks are in normal form; each rule is shown to fail on a planted fault."""

from utils import edition

import nbformat
import pytest

from tests.hygiene import forms
from tests.hygiene.sources import NOTEBOOKS, name


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
@pytest.mark.parametrize("rule", forms.RULES, ids=lambda rule: rule.__name__)
def test_notebooks_keep_the_rule(rule, path):
    assert list(rule(edition.read(path))) == []


def healthy():
    """Return a small notebook in which no rule finds a fault."""
    stored = nbformat.v4.new_output("execute_result", {"text/plain": "1"}, execution_count=1)
    cell = nbformat.v4.new_code_cell("x = 1\nx", execution_count=1, outputs=[stored])
    cell.id = "one"
    return nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": forms.KERNELSPEC})


def with_output(kind, **content):
    """Return a planter that stores one more output."""
    return lambda made: made.cells[0].outputs.append(nbformat.v4.new_output(kind, **content))


def setting(key, value):
    """Return a planter that changes a field of the cell."""
    return lambda made: made.cells[0].update({key: value})


def shown(text):
    """Return a planter for an HTML output."""
    return with_output("display_data", data={"text/html": text})


PLANTED = {
    "another kernel": (
        forms.metadata,
        lambda made: made.metadata.kernelspec.update(name="conda-env-tf"),
        "notebook: kernelspec",
    ),
    "an editor's key": (
        forms.metadata,
        lambda made: made.metadata.update(vscode={}),
        "notebook: metadata holds 'vscode'",
    ),
    "a timing": (
        forms.metadata,
        lambda made: made.cells[0].metadata.update(execution={"iopub.execute_input": "2026"}),
        "cell one: metadata holds 'execution'",
    ),
    "an id made by an editor": (forms.ids, setting("id", "3f2a9c10"), "cell 3f2a9c10: its id"),
    "an id twice": (
        forms.ids,
        lambda made: made.cells.append(made.cells[0]),
        "cell one: its id is used twice",
    ),
    "an old format": (forms.ids, lambda made: made.update(nbformat_minor=4), "format 4.4"),
    "not executed": (forms.executed, setting("execution_count", None), "cell one: executed as No"),
    "out of order": (forms.executed, setting("execution_count", 7), "cell one: executed as 7"),
    "stripped": (forms.executed, setting("outputs", []), "cell one: shows something"),
    "a path on Linux": (
        forms.outputs,
        with_output("stream", text="saved to /home/ada/model.keras\n"),
        "cell one: an output holds the path /home/ada/model.keras",
    ),
    "a path on macOS": (
        forms.outputs,
        with_output("execute_result", data={"text/plain": "PosixPath('/Users/ada/x')"}),
        "cell one: an output holds the path /Users/ada",
    ),
    "a path on Windows": (
        forms.outputs,
        shown(r"<p>C:\Users\ada\x.py</p>"),
        r"cell one: an output holds the path C:\Users",
    ),
    "a package's path": (
        forms.outputs,
        with_output("stream", text="lib/python3.11/site-packages/keras/a.py:3: UserWarning\n"),
        "cell one: an output holds the path lib/python3.11",
    ),
    "a widget": (
        forms.outputs,
        with_output("display_data", data={forms.WIDGET: {"model_id": "1"}}),
        "cell one: a widget",
    ),
    "a quiz": (forms.outputs, shown("<script>show()</script>"), "cell one: an output holds a quiz"),
    "an error": (
        forms.outputs,
        with_output("error", ename="KeyError", evalue="'x'", traceback=[]),
        "cell one: KeyError",
    ),
    "a log line": (
        forms.outputs,
        with_output("stream", name="stderr", text="W0000 tensorflow"),
        "cell one: standard error",
    ),
}


def test_no_rule_speaks_of_a_healthy_notebook():
    assert [fault for rule in forms.RULES for fault in rule(healthy())] == []


@pytest.mark.parametrize(("rule", "plant", "told"), PLANTED.values(), ids=PLANTED)
def test_a_planted_fault_is_found_and_its_place_named(rule, plant, told):
    made = healthy()
    plant(made)
    assert [fault for fault in rule(made) if told in fault]


def test_an_announced_error_is_no_fault():
    made = healthy()
    with_output("error", ename="ValueError", evalue="shapes", traceback=[])(made)
    made.cells[0].metadata["tags"] = ["raises-exception"]
    assert list(forms.outputs(made)) == []
