"""What the Python function behind a compiled step can reach: its closure, globals, and self."""

import dis
import functools
import weakref
from collections import deque
from itertools import islice

import keras
import tensorflow as tf

DEPTH = 3
MOST = 2000
WIDTH = 50  # items of a container that are looked at
LIBRARIES = ("keras", "tensorflow", "numpy", "builtins")


def names_of(function) -> dict:
    """Return what a function's code refers to outside itself: closure and globals."""
    function = getattr(function, "__func__", function)
    code = getattr(function, "__code__", None)
    if code is None:
        return {}
    found = _closure(function)
    for name in loads(code, ("LOAD_GLOBAL", "STORE_GLOBAL")):
        value = function.__globals__.get(name)
        if value is not None:
            found[name] = value
    return found


@functools.lru_cache(maxsize=256)
def loads(code, kinds) -> tuple[str, ...]:
    """Return the names that the instructions of these kinds refer to, each once."""
    return tuple(dict.fromkeys(i.argval for i in _instructions(code) if i.opname in kinds))


def _closure(function) -> dict:
    code = getattr(function, "__code__", None)
    found = {}
    for name, cell in zip(
        code.co_freevars if code else (), function.__closure__ or (), strict=False
    ):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not yet bound
            continue
    return found


def _instructions(code):
    for instruction in dis.get_instructions(code):
        yield instruction
        if hasattr(instruction.argval, "co_code"):
            yield from _instructions(instruction.argval)


def reachable(function, depth: int = DEPTH):
    """Yield (name, value, depth) of what a Python function can reach, each value once."""
    owner = getattr(function, "__self__", None)
    todo = deque((name, value, 0) for name, value in names_of(function).items())
    if owner is not None:
        todo.append(("self", owner, 0))
    seen = set()
    while todo and len(seen) < MOST:
        name, value, level = todo.popleft()
        if isinstance(value, weakref.ref):
            name, value = "self", value()
        if isinstance(value, (int, float)):  # small numbers are one object under many names
            yield name, value, level
            continue
        if id(value) in seen:
            continue
        seen.add(id(value))
        yield name, value, level
        if level < depth:
            todo += [(inner, found, level + 1) for inner, found in _inside(name, value)]


def _inside(name, value):
    if isinstance(value, dict):
        return [(f"{name}[{key!r}]", item) for key, item in islice(value.items(), WIDTH)]
    if isinstance(value, (list, tuple)):
        return [(f"{name}[{i}]", item) for i, item in enumerate(value[:WIDTH])]
    if callable(value) and hasattr(value, "python_function"):
        return list(names_of(value.python_function).items())
    if hasattr(value, "__code__") or hasattr(value, "__func__"):
        module = getattr(value, "__module__", "") or ""
        if module.split(".")[0] in LIBRARIES:
            # The steps of fit are closures in which the model is found.
            return list(_closure(getattr(value, "__func__", value)).items())
        return [*names_of(value).items(), ("self", getattr(value, "__self__", None))]
    own = [] if _of_a_library(value) or not hasattr(value, "__dict__") else _attributes(name, value)
    if isinstance(value, keras.Model):
        metrics = [(m.name, m) for m in value.metrics] if value.built else []
        return own + metrics
    return own


def _of_a_library(value) -> bool:
    return type(value).__module__.split(".")[0] in LIBRARIES


def _attributes(name, value):
    """Return the attributes a program gave an object; of a layer or module, not the library's."""
    hidden = isinstance(value, (keras.layers.Layer, tf.Module))
    return [
        (f"{name}.{key}", item)
        for key, item in vars(value).items()
        if not (hidden and key.startswith("_"))
    ]
