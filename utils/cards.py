"""The one HTML card of the course: offline, without scripts, readable in both themes.

Colours come from JupyterLab's theme variables where they exist; elsewhere the
card inherits the page's own colour. The edge colours are from the Okabe-Ito
palette, which survives colour blindness; a word always says what the colour says.
"""

from html import escape

EDGE = {
    "error": "#D55E00",
    "warning": "#E69F00",
    "note": "#56B4E9",
    "ok": "#009E73",
    "neutral": "#888888",
}


def card(kind: str, title: str, rows: list[tuple[str, str]], *, label: str | None = None) -> str:
    """Return an HTML card.

    Parameters
    ----------
    kind : str
        A key of ``EDGE``; decides the colour of the left edge.
    title : str
        Plain text, escaped here.
    rows : list of (str, str)
        Term and plain text; both are escaped here. An empty term gives a
        paragraph that spans the card.
    label : str, optional
        The word shown before the title; ``kind`` in capitals unless given.
    """
    body = "".join(
        f"<p style='margin:.35em 0 0 0'>{f'<b>{escape(term)}:</b> ' if term else ''}"
        f"{escape(text).replace(chr(10), '<br>')}</p>"
        for term, text in rows
    )
    word = escape(label if label is not None else kind.upper())
    return (
        f"<div role='note' style='border:1px solid rgba(128,128,128,.45);border-left:6px solid "
        f"{EDGE[kind]};border-radius:3px;padding:.55em .9em;margin:.4em 0;max-width:54em;"
        "color:var(--jp-content-font-color1,inherit);line-height:1.45'>"
        f"<b>{word}</b>&nbsp;&nbsp;{escape(title)}{body}</div>"
    )


def table(header: list[str], rows: list[list[str]], *, caption: str = "") -> str:
    """Return an HTML table of plain-text cells, readable in both themes."""
    cell = "padding:.3em .7em;text-align:left;vertical-align:top;white-space:normal"
    head = "".join(f"<th scope='col' style='{cell}'>{escape(h)}</th>" for h in header)
    body = "".join(
        "<tr>" + "".join(f"<td style='{cell}'>{escape(str(c))}</td>" for c in row) + "</tr>"
        for row in rows
    )
    title = f"<caption style='text-align:left'>{escape(caption)}</caption>" if caption else ""
    return (
        "<table style='border-collapse:collapse;max-width:64em'>"
        f"{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )
