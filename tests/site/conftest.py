"""The site, built once for all tests that look at its pages."""

from importlib.util import find_spec

import pytest

from docs import build


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder of the built pages."""
    missing = [name for name in build.NEEDED if find_spec(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed: uv run --group site pytest tests/site")
    folder = tmp_path_factory.mktemp("site") / "pages"
    assert build.site(folder) == 0, "Sphinx has warnings or errors: they stand above"
    return folder
