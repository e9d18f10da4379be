"""Ties every experiment to the claims it settles, in reports and in the drift table."""

import pytest


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "settles(claim, verdict): the experiment decides this claim of the ledger"
    )


def pytest_collection_modifyitems(items):
    for item in items:
        for mark in item.iter_markers("settles"):
            item.user_properties.append(("claim", mark.args[0]))


@pytest.fixture(autouse=True)
def seeded(request):
    """Start every experiment of the ledger from the same random state and float32."""
    if request.node.get_closest_marker("settles") is None:
        yield
        return
    import keras

    keras.utils.set_random_seed(0)
    yield
    keras.config.set_dtype_policy("float32")
