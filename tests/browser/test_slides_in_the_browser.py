"""Decks in a real browser without a network: no request, every slide fits on 16:9."""

from utils.slides import __main__ as command

import pytest

pytest.importorskip("sphinx_revealjs", reason="uv run --all-groups pytest tests/browser")
pytest.importorskip("latex2mathml", reason="uv run --all-groups pytest tests/browser")

CURRENT = """() => {
  const content = Reveal.getCurrentSlide().querySelector(".fit");
  const {left, right, bottom} = content.getBoundingClientRect();
  return {zoom: Number(content.dataset.fitted), long: content.classList.contains("long"),
          left, right, bottom, notes: Reveal.getSlideNotes()};
}"""


@pytest.mark.parametrize("number", ["03", "13", "18"])
def test_every_slide_fits_and_nothing_is_asked_of_the_network(number, chromium, tmp_path):
    command.main([number, "--folder", str(tmp_path)])
    (path,) = tmp_path.glob("*.html")
    context = chromium.new_context(viewport={"width": 1280, "height": 720}, offline=True)
    tab = context.new_page()
    asked, failed = [], []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("pageerror", lambda error: failed.append(str(error)))
    tab.goto(path.as_uri())
    tab.wait_for_function("Reveal.isReady()")
    count = tab.evaluate("Reveal.getTotalSlides()")
    assert count > 20
    seen = []
    for _ in range(count):
        seen.append(tab.evaluate(CURRENT))
        tab.evaluate("Reveal.next()")
    assert tab.evaluate("Reveal.isLastSlide()")
    assert not failed
    assert all(url.startswith(("file:", "data:")) for url in asked), asked
    for position, slide in enumerate(seen):
        assert not slide["long"], position
        assert slide["zoom"] >= 0.6, position
        assert slide["left"] >= 0, position
        assert slide["right"] <= 1280, position
        assert slide["bottom"] <= 720, position
    assert "Say at the start" in seen[0]["notes"]
    fonts = tab.evaluate("[...document.fonts].filter(f => f.status === 'loaded').length")
    assert fonts > 0
    context.close()
