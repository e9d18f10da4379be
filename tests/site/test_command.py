"""`python -m docs`: its exit status, and what it says where something is missing or wrong."""

import pytest

import docs.__main__ as command
from docs import build, pdf


@pytest.fixture
def pages(monkeypatch):
    """Stand in for Sphinx: a site of one page, whose body a test sets."""
    body = {"text": "<p>fine</p>", "status": 0}

    def site(output):
        output.mkdir()
        (output / "index.html").write_text(body["text"], encoding="utf-8")
        return body["status"]

    monkeypatch.setattr(build, "site", site)
    monkeypatch.setattr(build, "NEEDED", ())
    return body


def test_a_good_site(pages, tmp_path, capsys):
    assert command.main(["--output", str(tmp_path / "out")]) == 0
    assert "1 pages" in capsys.readouterr().out


def test_a_dead_link_is_an_error_and_is_named(pages, tmp_path, capsys):
    pages["text"] = '<a href="gone.html">x</a>'
    assert command.main(["--output", str(tmp_path / "out")]) == 1
    assert "index.html: gone.html is not there" in capsys.readouterr().err


def test_a_warning_of_sphinx_ends_the_build(pages, tmp_path):
    pages["status"] = 1
    assert command.main(["--output", str(tmp_path / "out")]) == 1


def test_without_the_group_the_way_out_is_told(monkeypatch, capsys):
    monkeypatch.setattr(build, "NEEDED", ("sphinx_that_is_not_there",))
    assert command.main([]) == 2
    told = capsys.readouterr().err
    assert "sphinx_that_is_not_there is missing" in told
    assert "uv run --group site python -m docs" in told


def test_a_pdf_without_a_browser_is_refused_kindly(pages, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(pdf, "browser", lambda: None)
    assert command.main(["--pdf", "--output", str(tmp_path / "out")]) == 2
    assert "apt-get install chromium" in capsys.readouterr().err
