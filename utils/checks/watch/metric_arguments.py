"""Metrics: whether what they are given is what they compare."""

import keras
import numpy as np

from .. import _arrays, _labels, _outputs
from ..report import Finding
from .events import dtype_of, shape_of
from .subject import Subject, name_of

M = keras.metrics
SPARSE = (M.SparseCategoricalAccuracy, M.SparseTopKCategoricalAccuracy)
CATEGORICAL = (M.CategoricalAccuracy, M.TopKCategoricalAccuracy)
THRESHOLDS = tuple(
    getattr(M, n)
    for n in [
        "Precision",
        "Recall",
        "AUC",
        "TruePositives",
        "FalsePositives",
        "TrueNegatives",
        "FalseNegatives",
        "PrecisionAtRecall",
        "RecallAtPrecision",
        "SensitivityAtSpecificity",
        "SpecificityAtSensitivity",
        "FBetaScore",
    ]
)
EXACT_IDS = {"float16": 2048, "bfloat16": 256}


class MetricArguments(Subject):
    """Watches what is given to update_state."""

    def __init__(self):
        self.names = {}

    def observed(self) -> dict:
        return {"metrics": tuple(self.names)} if self.names else {}

    def on_metric(self, event, look) -> None:
        self.names[name_of(event.subject)] = True
        if "second" not in event.tensors:
            return
        for finding in rules(event, look):
            self.recorder.add(finding)


def rules(event, look) -> list[Finding]:
    """Return the findings on one update."""
    metric = event.subject
    y, p = (shape_of(event.tensors[k]) for k in ("first", "second"))
    if look is None:
        return []
    y_true, y_pred = (look(event.tensors[k]) for k in ("first", "second"))
    if y_true is None or y_pred is None or not y_pred.size or y_pred.dtype.kind not in "fiub":
        return []
    if isinstance(metric, SPARSE):
        return _sparse(event, y_true, y_pred)
    if isinstance(metric, CATEGORICAL):
        return _categorical(y_true, y_pred)
    if isinstance(metric, M.BinaryAccuracy):
        return _binary(metric, y_true, y_pred)
    if isinstance(metric, THRESHOLDS):
        return _threshold(metric, y_true, y_pred)
    if isinstance(metric, M.IoU) and not isinstance(metric, M.BinaryIoU):
        return _overlap(metric, y_true, y_pred)
    if type(metric) is M.Accuracy:
        return _exact(y_true, y_pred)
    return []


def _whole(values) -> bool:
    return bool(np.isfinite(values).all() and (values == np.round(values)).all())


def _one_hot(values) -> bool:
    return bool(
        values.ndim > 1
        and values.shape[-1] > 1
        and np.isin(values, (0, 1)).all()
        and (values.sum(axis=-1) == 1).all()
    )


def _shapes(y_true, y_pred) -> dict:
    return {"y_true shape": str(y_true.shape), "y_pred shape": str(y_pred.shape)}


def _sparse(event, y_true, y_pred) -> list[Finding]:
    y, p = y_true.shape, y_pred.shape
    evidence = _shapes(y_true, y_pred)
    if _looks_swapped(y_true, y_pred):
        return [_swapped(evidence)]
    if len(y) == len(p) and y[-1] == p[-1] > 1 and _one_hot(y_true):
        return [
            Finding(
                "one-hot-labels",
                "error",
                f"The metric was given labels of shape {y} with a single 1 per row: one-hot. It "
                "wants one class id per example, and compares each of the "
                f"{y[-1]} cells with a predicted id instead.",
                evidence,
                "Give it np.argmax(y, axis=-1), or use CategoricalAccuracy.",
            )
        ]
    if p[-1:] == (1,) or (len(p) == 1 and len(p) == len(y)) or len(p) == 0:
        return [_no_scores(y_true, y_pred, evidence)]
    if len(p) == 1:
        return [_lost_batch(evidence, p)]
    if ((len(y) == 0 or y[0] == 1) and p[0] > 1) or (len(y) and y[0] > 1 and p[0] == 1):
        return [_lost_batch(evidence, p)]
    found = []
    dtype = dtype_of(event.tensors["second"])
    exact = EXACT_IDS.get(dtype)
    if exact and p[-1] > exact:
        found.append(
            Finding(
                "low-precision-ids",
                "error",
                f"The scores are {dtype} over {p[-1]} classes. The metric casts labels and "
                f"predicted ids to {dtype}, which tells whole numbers apart only up to {exact}: "
                "different classes count as equal.",
                {"dtype": dtype, "classes": p[-1], "exact up to": exact},
                "Give the metric tf.cast(scores, tf.float32).",
            )
        )
    if y_true.dtype.kind == "f" and not _whole(y_true):
        found += _labels.fraction_rule(y_true.reshape(-1), p[-1])
    return found + _scores(y_pred)


def _scores(y_pred) -> list[Finding]:
    rows = _outputs.as_rows(y_pred)
    bad = ~np.isfinite(rows).all(axis=-1)
    if np.isnan(rows).any():
        return [
            Finding(
                "nan-scores",
                "error",
                f"{_arrays.percent(bad.mean())} of the rows of scores given to the metric hold NaN "
                "or infinity. argmax of such a row is 0, so accuracy still looks alive.",
                {"rows": len(rows), "bad rows": int(bad.sum())},
            )
        ]
    top = rows.max(axis=-1, keepdims=True)
    ties = ((rows == top).sum(axis=-1) > 1) & (rows != rows[:, :1]).any(axis=-1)
    if len(rows) >= 8 and ties.mean() > 0.1 and (rows >= 0).all() and (top >= 0.5).mean() > 0.5:
        return [
            Finding(
                "saturated-ties",
                "warning",
                f"In {_arrays.percent(ties.mean())} of the rows the highest score is shared by "
                f"several classes (it is {top.max():.4g}): argmax takes the first of them, and "
                "accuracy depends on the order of the classes.",
                {"rows with a tie": float(ties.mean()), "highest": float(top.max())},
            )
        ]
    return []


def _looks_swapped(y_true, y_pred) -> bool:
    """Scores first and class ids second."""
    return bool(
        y_true.dtype.kind == "f"
        and y_true.ndim >= 2
        and y_true.shape[-1] > 1
        and not _whole(y_true)
        and _whole(y_pred)
        and (y_pred.ndim == y_true.ndim - 1 or y_pred.shape[-1] == 1)
    )


def _swapped(evidence) -> Finding:
    return Finding(
        "swapped-arguments",
        "error",
        "The first argument holds scores and the second class ids: labels and predictions have "
        "changed places. Keras wants metric.update_state(y_true, y_pred).",
        evidence,
    )


def _no_scores(y_true, y_pred, evidence) -> Finding:
    if _whole(y_pred) and (y_pred.max(initial=0) > 1 or y_pred.dtype.kind in "iu"):
        return Finding(
            "class-ids-as-scores",
            "error",
            "The predictions are class ids already (whole numbers, no axis of scores). The metric "
            "takes argmax once more, over the wrong axis, and compares labels with that.",
            evidence,
            "Give it the scores before argmax, or use keras.metrics.Accuracy for class ids.",
        )
    if y_pred.ndim == 1 and y_true.size == 1 and y_pred.size > 1:
        return _lost_batch(evidence, y_pred.shape)
    return Finding(
        "output-units",
        "error",
        f"The predictions have shape {y_pred.shape}: one score per example. argmax over one score "
        "is always 0, so this accuracy is the share of class 0 among the labels.",
        evidence,
        "One unit with a sigmoid goes with BinaryAccuracy; a sparse metric needs one unit per "
        "class.",
    )


def _lost_batch(evidence, shape) -> Finding:
    return Finding(
        "batch-mismatch",
        "error",
        f"Labels {evidence['y_true shape']} and scores {evidence['y_pred shape']} do not hold the "
        "same number of examples. One side was broadcast against the other, or tf.squeeze removed "
        "a batch axis of size 1.",
        evidence,
        "Keep the batch axis: tf.squeeze(x, axis=-1), and x[None] for a single example.",
    )


def _categorical(y_true, y_pred) -> list[Finding]:
    evidence = _shapes(y_true, y_pred)
    classes = y_pred.shape[-1]
    if y_true.ndim < y_pred.ndim or (y_true.shape[-1] == 1 and classes > 1):
        return [
            Finding(
                "sparse-labels-to-categorical",
                "error",
                f"Labels of shape {y_true.shape} are class ids. This metric takes argmax of the "
                "labels too, which over one value is always 0: it shows the share of examples "
                "predicted as class 0.",
                evidence,
                "Use SparseCategoricalAccuracy, or give it one-hot labels.",
            )
        ]
    if _one_hot(y_pred) and y_true.dtype.kind == "f" and not _whole(y_true):
        return [_swapped(evidence)]
    if y_true.ndim == y_pred.ndim and np.isin(y_true, (0, 1)).all() and classes > 1:
        sums = y_true.sum(axis=-1)
        off = float((sums != 1).mean())
        blank = float((sums == 0).mean())
        if off > 0.05 and (sums > 1).mean() > 0.02 and blank < 0.9:
            return [
                Finding(
                    "wrong-accuracy-metric",
                    "error",
                    f"{_arrays.percent(off)} of the label rows do not hold exactly one 1 (on "
                    f"average {sums.mean():.2g}): several classes at once. This metric compares "
                    "only the first 1 with the highest score.",
                    {**evidence, "ones per row": float(sums.mean())},
                    "Use BinaryAccuracy (a threshold per class) for multi-label problems.",
                )
            ]
    return _scores(y_pred)


def _binary(metric, y_true, y_pred) -> list[Finding]:
    evidence = _shapes(y_true, y_pred)
    threshold = float(getattr(metric, "threshold", 0.5))
    if _one_hot(y_true) and y_true.shape[-1] > 2 and y_true.shape[0] > 1:
        return [
            Finding(
                "wrong-accuracy-metric",
                "error",
                f"Each label row holds a single 1 among {y_true.shape[-1]}: classes that exclude "
                "each other. BinaryAccuracy scores every cell by itself, and a model that never "
                f"says yes scores {1 - 1 / y_true.shape[-1]:.3f}.",
                {**evidence, "score of all zeros": 1 - 1 / y_true.shape[-1]},
                "Use CategoricalAccuracy.",
            )
        ]
    if y_true.dtype.kind in "iuf" and np.nanmax(y_true) > 1:
        return [
            Finding(
                "wrong-accuracy-metric",
                "error",
                f"Labels reach {np.nanmax(y_true):.4g}: class ids, and more than two classes. "
                "BinaryAccuracy compares each with 0 or 1.",
                {**evidence, "largest label": float(np.nanmax(y_true))},
                "Use SparseCategoricalAccuracy.",
            )
        ]
    return _outside(metric, y_pred, threshold if 0 < threshold < 1 else None)


def _outside(metric, y_pred, threshold) -> list[Finding]:
    low, high = float(np.nanmin(y_pred)), float(np.nanmax(y_pred))
    if threshold is None or (low >= -1e-3 and high <= 1.001):
        return []
    return [
        Finding(
            "metric-on-logits",
            "error",
            f"{name_of(metric)} compares scores with thresholds between 0 and 1, but they run from "
            f"{low:.3g} to {high:.3g}: these are logits.",
            {"lowest": low, "highest": high},
            "Give it tf.sigmoid(logits) or tf.nn.softmax(logits); or, for BinaryAccuracy, "
            "threshold=0.",
        )
    ]


def _threshold(metric, y_true, y_pred) -> list[Finding]:
    if isinstance(metric, M.AUC) and getattr(metric, "_from_logits", False):
        return []
    evidence = _shapes(y_true, y_pred)
    class_id = getattr(metric, "class_id", None)
    narrow = y_true.ndim < 2 or y_true.shape[-1] == 1
    wide = y_pred.ndim >= 2 and y_pred.shape[-1] > 1
    ids = y_true.dtype.kind in "iuf" and _whole(y_true) and y_true.size and y_true.max() > 1
    if (narrow and wide) or ids or (class_id is not None and narrow):
        chosen = (
            f" With class_id={class_id} it reads one entry of them for all rows."
            if (class_id is not None)
            else ""
        )
        return [
            Finding(
                "precision-on-sparse-labels",
                "error",
                f"{name_of(metric)} was given labels of shape {y_true.shape} that reach "
                f"{y_true.max():.4g} and predictions of shape {y_pred.shape}: class ids. It wants "
                f"0 or 1 for each class.{chosen}",
                {**evidence, "largest label": float(y_true.max())},
            )
        ]
    if getattr(metric, "top_k", None) is not None:
        return []
    thresholds = np.ravel(getattr(metric, "thresholds", None) or [0.5])
    if isinstance(metric, M.FBetaScore) and getattr(metric, "threshold", None) is None:
        return []
    return _outside(metric, y_pred, 0.5 if ((thresholds >= 0) & (thresholds <= 1)).any() else None)


def _overlap(metric, y_true, y_pred) -> list[Finding]:
    if not getattr(metric, "sparse_y_pred", True) or _whole(y_pred):
        return []
    return [
        Finding(
            "wrong-accuracy-metric",
            "error",
            f"{name_of(metric)} counts class ids, but the predictions of shape {y_pred.shape} are "
            f"scores from {y_pred.min():.3g} to {y_pred.max():.3g}: cut to whole numbers they "
            "become almost all one class.",
            {**_shapes(y_true, y_pred), "highest": float(y_pred.max())},
            "Give it tf.argmax(scores, axis=-1), or build it with sparse_y_pred=False.",
        )
    ]


def _exact(y_true, y_pred) -> list[Finding]:
    if _whole(y_pred) and _whole(y_true):
        return []
    which = y_pred if not _whole(y_pred) else y_true
    return [
        Finding(
            "wrong-accuracy-metric",
            "error",
            "keras.metrics.Accuracy counts exact equality, but one side holds scores such as "
            f"{which.reshape(-1)[0]:.4g}: a score is hardly ever equal to a label.",
            _shapes(y_true, y_pred),
            "Use SparseCategoricalAccuracy (class ids) or CategoricalAccuracy (one-hot labels) on "
            "scores, or BinaryAccuracy for one unit.",
        )
    ]
