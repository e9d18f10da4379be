"""A pytest plugin: how many workers there are, and the order in which files are handed to them.

Notebooks come first, the later and longer lessons before the earlier ones; then
the dear files of tests; small files last, so that all workers end together.
"""

from pathlib import Path

import psutil

# Dearest first, by CPU time; `--durations=0` shows when a file belongs here.
DEAR = (
    "checks/test_watch_matrix_b.py",
    "checks/test_watch_matrix.py",
    "checks/test_watch_matrix_d.py",
    "checks/test_watch_matrix_c.py",
    "exercises/test_lesson_20.py",
    "lessons/test_20.py",
    "lessons/test_12.py",
    "exercises/test_lesson_03.py",
    "checks/test_watch.py",
    "lessons/test_19.py",
    "exercises/test_lesson_19.py",
    "lessons/test_10.py",
)


def turn(path: Path) -> tuple[int, int]:
    """Return what a file is sorted by."""
    if path.suffix == ".ipynb":
        return 0, -int(path.stem[:2]) if path.stem[:2].isdigit() else 0
    name = f"{path.parent.name}/{path.name}"
    return 1, DEAR.index(name) if name in DEAR else len(DEAR)


def pytest_collection_modifyitems(items):
    """Sort, keeping the order inside each file; every worker comes to the same."""
    items.sort(key=lambda item: turn(item.path))


def pytest_xdist_auto_num_workers():
    """Start one worker more than there are cores: one that waits for its kernel leaves room."""
    return (psutil.cpu_count() or 1) + 1
