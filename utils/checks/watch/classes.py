"""Classes over the run: sorted labels, classes never predicted, labels that mean another class."""

from collections import deque

import numpy as np
import tensorflow as tf

from ..report import Finding
from .subject import Subject

ROWS = 512
FEATURES = 256


class Classes(Subject):
    """Keeps counts of true and predicted classes from the batches that are looked at."""

    def __init__(self):
        self.batches = []  # counts of labels per training batch looked at
        self.recent = {True: deque(maxlen=8), False: deque(maxlen=64)}
        self.x = None
        self.rows = []
        self.count = 0

    def on_model(self, event, look) -> None:
        x = tf.nest.flatten(event.tensors["x"])
        self.x = (x[0], look) if x and look is not None else None

    def on_cross_entropy(self, event, look) -> None:
        if event.info["metric"] is None:
            self._take(event.tensors["y_true"], event.tensors["y_pred"], event, look)

    def on_metric(self, event, look) -> None:
        if "second" in event.tensors and not event.info.get("trains", event.info.get("taped")):
            self._take(event.tensors["first"], event.tensors["second"], event, look, train=False)

    def _take(self, y_true, y_pred, event, look, train=None) -> None:
        if look is None:
            return
        y, p = look(y_true), look(y_pred)
        if y is None or p is None or p.ndim != 2 or p.shape[-1] < 2 or not np.isfinite(p).all():
            return
        ids = _ids(y, p)
        if ids is None or not len(ids):
            return
        if train is None:
            train = bool(event.info.get("trains", event.info["taped"]))
        classes = p.shape[-1]
        matrix = np.zeros((classes, classes), int)
        np.add.at(matrix, (ids, p.argmax(axis=-1)), 1)
        self.recent[train].append(matrix)
        if train and len(self.batches) < 256 and classes <= 1000:
            self.batches.append(matrix.sum(axis=1))
            self._features(ids)

    def _features(self, ids) -> None:
        """Keep a few inputs beside their labels, to see whether they can be told apart."""
        if self.x is None or self.count >= ROWS:
            return
        tensor, look = self.x
        x = look(tensor)
        if x is None or len(x) != len(ids) or x.dtype.kind not in "fiu":
            return
        flat = x.reshape(len(x), -1)
        step = -(-flat.shape[1] // FEATURES)
        self.rows.append((flat[:, ::step].astype(np.float64), ids))
        self.count += len(ids)

    def findings(self) -> list[Finding]:
        return [*self._sorted(), *self._majority(), *self._renamed()]

    def _sorted(self) -> list[Finding]:
        batches = [b for b in self.batches if b.sum() >= 8]
        if len(batches) < 4 or len({len(b) for b in batches}) > 1:
            return []
        counts = np.array(batches, float)
        overall = counts.sum(axis=0) / counts.sum()
        entropy = -(overall[overall > 0] * np.log(overall[overall > 0])).sum()
        shares = counts / counts.sum(axis=1, keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            gap = np.where(shares > 0, shares * np.log(shares / overall), 0.0).sum(axis=1)
        explained = float(gap.mean())
        # Under mixing 2 N · gap is about chi-squared with C − 1 degrees of freedom per batch.
        present = int((overall > 0).sum())
        expected = (present - 1) / (2 * counts.sum(axis=1).mean())
        if entropy < 0.3 or explained < 0.5 * entropy or explained < 4 * expected:
            return []
        single = float((shares.max(axis=1) > 0.99).mean())
        return [
            Finding(
                "unshuffled-labels",
                "warning",
                f"Training batches hold few classes each: on average their largest class makes up "
                f"{100 * shares.max(axis=1).mean():.3g} % of a batch, and {100 * single:.3g} % of "
                f"the batches hold one class only, while the data hold {present}. The data come "
                "sorted, or the shuffle buffer is shorter than a class.",
                {
                    "largest class in a batch": float(shares.max(axis=1).mean()),
                    "batches of one class": single,
                    "classes": present,
                },
            )
        ]

    def _majority(self) -> list[Finding]:
        recent = list(self.recent[True])[-6:]
        if len(recent) < 4 or self.recorder.train_steps < 30:
            return []
        matrix = sum(m for m in recent[-4:] if m.shape == recent[-1].shape)
        total, true, predicted = matrix.sum(), matrix.sum(axis=1), matrix.sum(axis=0)
        if total < 64 or (predicted > 0).sum() != 1 or (true > 0).sum() < 2:
            return []
        winner = int(predicted.argmax())
        share = float(true[winner] / total)
        if share < 0.6 or winner != int(true.argmax()):
            return []
        learnable = _separability(self.rows)
        severity = "warning" if learnable is not None and learnable > 0.75 else "note"
        extra = (
            f" A linear rule on the inputs alone reaches a balanced accuracy of {learnable:.3g} on "
            "examples it has not seen, so the classes can be told apart."
            if learnable is not None
            else ""
        )
        return [
            Finding(
                "class-imbalance",
                severity,
                f"In the last {total} examples looked at, class {winner} was predicted for all of "
                f"them. It makes up {100 * share:.3g} % of the labels: that is the accuracy, and "
                f"every other class has recall 0.{extra}",
                {"majority share": share, "classes predicted": 1, "examples": int(total)},
            )
        ]

    def _renamed(self) -> list[Finding]:
        held, trained = list(self.recent[False]), list(self.recent[True])
        if not held or not trained:
            return []
        held = [m for m in held if m.shape == held[-1].shape]
        matrix, last = sum(held), trained[-1]
        total = matrix.sum()
        if total < 40 or last.sum() == 0 or np.trace(last) / last.sum() < 0.8:
            return []
        true = matrix.sum(axis=1)
        present = np.flatnonzero(true)
        target = matrix[present].argmax(axis=1)
        mapped = matrix[present, target].sum() / total
        if len(set(target.tolist())) < len(present) or len(present) < 2:
            return []
        accuracy = np.trace(matrix) / total
        if mapped < 0.85 or accuracy > 0.35:
            return []
        pairs = ", ".join(f"{k} → {t}" for k, t in zip(present, target, strict=True) if k != t)
        return [
            Finding(
                "label-offset",
                "error",
                f"On held-out data the model scores {accuracy:.3g}, but renaming the labels "
                f"({pairs}) would make it {mapped:.3g}: class ids mean other classes there than in "
                "training, as after a second LabelEncoder.",
                {"accuracy": float(accuracy), "after renaming": float(mapped)},
                "Encode all labels with the encoder that was fitted on the training labels.",
            )
        ]


def _ids(y, p):
    """Return class ids of shape (N,) in range, or None."""
    if y.shape == p.shape:
        if y.dtype.kind not in "fiub" or not np.allclose(y.sum(axis=-1), 1, atol=1e-3):
            return None
        return y.argmax(axis=-1)
    flat = y.reshape(-1)
    if len(flat) != len(p) or flat.dtype.kind not in "fiu":
        return None
    ids = flat.astype(int)
    if (ids != flat).any() or (ids < 0).any() or (ids >= p.shape[-1]).any():
        return None
    return ids


def _separability(rows) -> float | None:
    """Return the balanced accuracy of a linear rule, fitted on one half and tried on the other."""
    if not rows or len({r[0].shape[1] for r in rows}) > 1:
        return None
    x = np.concatenate([r[0] for r in rows])
    y = np.concatenate([r[1] for r in rows])
    x = (x - x.mean(axis=0)) / (x.std(axis=0) + 1e-9)
    half = np.arange(len(x)) % 2 == 0
    names = [c for c in np.unique(y) if (y[half] == c).sum() >= 5 and (y[~half] == c).sum() >= 5]
    if len(names) < 2:
        return None
    keep = np.isin(y, names)
    x, y, half = x[keep], y[keep], half[keep]
    ones = np.ones((len(x), 1))
    design = np.hstack([x, ones])
    targets = (y[:, None] == np.array(names)).astype(float)
    weight = 1 / targets[half].sum(axis=0)[targets[half].argmax(axis=1)]
    gram = design[half].T @ (design[half] * weight[:, None])
    gram += np.eye(len(gram)) * 0.1 * np.trace(gram) / len(gram)
    solution = np.linalg.solve(gram, design[half].T @ (targets[half] * weight[:, None]))
    guess = (design[~half] @ solution).argmax(axis=1)
    truth = targets[~half].argmax(axis=1)
    return float(np.mean([(guess[truth == k] == k).mean() for k in range(len(names))]))
