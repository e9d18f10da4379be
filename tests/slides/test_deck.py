"""The rule by which cells become slides, on small notebooks and on every lesson."""

from utils import edition
from utils.slides import deck

import nbformat
import pytest

LESSONS = edition.select([])


def text(source, *tags):
    return nbformat.v4.new_markdown_cell(source, metadata={"tags": list(tags)})


def code(source, *outputs, tags=()):
    cell = nbformat.v4.new_code_cell(source, outputs=list(outputs))
    cell.metadata["tags"] = list(tags)
    return cell


def printed(text):
    return nbformat.v4.new_output("stream", text=text)


def shown(html):
    return nbformat.v4.new_output("execute_result", data={"text/html": html, "text/plain": "x"})


def figure(alt):
    return nbformat.v4.new_output(
        "display_data", data={"image/png": "AAAA"}, metadata={"image/png": {"alt": alt}}
    )


def dealt(*cells):
    """Return the slides of a notebook as lists of stacks, slides, (kind, source)."""
    solution = nbformat.v4.new_notebook(cells=[text("# 99 · A title"), *cells])
    lesson = solution.copy()
    lesson.cells = [c for c in solution.cells if edition.TEACHER not in edition.tags(c)]
    _, stacks = deck.stacks(solution, lesson)
    return stacks


def kinds(stack):
    return [[part.kind for part in slide.parts] for slide in stack.slides]


def test_a_heading_begins_a_stack_and_a_part_of_it_a_slide():
    stacks = dealt(text("## Why\n\nWords."), text("### Because\n\nWords."), text("## Fix"))
    assert [(s.title, len(s.slides)) for s in stacks] == [
        ("99 · A title", 1),
        ("Why", 2),
        ("Fix", 1),
    ]


def test_code_joins_its_text_and_outputs_join_their_code():
    (_, why) = dealt(text("## Why\n\nLook:"), code("print(1)", printed("1\n")))
    assert kinds(why) == [["text", "code", "print"]]


def test_a_remark_joins_what_it_is_about_and_an_announcement_begins_a_slide():
    (_, why) = dealt(
        text("## Why\n\nLook:"),
        code("print(1)", printed("1\n")),
        text("It is one."),
        text("Look again:"),
        code("print(2)", printed("2\n")),
    )
    assert kinds(why) == [["text", "code", "print", "text"], ["text", "code", "print"]]


def test_what_does_not_fit_goes_on_to_the_next_slide():
    long = "\n".join(f"x = {k}" for k in range(12))
    (_, why) = dealt(text("## Why\n\nLook:"), code(long, figure("one"), printed("reading\n")))
    assert kinds(why) == [["text", "code"], ["figure", "print"]]
    assert why.slides[1].parts[0].alt == "one"


def test_a_long_print_is_dealt_out_with_its_first_line():
    lines = ["epoch  loss", *(f"{k:5d}  0.{k:03d}" for k in range(60))]
    (_, why) = dealt(text("## Why"), code("run()", printed("\n".join(lines))))
    prints = [p.source for s in why.slides for p in s.parts if p.kind == "print"]
    assert len(prints) > 2
    assert all(p.splitlines()[0] == lines[0] for p in prints)
    assert [line for p in prints for line in p.splitlines()[1:]] == lines[1:]


def test_a_long_table_is_dealt_out_with_its_head_and_its_foot_once():
    rows = [f"<tr><td>{k}</td><td>{'words ' * 20}</td></tr>" for k in range(30)]
    table = f"<table><thead><tr><th>n</th><th>said</th></tr></thead><tbody>{''.join(rows)}</tbody>"
    (_, why) = dealt(text("## Why"), code("table()", shown(f"{table}</table><p>Sources.</p>")))
    html = [p.source for s in why.slides for p in s.parts if p.kind == "html"]
    assert len(html) > 3
    assert all("<th>said</th>" in h for h in html[:-1])
    assert "".join(html).count("<tr><td>") == 30
    assert html[-1] == "<p>Sources.</p>"
    assert all(slide.room >= 0 for slide in why.slides)


def test_notes_go_to_the_slide_before_and_answers_stay_away():
    (_, why) = dealt(
        text("## Why"),
        code("mine = None", printed("no"), tags=["exercise"]),
        text("Psst", "teacher"),
    )
    assert kinds(why) == [["text", "code"]]
    assert why.slides[-1].notes == ["Psst"]


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_every_cell_of_a_lesson_is_on_a_slide_once(path):
    solution, lesson = edition.read(path), edition.read(edition.LESSONS / path.name)
    _, stacks = deck.stacks(solution, lesson)
    parts = [part for stack in stacks for slide in stack.slides for part in slide.parts]
    cells = [part.source for part in parts if part.kind in ("text", "code")]
    assert cells == [cell.source for cell in lesson.cells]
    notes = [note for stack in stacks for slide in stack.slides for note in slide.notes]
    assert notes == [c.source for c in solution.cells if edition.TEACHER in edition.tags(c)]
