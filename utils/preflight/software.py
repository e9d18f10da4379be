"""What must be installed and work: Python, TensorFlow, a kernel, a training step."""

# A Python too old for the course must get as far as saying so.
from __future__ import annotations

import os
import sys
import tempfile
import time
from importlib import metadata

from .line import Line

KERNEL_LIMIT = 60  # seconds for a kernel to start
LOOP_LIMIT = 20.0  # seconds for ten steps, graph building included
INSTALL = "run `python -m uv sync` in the course's folder"


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
    todo = "" if good else f"{INSTALL}; the outputs were made with 2.21 and 3.15"
    return Line("TensorFlow", shown, todo)


def _version(name: str) -> str | None:
    candidates = (name, f"{name}-cpu") if name == "tensorflow" else (name,)
    for candidate in candidates:
        try:
            return metadata.version(candidate)
        except metadata.PackageNotFoundError:
            continue
    return None


def kernel() -> Line:
    """Start a kernel as JupyterLab does, ask it which Python it is, and stop it."""
    from jupyter_client.manager import start_new_kernel

    start = time.perf_counter()
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
        try:
            manager, client = start_new_kernel(
                startup_timeout=KERNEL_LIMIT, kernel_name="python3", stderr=log
            )
        except RuntimeError as error:
            log.seek(0)
            told = [line for line in log.read().splitlines() if line.strip()] or [str(error)]
            return Line("kernel", "does not start", f"{INSTALL}; it says: {told[-1].strip()}")
    try:
        prefix = _ask(client, "sys.prefix")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    if os.path.realpath(prefix) != os.path.realpath(sys.prefix):
        todo = "remove the kernel `python3` of that Python (`jupyter kernelspec list` names it)"
        return Line("kernel", f"is another Python's: {prefix}", todo)
    return Line("kernel", f"answers in {time.perf_counter() - start:.1f} s")


def _ask(client, expression: str) -> str:
    """Return what a kernel prints for an expression on `sys`."""
    printed: list[str] = []

    def collect(message):
        if message["msg_type"] == "stream":
            printed.append(message["content"]["text"])

    client.execute_interactive(
        f"import sys; print({expression})", timeout=KERNEL_LIMIT, output_hook=collect
    )
    return "".join(printed).strip()


def loop() -> Line:
    """Train for ten steps and look whether the loss is finite and falls."""
    start = time.perf_counter()
    losses = _ten_steps()
    seconds = time.perf_counter() - start
    shown = f"loss {losses[0]:.2f} → {losses[-1]:.2f} in {seconds:.1f} s"
    if not losses[-1] < losses[0]:
        return Line("ten steps", shown, "the loss should fall: please report this machine")
    slow = "slow: close other programs, or a lesson may take minutes"
    return Line("ten steps", shown, advice=slow if seconds > LOOP_LIMIT else "")


def _ten_steps() -> list[float]:
    import keras
    import tensorflow as tf

    from .. import data

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
