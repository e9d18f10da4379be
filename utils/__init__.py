"""Checks, plots, data and exercises of the course Loss & Found.

Import this package before TensorFlow: it asks TensorFlow to start without its
start-up messages. Submodules are loaded on first use, so that ``import utils``
by itself costs next to nothing.

In the course the package is called ``utils``. Installed from a wheel it is
called ``loss_and_found``, so that it can stand beside a project's own ``utils``.
"""

import importlib
import os

__all__ = ["checks", "claims", "data", "exercises", "pitfalls", "plots", "reference"]

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
if __name__ == "utils":
    # The oneDNN notice is printed before any log level applies. Switching oneDNN
    # off may move the last digits of a result, so only the course does it: the
    # package taken home must not change a reader's numbers.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")


def __getattr__(name):
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])


def load_ipython_extension(shell):
    """Add the ``%%watch`` cell magic to a notebook: ``%load_ext utils``."""
    from .checks.magic import WatchMagics

    shell.register_magics(WatchMagics)
