"""What the machine must offer: memory, disk, places to write, a port, a browser."""

import os
import shutil
import socket
import webbrowser
from pathlib import Path

from .line import Line

MEMORY_NEEDED = 1.5  # GiB; a lesson's kernel takes 0.6, JupyterLab and a browser the rest
DISK_NEEDED = 0.2  # GiB, for notebooks and progress
PORTS = range(8888, 8939)  # where JupyterLab looks, one after the other
LESSONS = Path(__file__).resolve().parents[2] / "lessons"
CGROUP = Path("/sys/fs/cgroup")

# JupyterLab needs more than a text browser can do.
_TEXT_BROWSERS = {"www-browser", "links", "elinks", "lynx", "w3m"}


def memory() -> Line:
    """Look at the memory that is free, to this machine or to this container."""
    import psutil

    free = min(psutil.virtual_memory().available, _container_free()) / 2**30
    todo = f"close other programs: {MEMORY_NEEDED} GiB are needed" if free < MEMORY_NEEDED else ""
    return Line("memory", f"{free:.1f} GiB free", todo)


def _container_free() -> float:
    """Return the bytes that the container's limit (cgroup v2) leaves; infinity without one."""
    try:
        limit = (CGROUP / "memory.max").read_text(encoding="ascii").strip()
        used = int((CGROUP / "memory.current").read_text(encoding="ascii"))
    except OSError:
        return float("inf")
    return float("inf") if limit == "max" else int(limit) - used


def disk() -> Line:
    """Look at the room on the disk that the course stands on."""
    free = shutil.disk_usage(_notebooks()).free / 2**30
    todo = f"free some disk space: {DISK_NEEDED} GiB are needed" if free < DISK_NEEDED else ""
    return Line("disk", f"{free:.1f} GiB free", todo)


def notebooks() -> Line:
    """Try to write where the lessons are saved."""
    return _writable(
        "notebooks", _notebooks(), "copy the course to a folder of your own and start it there"
    )


def progress() -> Line:
    """Try to write where progress is kept."""
    from ..exercises.progress import state_dir

    todo = "set LOSS_AND_FOUND_STATE to a folder you can write to"
    return _writable("progress", state_dir(), todo)


def _notebooks() -> Path:
    """Return the lessons' folder; the current one where the checks alone are installed."""
    return LESSONS if LESSONS.exists() else Path.cwd()


def _writable(subject: str, folder: Path, todo: str) -> Line:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.write_text("x", encoding="ascii")
        probe.unlink()
    except OSError as error:
        return Line(subject, f"cannot be saved ({error.strerror})", f"{todo} ({folder} is none)")
    return Line(subject, "can be saved")


def port() -> Line:
    """Look for a port that JupyterLab can listen on."""
    for number in PORTS:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", number))
            except OSError:
                continue
        return Line("port", f"{number} is free")
    return Line(
        "port",
        f"none free from {PORTS[0]} to {PORTS[-1]}",
        "stop other servers (`jupyter server list` names them), or start with --port=0",
    )


def browser() -> Line:
    """Look for a browser that JupyterLab can open by itself.

    None is no fault: a server has none, and the link works from elsewhere.
    """
    try:
        found = webbrowser.get()
    except webbrowser.Error:
        name = None
    else:
        name = getattr(found, "name", type(found).__name__)
    if name is None or Path(name).name in _TEXT_BROWSERS:
        advice = "open the link http://127.0.0.1:… that JupyterLab prints in any browser"
        return Line("browser", "none to open by itself", advice=advice)
    return Line("browser", Path(name).name)
