"""Who hears what is observed, and what the current thread is in the middle of."""

import tensorflow as tf

from .events import Event
from .patching import SWITCHBOARD

HERE = SWITCHBOARD.here
CONTAINERS = ("CompileLoss", "CompileMetrics", "MetricsList")  # Keras' own, around the objects


def deaf() -> bool:
    """Whether nobody listens, or this thread is inside our own observation."""
    return HERE.silent or not SWITCHBOARD.listeners


def emit(event: Event) -> None:
    """Hand an event to all who listen; observing is not itself observed."""
    with SWITCHBOARD.quiet():
        for listener in SWITCHBOARD.listeners:
            listener.receive(event)


class inside:
    """Marks the current thread as being inside a call, for what is called from there."""

    __slots__ = ("entry",)

    def __init__(self, kind, subject=None):
        self.entry = (kind, subject)

    def __enter__(self):
        HERE.stack.append(self.entry)

    def __exit__(self, *exc):
        HERE.stack.pop()


def within(kind: str):
    """Return the innermost object of this kind that the thread is inside of, or None."""
    for entry_kind, subject in reversed(HERE.stack):
        if entry_kind == kind:
            return subject
    return None


def is_within(kind: str) -> bool:
    """Whether the thread is inside of an object of this kind."""
    return any(entry[0] == kind for entry in HERE.stack)


def replicas() -> int:
    """Return how many replicas the strategy in force keeps in step."""
    return tf.distribute.get_strategy().num_replicas_in_sync
