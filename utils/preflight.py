"""The pre-flight check: will the course run on this machine?

``python -m utils.preflight`` prints a line for each question, "OK" or what to
do, and exits with 1 if something must be done first.
"""

import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata

MEMORY_NEEDED = 1.5  # GiB; a lesson's kernel takes 0.6, JupyterLab and a browser the rest
DISK_NEEDED = 0.2  # GiB, for notebooks and progress
LOOP_LIMIT = 20.0  # seconds for ten steps, graph building included


@dataclass(frozen=True)
class Line:
    """One answer: what was looked at, what was found, and what to do if it will not do."""

    subject: str
    found: str
    todo: str = ""

    @property
    def ok(self) -> bool:
        return not self.todo

    def __str__(self) -> str:
        verdict = "OK" if self.ok else f"TO DO: {self.todo}"
        return f"{self.subject:<12} {self.found:<38} {verdict}"


def python() -> Line:
    """Look at the Python version: TensorFlow 2.21 has wheels for 3.11 to 3.13."""
    found = ".".join(map(str, sys.version_info[:3]))
    good = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return Line("Python", found, "" if good else "use Python 3.11, 3.12 or 3.13")


def packages() -> Line:
    """Look at the versions the course was written for."""
    wanted = {"keras": "3.15.", "tensorflow": "2.21."}
    found = {name: _version(name) for name in wanted}
    shown = ", ".join(f"{name} {version or 'missing'}" for name, version in found.items())
    good = all((found[name] or "").startswith(prefix) for name, prefix in wanted.items())
    todo = "" if good else "run `python -m uv sync`; the outputs were made with 2.21 and 3.15"
    return Line("TensorFlow", shown, todo)


def _version(name: str) -> str | None:
    candidates = (name, f"{name}-cpu") if name == "tensorflow" else (name,)
    for candidate in candidates:
        try:
            return metadata.version(candidate)
        except metadata.PackageNotFoundError:
            continue
    return None


def memory() -> Line:
    """Look at the memory that is free, where the system tells."""
    free = _free_memory()
    if free is None:
        return Line("memory", "this system does not tell")
    todo = f"close other programs: {MEMORY_NEEDED} GiB are needed" if free < MEMORY_NEEDED else ""
    return Line("memory", f"{free:.1f} GiB free", todo)


def _free_memory() -> float | None:
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) / 2**20
    except OSError:
        return None
    return None


def disk() -> Line:
    """Look for a place to keep progress: can it be written, and is there room?"""
    from .exercises import state_dir

    folder = state_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.write_text("x", encoding="ascii")
        probe.unlink()
        free = shutil.disk_usage(folder).free / 2**30
    except OSError as error:
        todo = "set LOSS_AND_FOUND_STATE to a folder you can write to"
        return Line("progress", f"cannot be saved ({error.strerror})", todo)
    todo = f"free some disk space: {DISK_NEEDED} GiB are needed" if free < DISK_NEEDED else ""
    return Line("progress", f"can be saved, {free:.1f} GiB free", todo)


def loop() -> Line:
    """Train for ten steps and look whether the loss is finite and falls."""
    start = time.perf_counter()
    try:
        losses = _ten_steps()
    except Exception as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else "no message"
        return Line("ten steps", f"{type(error).__name__}", f"TensorFlow says: {first[:200]}")
    seconds = time.perf_counter() - start
    shown = f"loss {losses[0]:.2f} → {losses[-1]:.2f} in {seconds:.1f} s"
    if not losses[-1] < losses[0]:
        return Line("ten steps", shown, "the loss should fall: please report this machine")
    slow = "very slow: a lesson may take minutes" if seconds > LOOP_LIMIT else ""
    return Line("ten steps", shown, slow)


def _ten_steps() -> list[float]:
    import keras
    import tensorflow as tf

    from . import data

    digits = data.digits()
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Input((64,)), keras.layers.Dense(10)])
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(0.05)
    losses = []
    for _ in range(10):
        with tf.GradientTape() as tape:
            loss = loss_fn(digits.y_train, model(digits.x_train, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        losses.append(float(loss))
    return losses


CHECKS: tuple[Callable[[], Line], ...] = (python, packages, memory, disk, loop)


def run() -> list[Line]:
    """Run every check, printing each line as soon as it is known.

    Returns
    -------
    list of Line
    """
    lines = []
    for check in CHECKS:
        lines.append(check())
        print(lines[-1], flush=True)
    todo = [line for line in lines if not line.ok]
    print("Ready." if not todo else f"{len(todo)} thing{'s'[: len(todo) != 1]} to do first.")
    return lines


if __name__ == "__main__":
    sys.exit(any(not line.ok for line in run()))
