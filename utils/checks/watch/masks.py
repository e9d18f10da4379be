"""Padded positions: masks that are lost, and padding that is counted."""

import keras
import numpy as np
import tensorflow as tf

from ..report import Finding
from .events import shape_of
from .subject import Subject, name_of

SHARE = 0.1


class Masks(Subject):
    """Watches losses and metrics over sequences."""

    def __init__(self):
        self.emitted = False  # whether scores came with a mask
        self.made = False  # whether a layer makes one
        self.x = None
        self.padded = {}
        self.open = []  # losses per position of functions, and what is padding in them

    def on_model(self, event, look) -> None:
        outputs = tf.nest.flatten(event.info["outputs"])
        ranked = [t for t in outputs if len(shape_of(t) or ()) >= 3]
        if any(getattr(t, "_keras_mask", None) is not None for t in ranked):
            self.emitted = True
        if not self.made and hasattr(event.subject, "_flatten_layers"):
            self.made = any(_makes_mask(layer) for layer in event.subject._flatten_layers())
        first = tf.nest.flatten(event.tensors["x"])
        self.x = first[0] if first else None

    def on_loss(self, event, look) -> None:
        settings = getattr(event.subject, "_fn_kwargs", {})
        skips = (
            event.info["masked"]
            or event.tensors.get("sample_weight") is not None
            or settings.get("ignore_class") is not None
            or event.subject.reduction in (None, "none")
            or _own(event.subject)
        )
        self._look("loss", name_of(event.subject), "y_true", "y_pred", event, look, skips)

    def on_cross_entropy(self, event, look) -> None:
        """Keep losses per position, of a function or not reduced, for what is made of them."""
        loss = event.subject
        reduced = loss is not None and loss.reduction not in (None, "none")
        if reduced or event.info["metric"] is not None or look is None:
            return
        name = "the functional loss" if loss is None else name_of(loss)
        found = self._padding(event.tensors["y_true"], event.tensors["y_pred"], look)
        if found is not None and found[2]:
            self.open = [*self.open[-3:], (event.tensors["result"], name, found[:2])]

    def on_flow(self, event, look) -> None:
        """See whether the plain mean of such losses is taken: then nothing masks them."""
        if not self.open:
            return
        flow, means = event.info["flow"], event.info["flow"].of("Mean")
        averaged = [op.inputs[0] for op in means]
        for result, name, what in self.open:
            graph = getattr(result, "graph", None)
            same = [t for t in averaged if getattr(t, "graph", None) is graph]
            if any(flow.behind(t) is flow.behind(result) for t in same):
                self.padded.setdefault(("function", name), what)
        if not event.info["graph"]:
            self.open = []

    def on_metric(self, event, look) -> None:
        if "second" not in event.tensors:
            return
        weighted = event.tensors.get("sample_weight") is not None
        skips = event.info["masked"] or weighted or _own(event.subject)
        self._look("metric", name_of(event.subject), "first", "second", event, look, skips)

    def _look(self, role, name, y, p, event, look, skips) -> None:
        if skips or look is None:
            return
        found = self._padding(event.tensors.get(y), event.tensors.get(p), look)
        if found is not None and (found[2] or self.emitted):
            self.padded.setdefault((role, name), found[:2])

    def _padding(self, y, p, look):
        """Return the share of padding, at which end, and whether the input is blank there."""
        labels, scores = shape_of(y), shape_of(p)
        if not labels or not scores or len(scores) != 3:
            return None
        if len(labels) not in (2, 3) or (len(labels) == 3 and labels[-1] != 1):
            return None
        values = look(y)
        if values is None or values.dtype.kind not in "iuf":
            return None
        values = values.reshape(values.shape[:2])
        x = look(self.x) if self.x is not None else None
        empty = _blank(x) if x is not None and x.shape[:2] == values.shape else None
        found = None
        for end in ("start", "end"):
            padding = _run(values, end)
            share = float(padding.mean())
            if share < SHARE or not _ragged(padding):
                continue
            agrees = empty is not None and np.mean(empty[padding]) > 0.9
            if agrees or (found is None and end == "end"):
                found = share, end, agrees
        return found

    def findings(self) -> list[Finding]:
        by_role = {r: (name, v) for (r, name), v in reversed(self.padded.items())}
        for role in ("loss", "function", "metric"):
            if role in by_role:
                name, (share, end) = by_role[role]
                # A function never heeds a mask; an object would, had the scores kept theirs.
                lost = (self.emitted or self.made) and role != "function"
                return [_lost(name, share) if lost else _counted(name, share, end)]
        return []


def _makes_mask(layer) -> bool:
    return isinstance(layer, keras.layers.Masking) or bool(getattr(layer, "mask_zero", False))


def _own(subject) -> bool:
    """Whether a loss or metric computes something of the program's own, perhaps with a mask."""
    function = getattr(subject, "fn", None) or getattr(subject, "_fn", None) or type(subject)
    return not str(getattr(function, "__module__", "")).startswith("keras.")


def _run(values, end: str) -> np.ndarray:
    """Return which positions belong to a run of zeros at the end, or the start, of their row."""
    turn = slice(None, None, -1) if end == "end" else slice(None)
    return np.cumprod((values == 0)[:, turn], axis=1)[:, turn].astype(bool)


def _ragged(padding) -> bool:
    return len(np.unique(padding.sum(axis=1))) > 1 or len(padding) == 1


def _blank(x) -> np.ndarray:
    flat = x.reshape(*x.shape[:2], -1)
    return (flat == 0).all(axis=-1)


def _lost(name, share) -> Finding:
    return Finding(
        "lost-mask",
        "error",
        f"The model makes a mask (Embedding(mask_zero=True) or Masking), but the scores that reach "
        f"{name} no longer carry it: {100 * share:.3g} % of the positions are padding and are "
        "counted. Any TensorFlow operation, NumPy, predict and the end of a tf.function drop it.",
        {"padded positions": share, "counted in": name},
    )


def _counted(name, share, end) -> Finding:
    return Finding(
        "padding-counted",
        "error",
        f"{100 * share:.3g} % of the positions given to {name} are padding (label 0 at the {end} "
        "of the rows, where the input is 0 too), and each counts like a real one.",
        {"padded positions": share, "counted in": name},
    )
