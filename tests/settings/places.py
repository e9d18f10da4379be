"""Where a setting runs: in this checkout, in a copy of it, read-only, or without a network."""

from utils import edition

import os
import platform
import shutil
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = edition.ROOT
_LEFT_OUT = (".git", ".venv", "node_modules", "__pycache__", ".*_cache", ".hypothesis", "_build")

# Brings up the loopback interface of a fresh network namespace: kernels talk over it.
# 0x8914 is SIOCSIFFLAGS, 0x1 | 0x40 are IFF_UP and IFF_RUNNING.
_LOOPBACK = """
import fcntl, os, socket, struct, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x40))
os.execvp(sys.argv[1], sys.argv[1:])
"""
_READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && cd "$0" && exec "$@"'


@dataclass(frozen=True)
class Place:
    """A checkout, and what to write before a command so that it runs as the setting wants.

    Attributes
    ----------
    checkout : Path
    prefix : tuple of str
    plugins : tuple of str
        Of pytest, besides the course's own.
    """

    checkout: Path
    prefix: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()


def prepare(name: str, work: Path) -> Place:
    """Make a place ready; `work` is where copies go."""
    if name == "elsewhere":
        return Place(_copy(work / "another place, là"), plugins=("tests.settings.elsewhere",))
    if name == "offline":
        return Place(ROOT, (*_unshare("--net"), sys.executable, "-c", _LOOPBACK))
    if name == "read-only" and platform.system() == "Linux":
        return Place(ROOT, (*_unshare("--mount"), "sh", "-c", _READ_ONLY, str(ROOT)))
    if name == "read-only":
        return Place(_without_write_permission(_copy(work / "read-only")))
    return Place(ROOT)


def _unshare(kind: str) -> tuple[str, ...]:
    """Return the command for a namespace of one's own; one's own user's, unless that is root."""
    return ("unshare", kind) if os.geteuid() == 0 else ("unshare", "--map-root-user", kind)


def _copy(target: Path) -> Path:
    if target.exists():
        _walk(target, lambda mode: mode | stat.S_IWUSR)
        shutil.rmtree(target)
    return Path(shutil.copytree(ROOT, target, ignore=shutil.ignore_patterns(*_LEFT_OUT)))


def _without_write_permission(target: Path) -> Path:
    _walk(target, lambda mode: mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    return target


def _walk(top: Path, change) -> None:
    for path in (top, *top.rglob("*")):
        path.chmod(change(path.stat().st_mode))
