"""A notebook on its way to a page: alternative texts, and the fold with the answer."""

from utils import edition

import nbformat
import pytest

from docs import notebooks

ANSWERED = f"""answer = None
{edition.BEGIN}
answer = 1 + 1
{edition.END}
check(answer)"""

INSIDE = f"""def f(x):
    y = 2 * x
    {edition.BEGIN}
    return y
    {edition.END}


check(f)"""


def cell(source, **metadata):
    return nbformat.v4.new_code_cell(source, metadata=metadata, id="exercise-a")


def picture(alt):
    metadata = {"image/png": {"alt": alt}} if alt else {}
    return nbformat.v4.new_output("display_data", {"image/png": "AAAA"}, metadata=metadata)


def test_an_answer_by_itself_is_shown_alone():
    assert notebooks.answer(cell(ANSWERED)).source == "answer = 1 + 1"


def test_an_answer_inside_a_function_is_shown_with_it():
    assert (
        notebooks.answer(cell(INSIDE)).source
        == "def f(x):\n    y = 2 * x\n    return y\n\n\ncheck(f)"
    )


def test_the_fold_follows_its_exercise():
    solution = nbformat.v4.new_notebook(cells=[cell(ANSWERED, tags=[edition.EXERCISE])])
    lesson = edition.derive(solution)
    page = notebooks.page(lesson, solution)
    kinds = [c.cell_type for c in page.cells]
    assert kinds == ["code", "markdown", "code", "markdown"]
    assert edition.STUB in page.cells[0].source
    assert page.cells[2].source == "answer = 1 + 1"
    nbformat.validate(page)


def test_the_alternative_text_goes_where_the_page_looks_for_it():
    figure = cell("plots.show(figure, reading)")
    figure.outputs = [picture("loss: 2.3 → 0.1.")]
    assert notebooks.described(figure).metadata.mystnb.image.alt == "loss: 2.3 → 0.1."
    assert "mystnb" not in figure.metadata


@pytest.mark.parametrize("alts", [[""], ["one", "two"]])
def test_a_picture_without_a_text_of_its_own_is_refused(alts):
    figure = cell("plt.show()")
    figure.outputs = [picture(alt) for alt in alts]
    with pytest.raises(ValueError, match="exercise-a has"):
        notebooks.described(figure)
