"""The rule by which a notebook becomes slides; nothing about slides stands in the notebooks.

A heading begins a stack of slides (left and right), every other cell a slide in
it (up and down). As long as they fit, code joins the text that announces it,
outputs join their code, and a remark joins the outputs it is about; long outputs
are dealt out over several slides. Cells for the instructor become speaker notes.
Answers and the outputs of exercises are left out: a class is to find them.
"""

import re
from dataclasses import dataclass, field
from itertools import pairwise, zip_longest

import bs4
import nbformat

from ..edition import EXERCISE, TEACHER, tags

ROOM = 640  # pixels under the running title of a slide of 1280 × 720

# Heights in pixels at the sizes of deck.css; rough on purpose, the browser has the last word.
_TEXT_LINE, _TEXT_CHARS = 36, 88
_CODE_LINE = 27
_FIGURE = 470
_HTML_LINE, _HTML_CHARS = 29, 115
_GAP = 24
_LINES_A_SLIDE = (ROOM - _GAP) // _CODE_LINE

_HEADING = re.compile(r"^(#{1,3}) (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Part:
    """Something on a slide.

    Attributes
    ----------
    kind : {"text", "code", "print", "html", "figure"}
    source : str
        Markdown, Python, plain text, HTML, or a PNG in base64.
    height : int
        About how many pixels it needs.
    alt : str
        Of a figure: what it shows, in words.
    """

    kind: str
    source: str
    height: int
    alt: str = ""


@dataclass
class Slide:
    """Parts that stand under each other, and what the instructor says to them (Markdown)."""

    parts: list[Part] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def room(self) -> int:
        return ROOM - sum(part.height for part in self.parts)


@dataclass
class Stack:
    """The slides of one heading, first to last."""

    title: str
    slides: list[Slide] = field(default_factory=list)


def stacks(
    solution: nbformat.NotebookNode, lesson: nbformat.NotebookNode
) -> tuple[str, list[Stack]]:
    """Return the lesson's title and its slides.

    Parameters
    ----------
    solution : notebook
        The instructor's, for the notes.
    lesson : notebook
        The learner's, for cells and outputs.
    """
    shown = {cell.id: cell for cell in lesson.cells}
    following = dict(pairwise([*(cell.id for cell in lesson.cells), ""]))
    dealt: list[Stack] = []
    for cell in solution.cells:
        if TEACHER in tags(cell):
            dealt[-1].slides[-1].notes.append(cell.source)
            continue
        heading = _HEADING.search(cell.source) if cell.cell_type == "markdown" else None
        if heading and len(heading[1]) < 3:
            dealt.append(Stack(heading[2]))
        after = shown.get(following[cell.id])
        parts = _parts(shown[cell.id])
        if heading or not _joins(dealt[-1].slides, parts[0], after):
            dealt[-1].slides.append(Slide())
        _deal(dealt[-1], parts)
    return dealt[0].title, dealt


def _joins(slides: list[Slide], part: Part, after: nbformat.NotebookNode | None) -> bool:
    """Whether a cell goes under the last slide: code under its text, a remark under outputs."""
    if not slides or slides[-1].room < part.height:
        return False
    announced = all(before.kind == "text" for before in slides[-1].parts)
    if part.kind == "text":
        return not announced and not (after and after.cell_type == "code")
    return announced


def _deal(stack: Stack, parts: list[Part]) -> None:
    for part in parts:
        last = stack.slides[-1]
        if last.parts and last.room < part.height:
            stack.slides.append(Slide())
        stack.slides[-1].parts.append(part)


def _parts(cell: nbformat.NotebookNode) -> list[Part]:
    if cell.cell_type == "markdown":
        return [Part("text", cell.source, _text_height(cell.source))]
    parts = [Part("code", cell.source, _GAP + _CODE_LINE * len(cell.source.splitlines()))]
    if EXERCISE in tags(cell):
        return parts
    for output in cell.outputs:
        parts += _output(output)
    return parts


def _output(output: nbformat.NotebookNode) -> list[Part]:
    data = output.get("data", {})
    if "image/png" in data:
        alt = output.metadata.get("image/png", {}).get("alt", "")
        return [Part("figure", data["image/png"], _FIGURE, alt)]
    if "text/html" in data:
        return [Part("html", html, _html_height(html)) for html in _split_table(data["text/html"])]
    return _split_print(output.get("text") or data.get("text/plain", ""))


def _split_print(text: str) -> list[Part]:
    """Deal a long print out over several parts, its first line repeated on each."""
    head, *lines = text.rstrip("\n").splitlines() or [""]
    if len(lines) < _LINES_A_SLIDE:
        return [Part("print", text.rstrip("\n"), _GAP + _CODE_LINE * (1 + len(lines)))]
    step = _LINES_A_SLIDE - 1
    chunks = [[head, *lines[k : k + step]] for k in range(0, len(lines), step)]
    return [Part("print", "\n".join(c), _GAP + _CODE_LINE * len(c)) for c in chunks]


def _split_table(html: str) -> list[str]:
    """Deal a long table out over several, its head repeated; what follows it goes with the last."""
    table = bs4.BeautifulSoup(html, "html.parser").find("table")
    if table is None or table.tbody is None or _html_height(html) <= ROOM:
        return [html]
    rows = table.tbody.find_all("tr", recursive=False)
    heights = _row_heights(table)
    head = _GAP + sum(heights[: len(heights) - len(rows)])
    dealt, room = [[]], ROOM - head
    for row, height in zip(rows, heights[-len(rows) :], strict=True):
        if dealt[-1] and room < height:
            dealt.append([])
            room = ROOM - head
        dealt[-1].append(str(row))
        room -= height
    before, rest = html.split("<tbody>", 1)[0], html.rsplit("</table>", 1)[1]
    chunks = [f"{before}<tbody>{''.join(chunk)}</tbody></table>" for chunk in dealt]
    return [*chunks, rest] if rest.strip() else chunks


def _html_height(html: str) -> int:
    soup = bs4.BeautifulSoup(html, "html.parser")
    height = _GAP
    for table in soup.find_all("table"):
        height += sum(_row_heights(table))
        table.extract()
    blocks = [block.get_text() for block in soup.find_all(["p", "li", "summary"])]
    text = sum(_lines(block, _HTML_CHARS) for block in blocks)
    return height + _HTML_LINE * text + 30 * len(soup.find_all("div"))


def _row_heights(table: bs4.Tag) -> list[int]:
    """Return the height of each row, where columns are as wide as their text is long."""
    rows = [
        [len(cell.get_text()) for cell in row.find_all(["td", "th"])]
        for row in table.find_all("tr")
    ]
    longest = [max(column) for column in zip_longest(*rows, fillvalue=0)]
    widths = [max(8, _HTML_CHARS * most // max(1, sum(longest))) for most in longest]
    return [
        14 + _HTML_LINE * max((-(-n // w) for n, w in zip(row, widths, strict=False)), default=1)
        for row in rows
    ]


def _text_height(markdown: str) -> int:
    blocks = [line for line in markdown.splitlines() if line.strip()]
    heading = 40 * len(_HEADING.findall(markdown))
    return heading + sum(10 + _TEXT_LINE * _lines(block, _TEXT_CHARS) for block in blocks)


def _lines(text: str, width: int) -> int:
    return max(1, -(-len(text) // width))
