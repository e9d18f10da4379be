"""Python values that a trace turns into constants: numbers as arguments, random numbers."""

import tensorflow as tf

from ..report import Finding
from .subject import Subject

MANY = 5  # traces for as many numbers
OFTEN = 3  # looks at the calls of one graph


class Literals(Subject):
    """Watches what tf.function and Dataset.map take from Python while they are traced."""

    def __init__(self):
        self.numbers = {}  # numbers passed, by the function and its other arguments
        self.drawn = {}  # looks at graphs that hold a number drawn while they were traced
        self.mapped = {}

    def graph_added(self, graph) -> None:
        """Note the Python numbers among the arguments a graph was traced for."""
        flat = tf.nest.flatten(graph.structured_input_signature)
        numbers = tuple(v for v in flat if _is_number(v))
        others = tuple("number" if _is_number(v) else repr(v) for v in flat)
        if numbers:
            self.numbers.setdefault((graph.name, others), set()).add(numbers)

    def on_drawn(self, event, look) -> None:
        # What a function draws for variables that it makes is drawn in a trace that runs once.
        if look is not None:
            key = event.info["graph"], event.info["by"]
            self.drawn[key] = self.drawn.get(key, 0) + 1

    def on_mapped(self, event, look) -> None:
        self.mapped[event.info["by"]] = True

    def findings(self) -> list[Finding]:
        found = [_retraced(k[0], v) for k, v in self.numbers.items() if len(v) >= MANY]
        found += [_constant(*key) for key, looks in self.drawn.items() if looks >= OFTEN]
        return found + [_mapped(name) for name in self.mapped]


def _is_number(value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _retraced(name, numbers) -> Finding:
    shown = ", ".join(f"{v[0]:.4g}" for v in sorted(numbers)[:3])
    return Finding(
        "retracing",
        "warning",
        f"{name} was traced {len(numbers)} times, once for each Python number it was given "
        f"({shown}, …): to tf.function such a number is part of the program, not an input.",
        {"traces": len(numbers), "numbers": shown},
        "Pass it as a tensor: tf.constant(value), or keep it in a tf.Variable.",
    )


def _constant(name, by) -> Finding:
    return Finding(
        "python-side-effects",
        "warning",
        f"{by} was called while {name} was traced. Python runs only then: what it drew is a "
        "constant of the graph, and every call uses the same numbers.",
        {"function": name, "drawn by": by},
        "Draw with tf.random inside the function, or pass the numbers in as an argument.",
    )


def _mapped(by) -> Finding:
    return Finding(
        "python-side-effects",
        "warning",
        f"{by} was called while the function of Dataset.map was traced. Python runs only then: "
        "every element gets the same numbers.",
        {"drawn by": by},
        "Draw with tf.random in the mapped function, or wrap it in tf.numpy_function.",
    )
