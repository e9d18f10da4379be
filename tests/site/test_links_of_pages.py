"""The link checker on small pages: each kind of fault is told apart, and no good link accused."""

import pytest

from docs import links


def told(tmp_path, body, **others):
    (tmp_path / "a.html").write_text(body, encoding="utf-8")
    for name, text in others.items():
        (tmp_path / name.replace("_", ".")).write_text(text, encoding="utf-8")
    return [fault.removeprefix("a.html: ") for fault in links.faults(tmp_path)]


@pytest.mark.parametrize(
    "body",
    [
        '<a href="b.html">x</a>',
        '<a href="b.html#there">x</a>',
        '<a href="#here">x</a><p id="here">',
        '<a href="https://github.com/keras-team/keras/issues/1">x</a>',
        '<a href="mailto:somebody@example.org">x</a>',
        '<img src="data:image/png;base64,AAAA">',
        '<link rel="canonical" href="https://example.org/a.html">',
        '<a name="caf&eacute;">x</a><a href="#caf%C3%A9">x</a>',
        "<p style='background: url(b.html)'>",
    ],
)
def test_good(tmp_path, body):
    assert told(tmp_path, body, b_html='<p id="there">') == []


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('<a href="c.html">x</a>', "c.html is not there"),
        ('<a href="b.html#gone">x</a>', "b.html#gone names no anchor of b.html"),
        ('<a href="#gone">x</a>', "#gone names no anchor of a.html"),
        ('<a href="../b.html">x</a>', "../b.html leads out of the site"),
        ('<a href="https:///issues/1">x</a>', "https:///issues/1 names no host"),
        ('<a href="htps://example.org">x</a>', "htps://example.org is no address of the web"),
        ('<img src="gone.png">', "gone.png is not there"),
        (
            '<link rel="stylesheet" href="https://fonts.example.org/x.css">',
            "https://fonts.example.org/x.css is fetched from another host",
        ),
        ('<script src="//cdn.org/x.js"></script>', "//cdn.org/x.js is fetched from another host"),
        (
            "<p style=\"background: url('https://example.org/x.png')\">",
            "https://example.org/x.png is fetched from another host",
        ),
    ],
)
def test_faulty(tmp_path, body, fault):
    assert told(tmp_path, body, b_html='<p id="there">') == [fault]


def test_a_style_sheet_that_fetches_from_elsewhere(tmp_path):
    sheet = "@font-face { src: url(https://fonts.example.org/x.woff) }"
    assert told(tmp_path, "", s_css=sheet) == [
        "s.css: https://fonts.example.org/x.woff is fetched from another host"
    ]
