"""A pytest plugin: kernels start in an empty folder instead of their notebook's."""

import tempfile

import nbval.plugin


class _Elsewhere(nbval.plugin.RunningKernel):
    def __init__(self, *args, cwd, **kwargs):
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        super().__init__(*args, cwd=self._folder.name, **kwargs)

    def stop(self):
        super().stop()
        self._folder.cleanup()


def pytest_configure():
    """Put the kernels there; nbval names its class in its own module."""
    nbval.plugin.RunningKernel = _Elsewhere
