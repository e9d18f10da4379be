"""The built site in a real browser, wide and narrow, light and dark."""

import functools
import http.server
import threading
from importlib.util import find_spec

import pytest

from docs import build

PAGES = (
    "index.html",
    "lessons/03_double_softmax.html",
    "lessons/13_low_loss_low_precision.html",
    "fieldguide/index.html",
    "fieldguide/mispaired-gradients.html",
    "api/checks.html",
)
NOT_SEEN = "[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)"
TOO_WIDE = "document.documentElement.scrollWidth - window.innerWidth"


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and writes nothing of it."""

    def log_message(self, *args):
        """Say nothing."""


@pytest.fixture(scope="module")
def address(chromium, tmp_path_factory):
    """The address of the site, built anew and served on this machine."""
    missing = [name for name in build.NEEDED if find_spec(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed: uv run --all-groups pytest")
    folder = tmp_path_factory.mktemp("site") / "pages"
    assert build.site(folder) == 0
    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(params=[(1400, "light"), (390, "dark")], ids=["wide-light", "narrow-dark"])
def tab(request, chromium, address):
    """A fresh tab. A test fails if its page asked another machine, or wrote an error."""
    width, scheme = request.param
    context = chromium.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, base_url=address
    )
    page, foreign, errors = context.new_page(), [], []
    page.on("request", lambda r: r.url.startswith((address, "data:")) or foreign.append(r.url))
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert not foreign, f"the page asked off this machine: {foreign}"
    assert not errors, f"the page wrote errors: {errors}"


@pytest.mark.parametrize("path", PAGES)
def test_a_page_shows_its_pictures_and_fits_its_window(tab, path):
    tab.goto(path, wait_until="networkidle")
    assert tab.evaluate(NOT_SEEN) == []
    assert tab.evaluate(TOO_WIDE) <= 0


@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_serious(tab, path):
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="uv run --all-groups pytest tests/browser"
    )
    tab.goto(path, wait_until="networkidle")
    found = axe.Axe().run(tab).response["violations"]
    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []


def test_formulas_are_set_in_fonts_of_the_site(tab):
    tab.goto("lessons/03_double_softmax.html", wait_until="networkidle")
    assert tab.locator("mjx-container").count() > 3
    assert tab.evaluate("[...document.fonts].some(f => f.family.startsWith('MJX'))")


def test_a_solution_is_hidden_until_its_fold_is_opened(tab):
    tab.goto("lessons/03_double_softmax.html")
    fold = tab.locator("details.solution").nth(2)
    code = fold.locator(".cell_input").first
    assert not code.is_visible()
    fold.locator("summary").click()
    assert code.is_visible()
    assert "Dense(num_classes)" in code.inner_text()
    assert "Correct" in fold.locator(".cell_output").first.inner_text()


def test_the_search_finds_a_pitfall_by_its_symptom(tab):
    tab.goto("search.html?q=memorised")
    hits = tab.locator("#search-results li a")
    hits.first.wait_for()
    addresses = hits.evaluate_all("links => links.map(a => a.getAttribute('href'))")
    assert any("fieldguide/" in a for a in addresses), addresses
    assert not any("print.html" in a for a in addresses), addresses
