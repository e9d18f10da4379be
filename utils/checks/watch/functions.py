"""tf.function: traced again and again, and Python that runs only while tracing."""

import inspect

import tensorflow as tf

from ..report import Finding
from .reach import loads, reachable
from .subject import Subject

LOADS = ("LOAD_GLOBAL", "LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_ATTR")
MOST = 64  # functions kept in sight; a loop that makes more has been seen to do so


class Functions(Subject):
    """Watches compiled functions from outside."""

    def __init__(self):
        self.seen = {}

    def function_called(self, function) -> None:
        entry = self.seen.get(id(function))
        if entry is None:
            if len(self.seen) >= MOST:
                return
            code = getattr(function.python_function, "__code__", None)
            found = list(reachable(function.python_function))
            entry = {
                "function": function,
                "code": code,
                "calls": 0,
                "traces": function.experimental_get_tracing_count(),
                "before": _outer(found),
                "held": _containers(found),
            }
            self.seen[id(function)] = entry
        entry["calls"] += 1
        if "after" in entry and entry["calls"] & (entry["calls"] - 1) == 0:
            # The object that holds them may be gone when the block ends.
            entry["now"] = _outer(reachable(function.python_function))

    def function_returned(self, function, args) -> None:
        entry = self.seen.get(id(function))
        if entry is None or "after" in entry:
            return
        found = list(reachable(function.python_function))
        entry["after"] = _outer(found)
        entry["first"] = function.experimental_get_tracing_count()
        traced, held = entry["first"] > entry["traces"], entry.pop("held")
        now = _containers(found)
        same = {n for n, (value, _) in now.items() if value is held.get(n, (None, 0))[0]}
        entry["changed"] = [
            n for n, v in entry["after"].items() if traced and n in entry["before"]
            and entry["before"][n] != v and (n in same or n not in now)
        ]  # fmt: skip
        # A list that was made while tracing is the trace's own: what is put in is read again
        # before it ends. Where the trace came before the block, only a list that is no attribute
        # can be told from such a one.
        kept = {
            n: value for n, (value, level) in now.items() if n in same and (traced or not level)
        }
        entry["symbolic"] = _symbolic(kept)

    def findings(self) -> list[Finding]:
        found = []
        for entry in list(self.seen.values()):
            function = entry["function"]
            python = function.python_function
            name = getattr(python, "__name__", "the function")
            total = function.experimental_get_tracing_count()
            traces = total - entry["traces"]
            if traces >= 5 and traces >= 0.3 * entry["calls"]:
                found.append(_retraced(name, traces, entry["calls"]))
            if "after" not in entry:
                continue
            if entry["symbolic"]:
                found.append(_kept_symbol(name, entry["symbolic"]))
            now = entry.get("now", {}) | _outer(reachable(python))
            again = total - entry["first"]
            stuck = [n for n in entry["changed"] if now.get(n) == entry["after"].get(n)]
            if stuck and entry["calls"] >= 3 and not again:
                found.append(_ran_once(name, stuck[0], entry["calls"]))
            moved = [
                n for n, v in now.items()
                if isinstance(v, (int, float)) and not isinstance(v, bool)
                and n in entry["after"] and entry["after"][n] != v
                and n.rpartition(".")[2] in _numbers(python)
            ]  # fmt: skip
            if moved and not again and entry["calls"] >= 2:
                found.append(_frozen(name, moved[0], entry["after"][moved[0]], now[moved[0]]))
        for code in {e["code"]: None for e in self.seen.values() if e["code"] is not None}:
            mine = [e for e in self.seen.values() if e["code"] is code]
            count = sum(e["calls"] <= 2 for e in mine)
            if count >= 5 and not code.co_filename.count("site-packages"):
                found.append(_made_again(code.co_name, count))
        return found


def _outer(reached) -> dict:
    """Return numbers, and the lengths of containers, among what a function can reach."""
    found = {}
    for name, value, level in reached:
        # A flag of an object, such as "built", is switched once and rightly so.
        if (
            isinstance(value, (int, float))
            and level < 2
            and (level == 0 or not isinstance(value, bool))
        ):
            found[name] = value
        elif isinstance(value, (list, set)) or (level == 0 and type(value) is dict):
            found[name] = ("length", len(value))
    return found


def _numbers(function) -> set:
    """Return the names of numbers that the function reads, attributes by their last name."""
    function = inspect.unwrap(getattr(function, "__func__", function))  # of a method, its own code
    code = getattr(function, "__code__", None)
    return set(loads(code, LOADS)) if code else set()


def _containers(found) -> dict:
    """Return the lists and dicts among what a function can reach, by name, with their depth."""
    return {name: (value, level) for name, value, level in found if isinstance(value, (list, dict))}


def _symbolic(containers) -> str:
    """Return the name of a list or dict that holds tensors of a graph, or an empty string."""
    for name, value in containers.items():
        items = list(value.values() if isinstance(value, dict) else value)[-3:]
        if any(_is_symbol(item) for item in items):
            return name
    return ""


def _is_symbol(item) -> bool:
    return isinstance(item, tf.Tensor) and not hasattr(item, "numpy")


def _retraced(name, traces, calls) -> Finding:
    return Finding(
        "retracing",
        "warning",
        f"{name} was traced {traces} times in {calls} calls. Each trace costs as much as many "
        "steps; Python numbers and changing shapes as arguments cause it.",
        {"traces": traces, "calls": calls},
    )


def _made_again(name, count) -> Finding:
    return Finding(
        "retracing",
        "warning",
        f"{count} tf.functions were made from {name}, and each was called once or twice: it is "
        "decorated inside the loop, and each new one is traced from the start.",
        {"functions": count},
        "Decorate the function once, outside the loop.",
    )


def _kept_symbol(name, where) -> Finding:
    return Finding(
        "python-side-effects",
        "error",
        f"{where} holds symbolic tensors: {name} put them there while it was traced. Python code "
        "in a tf.function runs only then, not at every step, and such tensors have no value.",
        {"function": name, "container": where},
    )


def _ran_once(name, what, calls) -> Finding:
    # To count traces like this is the guides' own idiom, and its name tells.
    counts_traces = "trac" in what.lower()
    return Finding(
        "python-side-effects",
        "note" if counts_traces else "warning",
        f"{name} was called {calls} times, but {what}, which it changes, changed only while it was "
        "traced. Python code in a tf.function runs once, at the trace.",
        {"function": name, "variable": what, "calls": calls},
    )


def _frozen(name, what, old, new) -> Finding:
    return Finding(
        "python-side-effects",
        "warning",
        f"{what} went from {old:g} to {new:g}, but {name} was traced when it was {old:g} and keeps "
        "that value: a Python number becomes a constant of the graph.",
        {"function": name, "variable": what, "in the graph": old, "now": new},
        "Make it a tf.Variable, or pass it as a tensor argument.",
    )
