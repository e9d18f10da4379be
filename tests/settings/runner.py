"""Run one notebook under one setting: pytest with nbval, as the README's test command does."""

from utils import edition

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.settings import proof
from tests.settings.catalogue import Setting
from tests.settings.places import ROOT, Place
from tests.settings.places import prepare as prepare_place
from tests.settings.results import Result, fingerprint

PATIENCE = 1800  # seconds for one notebook: a capped setting on a busy machine is slow
_FAILED = re.compile(r"^(?:FAILED|ERROR) \S*?(?:::(Cell \d+))?(?: - .*)?$", re.MULTILINE)


class NotToBeHad(Exception):
    """The setting cannot be made here, or did not take hold; the text says why."""


@dataclass(frozen=True)
class Ready:
    """A setting, with the interpreter and the place it runs in."""

    setting: Setting
    python: str
    place: Place

    def command(self, *arguments: str) -> list[str]:
        """Return the command line that runs Python in the setting."""
        return [*self.place.prefix, self.python, *arguments]

    def environment(self) -> dict[str, str]:
        """Return the variables, with this checkout's `utils` before any installed one."""
        return {
            **os.environ,
            "PYTHONPATH": str(self.place.checkout),
            proof.PYTHON: self.setting.python,
            **self.setting.environment,
        }


def select(names: list[str]) -> list[Path]:
    """Return the notebooks of both editions with these numbers or names; all for none."""
    chosen = edition.select(names)
    return [folder / p.name for p in chosen for folder in (edition.SOLUTIONS, edition.LESSONS)]


def name(notebook: Path) -> str:
    """Return a notebook's name, such as ``"lessons/03_double_softmax"``."""
    return f"{notebook.parent.name}/{notebook.stem}"


def prepare(setting: Setting, work: Path) -> Ready:
    """Make a setting ready and prove that it acts.

    Raises
    ------
    NotToBeHad
        With what was said.
    """
    work.mkdir(parents=True, exist_ok=True)
    python = _interpreter(setting.python, work) if setting.python else sys.executable
    ready = Ready(setting, python, prepare_place(setting.place, work))
    command = ready.command("-m", "tests.settings.proof", *setting.proofs)
    done = _run(command, ready.environment(), ready.place.checkout)
    if done.returncode:
        raise NotToBeHad(_end(done.stderr or done.stdout))
    return ready


def _interpreter(version: str, work: Path) -> str:
    """Install the lock for a Python version beside the others; return the interpreter."""
    folder = work / f"env-{version}"
    command = [sys.executable, "-m", "uv", "sync", "--frozen", "--no-install-project"]
    environment = {k: v for k, v in os.environ.items() if k != "VIRTUAL_ENV"}
    environment["UV_PROJECT_ENVIRONMENT"] = str(folder)
    done = _run([*command, "--python", version], environment, ROOT)
    if done.returncode:
        raise NotToBeHad(_end(done.stderr))
    inside = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    return str(inside)


def run(ready: Ready, notebook: Path) -> Result:
    """Run a notebook under a setting and compare every output."""
    copy = ready.place.checkout / notebook.relative_to(ROOT)
    plugins = ("no:cacheprovider", "no:tests.kernel_budget", *ready.place.plugins)
    options = [
        "-n",
        "0",
        "--nbval-cell-timeout=900",
        "--tb=short",
        "--durations=1",
        "--color=no",
        "-vv",
    ]
    command = ready.command(
        "-m", "pytest", *(part for p in plugins for part in ("-p", p)), *options, str(copy)
    )
    mark, start = fingerprint(notebook), time.perf_counter()
    done = _run(command, ready.environment(), ready.place.checkout)
    seconds = round(time.perf_counter() - start, 1)
    passed = done.returncode == 0
    return Result(
        ready.setting.name,
        name(notebook),
        passed,
        mark,
        seconds,
        [] if passed else [cell for cell in _FAILED.findall(done.stdout) if cell],
        "" if passed else _end(done.stdout + done.stderr, 6000),
    )


def line(result: Result) -> str:
    """Return what a person who waits wants to read."""
    verdict = "passed" if result.passed else f"FAILED {', '.join(result.cells) or 'to run'}"
    return f"{result.setting:12} {result.notebook:42} {verdict} ({result.seconds:.0f} s)"


def _run(command, environment, folder):
    try:
        return subprocess.run(
            command,
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired as late:
        told = f"no end after {late.timeout:.0f} s"
        return subprocess.CompletedProcess(command, 1, "", told)
    except OSError as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))


def _end(text: str, length: int = 600) -> str:
    text = re.sub(r"\x1b\[[0-9;]*m", "", text).strip()
    return text if len(text) <= length else f"…{text[-length:]}"
