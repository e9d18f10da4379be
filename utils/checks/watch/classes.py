"""What is kept of labels, predictions and inputs in the batches that are looked at."""

from collections import deque

import keras
import numpy as np
import tensorflow as tf

from ..report import Finding
from . import class_rules
from .subject import Subject

ROWS = 512
FEATURES = 256
SETTLED = 500  # steps after which a momentum of 0.99 has forgotten its start
MOST = 1000  # classes, beyond which no table of them is kept


class Examples:
    """A few inputs beside their labels, each kept once."""

    def __init__(self):
        self.rows, self.ids, self.seen = [], [], set()

    def take(self, x, ids) -> None:
        """Keep what is new among inputs of shape (B, …) with class ids (B,)."""
        flat = x.reshape(len(x), -1)
        step = -(-flat.shape[1] // FEATURES)
        for row, label in zip(flat[:, ::step].astype(np.float64), ids, strict=True):
            key = row.tobytes()
            if key not in self.seen and len(self.rows) < ROWS and np.isfinite(row).all():
                self.seen.add(key)
                self.rows.append(row)
                self.ids.append(int(label))

    def arrays(self):
        """Return inputs (N, D) and class ids (N,), or None if their widths differ."""
        if len({len(row) for row in self.rows}) != 1:
            return None
        return np.array(self.rows), np.array(self.ids)


class Classes(Subject):
    """Keeps tables of true and predicted classes from the batches that are looked at.

    Attributes
    ----------
    batches : list of ndarray
        Counts of labels, one per training batch.
    train, held : deque of (int, ndarray)
        Training step and confusion matrix, of training batches and of others.
    late : list of (bool, ndarray)
        Whether a batch is of training, and its confusion matrix with the last weights.
    several : bool
        Whether a step computes several losses: then their labels are of different kinds.
    settling : bool
        Whether batch normalisation is still far from its averages, and held-out figures with it.
    """

    def __init__(self):
        self.batches = []
        self.train, self.held = deque(maxlen=8), deque(maxlen=16)
        self.late = []
        self.several = False
        self.examples = {True: Examples(), False: Examples()}
        self._x = None
        self._kinds = {}
        self._losses = 0
        self._taped = self._norms = False
        self._last = None
        self._judged = None

    @property
    def steps(self) -> int:
        """Training steps so far."""
        return self.recorder.train_steps

    def on_model(self, event, look) -> None:
        self._x = self._input(event)
        self._taped = event.info["taped"]
        self._norms |= self._kinds[id(event.subject)][1]

    def _input(self, event):
        """Return a model's one input, or None if distances in it mean nothing."""
        key = id(event.subject)
        if key not in self._kinds:  # once for each model: a loop calls it in every step
            kinds = {type(layer) for layer in _layers(event.subject)}
            self._kinds[key] = [
                any(issubclass(k, kind) for k in kinds)
                for kind in (keras.layers.Embedding, keras.layers.BatchNormalization)
            ]
        x = event.tensors["x"]
        flat = [x] if hasattr(x, "dtype") else tf.nest.flatten(x)
        # Between ids of words there is no distance.
        return flat[0] if len(flat) == 1 and not self._kinds[key][0] else None

    @property
    def settling(self) -> bool:
        return self._norms and self.steps < SETTLED

    def on_gradient(self, event, look) -> None:
        self.several |= self._losses > 1
        self._losses = 0

    def on_cross_entropy(self, event, look) -> None:
        if event.info["metric"] is not None or "raised" in event.info:
            return  # what raised may be seen twice
        train = bool(event.info.get("trains", event.info["taped"]))
        self._losses += train
        self._take(event, ("y_true", "y_pred"), look, train)

    def on_metric(self, event, look) -> None:
        trains = event.info.get("trains")
        if "second" in event.tensors and not (self._taped if trains is None else trains):
            self._take(event, ("first", "second"), look, train=False)

    def on_late(self, event, look) -> None:
        """Take in a batch seen before, as the weights of the end see it."""
        if event.info["metric"] is None and (seen := _read(event, ("y_true", "y_pred"), look)):
            train = bool(event.info.get("trains", event.info["taped"]))
            self.late.append((train, _table(*seen)))
            model = event.info.get("model")
            self._keep(self._input(model) if model is not None else None, seen[0], look, train)

    def _take(self, event, roles, look, train: bool) -> None:
        seen = _read(event, roles, look) if look is not None else None
        if seen is None or (not train and event.tensors[roles[0]] is self._last):
            return
        self._last = event.tensors[roles[0]]
        table = _table(*seen)
        (self.train if train else self.held).append((self.steps, table))
        if train and len(self.batches) < 256:
            self.batches.append(table.sum(axis=1))
        self._keep(self._x, seen[0], look, train)

    def _keep(self, x, ids, look, train: bool) -> None:
        """Keep inputs with their class ids, where both can be read."""
        x = look(x) if x is not None else None
        if x is not None and x.ndim > 1 and len(x) == len(ids) and x.dtype.kind in "fiu":
            self.examples[train].take(x, ids)

    def findings(self) -> list[Finding]:
        if self._judged is None or self._judged[0] != self.steps:
            found = [] if self.several else [f for rule in class_rules.RULES for f in rule(self)]
            self._judged = (self.steps, found)
        return self._judged[1]


def _layers(model):
    return model._flatten_layers() if hasattr(model, "_flatten_layers") else ()


def _read(event, roles, look):
    """Return true ids (B,), predicted ids (B,) and the number of classes, or None."""
    y, p = (look(event.tensors[role]) for role in roles)
    if y is None or p is None or p.ndim != 2 or not p.size or p.dtype.kind != "f":
        return None
    if not np.isfinite(p).all() or p.shape[-1] > MOST:
        return None
    ids = _ids(y, p)
    if ids is None:
        return None
    if p.shape[-1] > 1:
        return ids, p.argmax(axis=-1), p.shape[-1]
    logits = event.info.get("from_logits", (p < 0).any() or (p > 1).any())
    return ids, (p[:, 0] > (0 if logits else 0.5)).astype(int), 2


def _table(ids, predicted, classes: int) -> np.ndarray:
    matrix = np.zeros((classes, classes), int)
    np.add.at(matrix, (ids, predicted), 1)
    return matrix


def _ids(y, p):
    """Return class ids of shape (N,) in range, or None."""
    if y.shape == p.shape and p.shape[-1] > 1:
        if y.dtype.kind not in "fiub" or not np.allclose(y.sum(axis=-1), 1, atol=1e-3):
            return None
        return y.argmax(axis=-1)
    flat = y.reshape(-1)
    if len(flat) != len(p) or flat.dtype.kind not in "fiub":
        return None
    ids = flat.astype(int)
    if (ids != flat).any() or (ids < 0).any() or (ids >= max(p.shape[-1], 2)).any():
        return None
    return ids
