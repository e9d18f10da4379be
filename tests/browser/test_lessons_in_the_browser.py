"""Lessons in a real JupyterLab: opened, run, typed into, and looked at by axe-core."""

import nbformat
import pytest
from lab import ROOT

LESSONS = ("00_start_here", "03_double_softmax", "20_clinic")
# JupyterLab writes no `alt` for images in outputs, whatever their metadata say. The line of
# text under every figure says what it shows; tests/notebooks holds the lessons to that.
JUPYTERLABS = {"image-alt"}


def texts(cell) -> dict[str, str]:
    """Return what a cell shows as text, by kind: streams whole, other outputs one after another."""
    shown = {}
    for output in cell.get("outputs", []):
        if output["output_type"] == "stream":
            entries = {output["name"]: output["text"]}
        elif output["output_type"] == "error":
            entries = {"error": "\n".join(output["traceback"])}
        else:
            entries = {k: v for k, v in output["data"].items() if k.startswith("text/")}
        for kind, text in entries.items():
            text = text if isinstance(text, str) else "".join(text)
            shown[kind] = shown.get(kind, "") + text
    shown.pop("stderr", None)
    return shown


def stored(name: str) -> dict[str, dict]:
    """Return the compared cells of the committed lesson, by id."""
    notebook = nbformat.read(ROOT / "lessons" / f"{name}.ipynb", as_version=4)
    return {
        cell.id: texts(cell)
        for cell in notebook.cells
        if cell.cell_type == "code" and "nbval-ignore-output" not in cell.metadata.get("tags", [])
    }


def faults_of_our_markup(lab) -> list[str]:
    """Return what axe-core finds in the outputs of all cells, a line for each kind."""
    from axe_playwright_python.sync_playwright import Axe

    response = Axe().run(lab.page, context={"include": [[".jp-OutputArea-output"]]}).response
    return [
        f"{found['id']}: {found['help']}; {len(found['nodes'])} times, first at "
        f"{found['nodes'][0]['html'][:200]}"
        for found in response["violations"]
        if found["id"] not in JUPYTERLABS
    ]


def test_the_command_of_the_readme_opens_the_start_page(lab):
    assert lab.start() == "lessons/00_start_here.ipynb"


@pytest.mark.parametrize("name", LESSONS)
def test_run_all_gives_the_stored_outputs(lab, name):
    lab.open(f"lessons/{name}.ipynb")
    lab.run_all()
    expected = stored(name)
    shown = {cell["id"]: texts(cell) for cell in lab.cells() if cell["id"] in expected}
    assert shown == expected
    for theme in ("Light", "Dark"):
        lab.theme(theme)
        assert lab.attach_every_cell() == len(lab.cells())
        assert not faults_of_our_markup(lab), theme


def test_an_exercise_is_typed_wrongly_then_rightly(lab):
    lab.open("lessons/03_double_softmax.ipynb")
    lab.run_all()
    wrong = lab.type_over("exercise-b", "answer = None", 'answer = ("A", 0.5)')
    assert wrong.startswith("Incorrect")
    assert "A falls to 0.83" in wrong
    right = lab.type_over("exercise-b", "answer =", 'answer = ("B", np.log(np.e + 5) - 1)')
    assert right.startswith("Correct")
    broken = lab.type_over("exercise-b", "answer =", 'answer = "B"')
    assert broken.startswith("Could not run")
    lab.page.keyboard.press("Control+s")
    lab.open("lessons/00_start_here.ipynb")
    lab.run_all()
    assert "1 of " in lab.cell("progress").locator(".jp-OutputArea-output").last.inner_text()
