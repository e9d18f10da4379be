"""Cross entropies: what they are given, as labels and as scores."""

import numpy as np

from .. import _labels, _outputs
from .._metric_forms import one_hot
from ..report import Finding
from . import heads
from .events import dtype_of, shape_of
from .subject import Subject, name_of, remember

OUT_OF_REACH = (
    "labels and scores of a loss: they come from an iterator or a dataset inside a tf.function, "
    "or from an operation with side effects, and reading them would change the loop. What shows "
    "without values was checked."
)


class CrossEntropies(Subject):
    """Watches every cross entropy: Keras' classes and functions, and TensorFlow's own."""

    def __init__(self):
        self.calls = 0
        self.names = {}
        self.labels = {}
        self.outputs = {}
        self.blank = None
        self.squeezed = heads.Squeezed()
        self.reached = {}  # whether values of some loss could be read, and of some could not

    def observed(self) -> dict:
        return {"losses": tuple(self.names)} if self.names else {}

    def on_model(self, event, look) -> None:
        output, head = event.info["outputs"], heads.of_model(event.subject)
        if head and hasattr(output, "dtype"):
            self.outputs = remember(self.outputs, output, (output, head), 4)

    def on_metric(self, event, look) -> None:
        """See whether ids out of range, one-hot rows of zeros for the loss, go into a metric."""
        if look is None or self.blank is None or event.tensors.get("sample_weight") is not None:
            return
        y, p = event.tensors.get("first"), shape_of(event.tensors.get("second"))
        if _compares_rows(event.subject) and p and len(p) == 2:
            rows = look(y)
            if rows is not None and rows.shape[-1:] == (self.blank[1],):
                self._zero_rows(event.subject, rows)
            return
        ids = look(y) if p else None
        if ids is None or ids.dtype.kind not in "iu" or len(p) != ids.ndim + 1 or not ids.size:
            return
        bad = ids[(ids < 0) | (ids >= p[-1])] if p[-1] else ids[:0]
        if p[-1] == self.blank[1] and bad.size:
            self.recorder.add(_blank_rows(bad, ids.size, dtype_of(y), *self.blank))

    def _zero_rows(self, metric, rows) -> None:
        zeros = float((rows.sum(axis=-1) == 0).mean())
        if zeros >= 0.01 and np.isin(rows, (0, 1)).all():
            self.recorder.add(_without_class(metric, zeros, rows.shape[-1]))

    def on_loss(self, event, look) -> None:
        self.names[name_of(event.subject)] = True
        flag = getattr(event.subject, "_fn_kwargs", {}).get("from_logits")
        if isinstance(flag, str):
            self.recorder.add(_positional(event.subject, flag))
        if "raised" in event.info and shape_of(event.tensors["y_pred"]) == ():
            self.recorder.add(_lost_batch(shape_of(event.tensors["y_true"]) or (), ()))
        if look is None:
            return
        ignored = getattr(event.subject, "_fn_kwargs", {}).get("ignore_class")
        self._count_labels(look(event.tensors["y_true"]), event, ignored)

    def on_cross_entropy(self, event, look) -> None:
        self.calls += 1
        if event.subject is None and event.info["metric"] is None:
            self.names["tf.nn" if event.info.get("raw") else "functional"] = True
        if isinstance(event.info["from_logits"], str):
            return
        found = shape_rules(event)
        if not found and look is not None:
            y_true, y_pred = (look(event.tensors[k]) for k in ("y_true", "y_pred"))
            self.reached[y_pred is not None and y_true is not None] = True
            if y_pred is not None and y_pred.ndim and y_pred.size and y_pred.dtype.kind in "fiu":
                found = value_rules(event, y_true, y_pred)
                found = heads.judge(found, self._head(event, y_pred), event, y_pred)
                self.squeezed.take(event, y_pred)
                self._blank(event, y_true)
        for finding in found:
            self.recorder.add(finding)

    def _head(self, event, values) -> str:
        """Return the activation that made the scores, where the model or the graph shows it."""
        scores = event.tensors["y_pred"]
        if (known := self.outputs.get(id(scores))) is not None:
            return known[1]
        return heads.of_tensor(scores, values)

    def _blank(self, event, y) -> None:
        """Remember one-hot labels some rows of which are all zeros, and no weight to say why."""
        if event.info["ce"] != "categorical" or y is None or y.ndim < 2 or not y.size:
            return
        loss = event.subject
        if event.info["metric"] is not None or getattr(loss, "reduction", "none") in (None, "none"):
            return
        sums = y.reshape(-1, y.shape[-1]).sum(axis=-1)
        if np.isin(y, (0, 1)).all() and (sums <= 1).all() and 0 < (sums == 0).mean() < 1:
            self.blank = (float((sums == 0).mean()), y.shape[-1])

    def _count_labels(self, y, event, ignored) -> None:
        """Count class ids over the run, for what one batch cannot decide."""
        shape = shape_of(event.tensors["y_pred"])
        if y is None or not shape or shape[-1] is None or y.dtype.kind not in "iuf":
            return
        classes = shape[-1]
        if classes < 3 or y.ndim != (2 if y.shape[-1:] == (1,) else 1) or len(shape) != 2:
            return
        kept = y.reshape(-1)
        kept = kept[kept != ignored] if ignored is not None else kept
        if (kept != np.round(kept)).any() or (kept < 0).any() or (kept >= classes).any():
            return
        counts = self.labels.setdefault(classes, np.zeros(classes, int))
        counts += np.bincount(kept.astype(int), minlength=classes)

    def findings(self) -> list[Finding]:
        found = []
        self.recorder.not_observed.pop(OUT_OF_REACH, None)
        if False in self.reached and True not in self.reached:
            self.recorder.not_observed[OUT_OF_REACH] = True
        found += self.squeezed.findings()
        for classes, counts in self.labels.items():
            ids = np.repeat(np.arange(classes), np.minimum(counts, 1000))
            if ids.size:
                found += _labels.offset_rule(ids, classes)
        return found


def shape_rules(event) -> list[Finding]:
    """Return what the shapes alone decide."""
    y, p = shape_of(event.tensors["y_true"]), shape_of(event.tensors["y_pred"])
    if y is None or not p:
        return []
    kind, classes = event.info["ce"], p[-1]
    raised = "raised" in event.info and kind != "binary"
    if raised and len(p) == 1 and len(y) <= 1:
        return [_lost_batch(y, p)]
    if raised and y == () and p[0] == 1:
        return [_lost_label_axis(p)]
    if kind == "sparse" and len(y) == len(p) and classes not in (None, 1) and y[-1] == classes:
        return [_one_hot(y, p)]
    if kind == "sparse" and classes == 1:
        return [_one_unit(p)]
    if kind == "categorical" and classes not in (None, 1):
        ids = len(y) == len(p) - 1 or (len(y) == len(p) and y[-1] == 1)
        if ids:
            return [_ids_to_categorical(y, p)]
    return []


def value_rules(event, y_true, y_pred) -> list[Finding]:
    """Return what one batch of values decides."""
    info = event.info
    if info["axis"] not in (-1, y_pred.ndim - 1) or np.ndim(y_true) == 0:
        return []
    dtype = dtype_of(event.tensors["y_pred"])
    if info["ce"] == "binary":
        return _minus_one(y_true) or _binary(y_true, y_pred, info)
    found = []
    if info["ce"] == "sparse" and y_true is not None:
        found = _labels.rules(y_true, dtype_of(event.tensors["y_true"]), max(y_pred.shape[-1], 2))
        found = [f for f in found if f.pitfall != "label-offset" or f.severity == "error"]
    elif y_true is not None and one_hot(y_pred) and _is_soft(y_true):
        return [_swapped(y_true, y_pred)]
    route = "graph" if info["origin"] == "graph" else "eager"
    origin = ""
    if info["origin"] == "attached":
        rows = _outputs.as_rows(y_pred)
        origin = "softmax" if _outputs.sums_to_one(rows, "float16").mean() > 0.5 else "sigmoid"
    if info["origin"] == "graph" and not info["from_logits"]:
        return found
    outputs = _outputs.rules(y_pred, dtype, bool(info["from_logits"]), origin=origin, route=route)
    if any(f.pitfall == "wrong-output-activation" for f in outputs):
        outputs = [f for f in outputs if f.pitfall != "logits-as-probabilities"]
    if not origin and not info["from_logits"] and not found and y_true is not None:
        outputs = _clipped(y_true, y_pred, outputs)
    if any(f.pitfall == "label-range" for f in found):
        outputs = [f for f in outputs if f.pitfall != "nan-scores"]
    return found + outputs


def _clipped(y_true, y_pred, outputs) -> list[Finding]:
    """Measure how many examples give no gradient, as their class has less than the clip."""
    rows = y_pred.reshape(-1, y_pred.shape[-1])
    if any(f.severity != "note" for f in outputs) or len(rows) < 16 or rows.dtype.kind != "f":
        return outputs
    if not np.isfinite(rows).all() or (np.abs(rows.sum(axis=-1) - 1) > 1e-3).any():
        return outputs
    if y_true.shape == y_pred.shape:
        ids = y_true.reshape(rows.shape).argmax(axis=-1)
    elif y_true.size == len(rows):
        ids = y_true.reshape(-1).astype(int)
    else:
        return outputs
    if (ids < 0).any() or (ids >= rows.shape[-1]).any():
        return outputs
    dead = float((rows[np.arange(len(rows)), ids] < 1e-7).mean())
    if dead < 0.1:
        return outputs
    return [*outputs, _dead(dead, len(rows))]


def _dead(share: float, rows: int) -> Finding:
    return Finding(
        "unstable-softmax",
        "warning",
        f"For {100 * share:.3g} % of {rows} examples the probability of the true class is below "
        "1e-7. The loss clips it there: such an example costs 16.118, however wrong it is, and "
        "gives no gradient.",
        {"examples without gradient": share, "examples": rows, "clip": 1e-7},
        "Give the loss logits and say from_logits=True; scale the inputs.",
    )


def _blank_rows(bad, size, dtype, share, classes) -> Finding:
    wrapped = dtype == "uint8" and (bad >= 128).any()
    shown = ", ".join(str(v) for v in np.unique(bad)[:3])
    return Finding(
        "label-dtype" if wrapped else "label-range",
        "error",
        f"{bad.size} of {size} labels are {shown}, outside 0 … {classes - 1}. "
        + ("An unsigned label below 0 wraps round: 0 − 1 is 255. " if wrapped else "")
        + f"tf.one_hot makes them rows of zeros ({100 * share:.3g} % of the rows the loss was "
        "given), which cost nothing and count in its mean, and the metric counts each as wrong: "
        "nothing raises.",
        {"labels": shown, "classes": classes, "rows of zeros": share},
        "Drop these examples, or give loss and metric a sample weight of 0 for them.",
    )


def _compares_rows(metric) -> bool:
    return getattr(getattr(metric, "_fn", None), "__name__", "") == "categorical_accuracy"


def _without_class(metric, share: float, classes: int) -> Finding:
    return Finding(
        "label-range",
        "error",
        f"{100 * share:.3g} % of the label rows are all zeros: tf.one_hot makes such a row of an "
        f"id outside 0 … {classes - 1}, as −1 for an unknown category. It costs nothing in the "
        f"loss, counts in its mean, and {name_of(metric)} takes it for class 0.",
        {"rows of zeros": share, "classes": classes},
        "Find out where these ids come from; drop the examples, or give them a weight of 0 in "
        "loss and metric.",
    )


def _minus_one(y) -> list[Finding]:
    """Find labels −1 and +1; a −1 beside 0 and 1 may be a mark for "unknown", masked later."""
    if y is None or y.dtype.kind not in "if" or y.size < 2 or set(np.unique(y)) != {-1, 1}:
        return []
    share = float((y == -1).mean())
    return [
        Finding(
            "label-range",
            "error",
            f"The labels are −1 and +1 ({100 * share:.3g} % are −1). Binary cross entropy wants 0 "
            "and 1: with −1 it has no lower bound, and the loss falls below 0.",
            {"share of −1": share, "labels": int(y.size)},
            "Map them first: y = (y + 1) / 2.",
        )
    ]


def _binary(y_true, y_pred, info) -> list[Finding]:
    low, high = float(np.nanmin(y_pred)), float(np.nanmax(y_pred))
    if not np.isfinite(y_pred).all():
        bad = float((~np.isfinite(y_pred)).mean())
        return [
            Finding(
                "nan-scores",
                "error",
                f"{100 * bad:.3g} % of the scores given to the loss are NaN or infinite.",
                {"share": bad},
            )
        ]
    evidence = {"lowest": low, "highest": high}
    if y_pred.shape[-1] == 1:
        if y_pred.size > 1 and (np.abs(y_pred - 1) < 1e-6).all() and not info["from_logits"]:
            return [
                Finding(
                    "output-units",
                    "error",
                    f"All {y_pred.size} scores are exactly 1: a softmax over one unit is always 1.",
                    {**evidence, "units": 1},
                    "Use sigmoid on one unit, or two units with softmax.",
                )
            ]
        # A real label between may be a target with noise on it, as GANs have them.
        if y_true is not None and y_true.max() > 1 and (y_true == np.round(y_true)).all():
            return [
                Finding(
                    "output-units",
                    "error",
                    f"Labels reach {y_true.max():.4g}, but the model has one output unit and a "
                    "binary loss: that can tell two classes apart, 0 and 1.",
                    {"units": 1, "largest label": float(y_true.max())},
                )
            ]
    if not info["from_logits"] and not info["origin"] and (low < -1e-3 or high > 1.001):
        return [
            Finding(
                "logits-as-probabilities",
                "error",
                f"from_logits=False promises probabilities, but the scores run from {low:.3g} to "
                f"{high:.3g}. The loss clips them to 1e-7 … 1 − 1e-7, and a clipped score has no "
                "gradient.",
                evidence,
                "Say from_logits=True, or give the last layer a sigmoid.",
            )
        ]
    inside = low >= 0 and high <= 1 and high > low
    if info["from_logits"] and inside and (info["origin"] or y_pred.size >= 16):
        if info["origin"]:
            tail = "Keras finds the logits behind its own sigmoid and repairs it here."
        else:
            tail = "Then a sigmoid is applied a second time: scores cannot leave 0.5 … 0.731."
        return [
            Finding(
                "double-softmax",
                "note",
                f"from_logits=True, but all {y_pred.size} scores lie between {low:.3g} and "
                f"{high:.3g}, as probabilities of a sigmoid do. {tail}",
                evidence,
                "Drop the sigmoid from the last layer, or say from_logits=False.",
            )
        ]
    return []


def _is_soft(values) -> bool:
    rows = values.reshape(-1, values.shape[-1])
    return bool(
        values.dtype.kind == "f"
        and not np.isin(rows, (0, 1)).all()
        and np.abs(rows.sum(axis=-1) - 1).max() < 1e-3
    )


def _positional(loss, flag: str) -> Finding:
    return Finding(
        "positional-reduction",
        "error",
        f"from_logits of {name_of(loss)} is the string {flag!r}. The first positional argument of "
        "this loss is from_logits, not reduction, and any non-empty string counts as true: the "
        "loss takes its scores for logits and still averages over the batch.",
        {"from_logits": flag, "reduction": str(loss.reduction)},
        f"Name the argument: reduction={flag!r}.",
    )


def _swapped(y_true, y_pred) -> Finding:
    return Finding(
        "swapped-arguments",
        "error",
        "The second argument holds one-hot rows (0 and 1 only) and the first holds probabilities: "
        "labels and predictions have changed places. Keras wants loss(y_true, y_pred).",
        {"y_true highest": float(y_true.max()), "y_pred highest": float(y_pred.max())},
    )


def _one_hot(y, p) -> Finding:
    return Finding(
        "one-hot-labels",
        "error",
        f"The labels have shape {_text(y)}, like the scores {_text(p)}: one-hot rows. A sparse "
        "loss wants one class id per example.",
        {"y_true shape": _text(y), "y_pred shape": _text(p)},
    )


def _lost_batch(y, p) -> Finding:
    return Finding(
        "batch-mismatch",
        "error",
        f"The scores have shape {_text(p)}, without a batch axis, and the labels {_text(y)}: "
        "tf.squeeze without an axis removes a batch of one, and x[0] has no batch axis.",
        {"y_true shape": _text(y), "y_pred shape": _text(p)},
        "Keep the batch axis: tf.squeeze(p, axis=-1), and x[None] for a single example.",
    )


def _lost_label_axis(p) -> Finding:
    return Finding(
        "batch-mismatch",
        "error",
        f"The scores have shape {_text(p)} and the label has shape (): in this batch of one, "
        "tf.squeeze without an axis removed the batch axis too. A last batch of one is enough to "
        "stop the loop.",
        {"y_true shape": "()", "y_pred shape": _text(p)},
        "Name the axis: tf.squeeze(y, axis=-1).",
    )


def _one_unit(p) -> Finding:
    return Finding(
        "output-units",
        "error",
        f"The scores have shape {_text(p)}: one unit for all classes. A sparse cross entropy "
        "needs one unit per class, also for two classes; over one unit the loss is always 0.",
        {"y_pred shape": _text(p), "units": 1},
    )


def _ids_to_categorical(y, p) -> Finding:
    return Finding(
        "sparse-labels-to-categorical",
        "error",
        f"The labels have shape {_text(y)} and the scores {_text(p)}: class ids, given to a loss "
        "that wants a one-hot row per example.",
        {"y_true shape": _text(y), "y_pred shape": _text(p)},
    )


def _text(shape) -> str:
    return "(" + ", ".join("?" if d is None else str(d) for d in shape) + ")"
