"""Run the thirty-second tests of the register on a broken and on a healthy case.

``python -m docs.guide.trial`` runs all of them, or those that are named, and prints
what each said as JSON. It has a process of its own, because two logical devices,
which the tests on replicas need, can be had from the start of a process only.
"""

from utils import pitfalls

import importlib
import json
import pkgutil
import sys
import warnings
from collections.abc import Callable

CASES: dict[str, list[Callable[[bool], dict]]] = {}
FIGURES: dict[str, Callable] = {}


def case(id: str):
    """Register a function that takes ``broken`` and returns the names that a probe uses.

    A pitfall may have several.
    """

    def register(function):
        CASES.setdefault(id, []).append(function)
        return function

    return register


def figure(*ids: str):
    """Register a function that returns a figure and its reading, for one or more pitfalls."""

    def register(function):
        FIGURES.update(dict.fromkeys(ids, function))
        return function

    return register


def load() -> None:
    """Fill both registers; before, ask for two logical devices."""
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    package = importlib.import_module("docs.guide.runs")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")


def outcome(id: str, run: Callable[[bool], dict], broken: bool) -> str:
    """Run a probe on one case; return what its assertion said, or nothing if it was silent."""
    import keras
    import numpy as np
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names = {"np": np, "tf": tf, "keras": keras, **run(broken)}
        try:
            exec(pitfalls.get(id).probe, names)
        except AssertionError as told:
            return str(told) or "an assertion without a message"
    return ""


def both(id: str, run: Callable[[bool], dict]) -> dict[str, str]:
    """Run a probe on the broken and on the healthy form of a case."""
    told = {"case": run.__name__}
    try:
        return told | {"broken": outcome(id, run, True), "healthy": outcome(id, run, False)}
    except Exception as problem:
        return told | {"error": f"{type(problem).__name__}: {problem}"}


def main(ids: list[str]) -> int:
    """Print the outcomes of these probes, or of all, as JSON."""
    load()
    told = {id: [both(id, run) for run in CASES[id]] for id in ids or CASES}
    print(json.dumps(told, indent=1, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    # The modules of the cases must fill the registers of this module, not of a second one.
    from docs.guide import trial

    sys.exit(trial.main(sys.argv[1:]))
