"""Slides as one HTML file: reveal.js, its fonts and styles inside, formulas as MathML."""

import base64
import re
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path

from latex2mathml.converter import convert
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from .deck import Part, Slide, Stack

REVEAL = Path(str(files("sphinx_revealjs"))) / "_static" / "revealjs"
HERE = Path(__file__).parent

_FONT = re.compile(r"url\('(?:\./)?([\w.-]+\.woff)'\)\s*format\('woff'\)")
_NOTEBOOK = re.compile(r'href="(?:\.\./(?:lessons|solutions)/)?(\d\d_\w+)\.ipynb')


class _Renderer(IPythonRenderer):
    """Markdown as nbconvert renders it, but formulas become MathML: no script, no fonts."""

    def block_math(self, body: str) -> str:
        return convert(body.strip(), display="block")

    def inline_math(self, body: str) -> str:
        return convert(body.strip(), display="inline")


def markdown(source: str) -> str:
    """Render Markdown; links to notebooks lead to their slides."""
    html = MarkdownWithMath(renderer=_Renderer(escape=False, exclude_anchor_links=True)).render(
        source
    )
    return _NOTEBOOK.sub(r'href="\1.html', html)


def page(title: str, stacks: list[Stack]) -> str:
    """Return the whole document."""
    body = "\n".join(_stack(title, stack) for stack in stacks)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_styles()}</style>
</head>
<body>
<main><div class="reveal"><div class="slides">
{body}
</div></div></main>
<script>{_script(REVEAL / "dist" / "reveal.js")}</script>
<script>{_script(REVEAL / "plugin" / "notes" / "notes.js")}</script>
<script>{_script(HERE / "deck.js")}</script>
</body>
</html>
"""


def _stack(lesson: str, stack: Stack) -> str:
    running = lesson if stack.title == lesson else f"{lesson} — {stack.title}"
    return f"<section>{''.join(_slide(running, slide) for slide in stack.slides)}</section>"


def _slide(running: str, slide: Slide) -> str:
    notes = "".join(map(markdown, slide.notes))
    aside = f'<aside class="notes">{notes}</aside>' if notes else ""
    content = "".join(map(_part, slide.parts))
    running = markdown(running).removeprefix("<p>").removesuffix("</p>\n")
    body = f'<p class="running">{running}</p><div class="fit">{content}</div>{aside}'
    return f"<section>{body}</section>"


def _part(part: Part) -> str:
    match part.kind:
        case "text":
            return f'<div class="text">{markdown(part.source)}</div>'
        case "code":
            return highlight(part.source, PythonLexer(), HtmlFormatter(cssclass="code"))
        case "print":
            return f'<pre class="print">{escape(part.source)}</pre>'
        case "html":
            return f'<div class="html">{part.source}</div>'
        case _:
            image = part.source.replace("\n", "")
            return f'<img src="data:image/png;base64,{image}" alt="{escape(part.alt)}">'


@cache
def _styles() -> str:
    white = (REVEAL / "dist" / "theme" / "white.css").read_text(encoding="utf-8")
    return "\n".join(
        [
            (REVEAL / "dist" / "reveal.css").read_text(encoding="utf-8"),
            _fonts(),
            re.sub(r"@import url\([^)]*\);", "", white),
            HtmlFormatter(style="default").get_style_defs(".code"),
            (HERE / "deck.css").read_text(encoding="utf-8"),
        ]
    )


def _fonts() -> str:
    """Return the theme's font faces with the fonts themselves in place of their addresses."""
    folder = REVEAL / "dist" / "theme" / "fonts" / "source-sans-pro"
    faces = (folder / "source-sans-pro.css").read_text(encoding="utf-8").split("@font-face")[1:]
    built = []
    for face in faces:
        font = base64.b64encode((folder / _FONT.search(face)[1]).read_bytes()).decode("ascii")
        kept = re.findall(r"font-(?:family|weight|style): [^;]+;", face)
        source = f"src: url(data:font/woff;base64,{font}) format('woff');"
        built.append(f"@font-face {{ {' '.join(kept)} {source} }}")
    return "\n".join(built)


def _script(path: Path) -> str:
    """Return a script such that no string in it can end the element it stands in."""
    return path.read_text(encoding="utf-8").replace("</script", r"<\/script")
