"""A browser, and a copy of the course served by JupyterLab, for the tests of this folder."""

import os
import shutil

import pytest
from lab import ROOT, Lab, serve

# Debian's Chromium calls home when it starts; nothing of that is ours.
QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]


@pytest.fixture(scope="module")
def chromium():
    """A running Chromium, without a window.

    One for each file: while Playwright runs, nothing else in the process can use asyncio.run,
    as nbgrader does.
    """
    api = pytest.importorskip(
        "playwright.sync_api",
        reason="playwright is not installed: uv run --all-groups pytest tests/browser",
    )
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        pytest.skip("no browser is installed (on Debian: apt-get install chromium)")
    root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*QUIET, *root])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def served(chromium, tmp_path_factory):
    """The address and token of JupyterLab, started in a copy of what a learner opens."""
    folder = tmp_path_factory.mktemp("browser")
    course, state = folder / "course", folder / "state"
    for name in ("lessons", ".jupyter"):
        shutil.copytree(ROOT / name, course / name)
    shutil.copy(ROOT / "jupyter_lab_config.py", course)
    state.mkdir()
    with serve(course, state) as (address, token):
        yield address, token


@pytest.fixture
def lab(chromium, served):
    """A fresh tab. A test fails if its page asked another machine, or wrote an error."""
    context = chromium.new_context(viewport={"width": 1300, "height": 1000})
    tab = Lab(context.new_page(), *served)
    yield tab
    context.close()
    assert not tab.foreign, f"the page asked off this machine: {tab.foreign}"
    assert not tab.errors, f"the page wrote errors: {tab.errors}"
