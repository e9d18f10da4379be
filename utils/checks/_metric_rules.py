"""Which metric goes with which labels and scores. Pure functions of arrays and settings."""

import numpy as np

from .. import reference
from . import _labels
from . import _metric_findings as find
from ._metric_forms import (
    MetricForm,
    form_of,
    has_thresholds,
    is_float,
    is_void,
    looks_like_ids,
    one_hot,
    outside,
    several,
    snake,
    what_accuracy_means,
)
from ._output_findings import ties_rule
from ._scores import sums_to_one
from .report import Finding

__all__ = ["MetricForm", "expected_accuracy", "form_of", "rules", "what_accuracy_means"]

EXACT_IDS = {"bfloat16": 256, "float16": 2048}

SAME = 1e-4


def expected_accuracy(form: MetricForm, y, p) -> float | None:
    """Return the share of right predictions, wherever labels and scores leave no doubt.

    Only for metrics that set out to report it: accuracies, and functions of one's own.
    """
    measured = form.family in ("sparse", "categorical", "exact") or form.own
    if not measured or "top_k" in snake(form.name):
        return None
    if p.ndim < 2 or p.shape[-1] < 2 or (form.family == "exact" and looks_like_ids(p)):
        return None
    if y.shape == p.shape and one_hot(y):
        ids = y.argmax(axis=-1)
    elif looks_like_ids(y) and y.size * p.shape[-1] == p.size:
        ids = y
    else:
        return None
    return reference.accuracy(ids.reshape(-1), p.reshape(-1, p.shape[-1]))


def rules(form: MetricForm, y, p, reported=None, expected=None) -> list[Finding]:
    """Return the findings on one call of a metric.

    Parameters
    ----------
    form : MetricForm
    y, p : utils.checks._arrays.Seen
        Labels and predictions as they enter the metric.
    reported : scalar, optional
        The metric's value; None if it raised.
    expected : float, optional
        The accuracy that `expected_accuracy` finds.
    """
    if found := find.nan_rule(p.values):
        return found
    figures = find.figures(reported, expected)
    if found := swapped_rule(form, y.values, p.values, figures):
        return found
    if found := batch_rule(y.values, p.values):
        return found
    by_family = {
        "sparse": _sparse,
        "categorical": _categorical,
        "binary": _binary,
        "exact": _exact,
        "threshold": _threshold,
        "iou": _iou,
    }
    rule = by_family.get(form.family, _unknown)
    return rule(form, y, p, figures)


def swapped_rule(form: MetricForm, y, p, figures) -> list[Finding]:
    """Find scores in the place of labels, and labels in the place of scores."""
    scores_first = is_float(y) and not looks_like_ids(y) and np.isfinite(y).all()
    if not form.family or not scores_first or not looks_like_ids(p):
        return []
    # Soft labels are fractional too, but then predictions have the same shape and are no ids.
    rows = y.shape == p.shape and y.ndim > 1 and y.shape[-1] > 1
    if rows and (not one_hot(p) or len(np.unique(y)) <= 3):
        return []
    return [
        Finding(
            "swapped-arguments",
            "error",
            f"The first argument, y_true, holds fractional scores of shape {y.shape}; the second, "
            f"y_pred, whole numbers of shape {p.shape}. {form.name} takes (y_true, y_pred): labels "
            "first." + find.shown(figures),
            {"y_true": str(y.shape), "y_pred": str(p.shape), **figures},
        )
    ]


def batch_rule(y, p) -> list[Finding]:
    """Find labels and predictions for different numbers of examples."""
    if len(y) == len(p):
        return []
    pairs = f"{len(y)} labels stand against {len(p)} predictions"
    if 1 in (len(y), len(p)):
        what = f"{pairs}: the single one is compared with all the others."
    else:
        what = f"{pairs}: they are not of the same examples."
    if p.ndim == 2 and p.shape[1] == len(y):
        what += " The predictions look transposed: classes must be on the last axis."
    return [
        Finding(
            "batch-mismatch",
            "error",
            what,
            {"y_true": str(y.shape), "y_pred": str(p.shape)},
        )
    ]


def _sparse(form, y, p, figures) -> list[Finding]:
    labels, scores = y.values, p.values
    if ids := find.ids_as_scores(form, labels, scores, figures):
        return ids
    classes = scores.shape[-1]
    if classes == 1:
        return [find.one_unit(form, figures)]
    same_rank = labels.ndim == scores.ndim and labels.shape[-1] == classes
    if same_rank or (one_hot(labels) and len(labels) >= 4 and labels.shape[-1] == classes > 2):
        return [find.one_hot_labels(form, labels, figures)]
    on_axis_1 = scores.ndim == labels.ndim + 1 > 2 and labels.shape[1:] == scores.shape[2:]
    if on_axis_1 and labels.shape != scores.shape[:-1]:
        return [find.channels_first(labels, scores)]
    if labels.dtype.kind == "f" and (bad := _labels.fraction_rule(labels.reshape(-1), classes)):
        return bad
    found = _labels.range_rule(labels.reshape(-1).astype(np.int64), labels.shape, classes)
    if found and is_void(labels, classes):
        found = [find.void_counted(form, labels, classes)]
    return [*found, *_compare(form, labels, p, figures)] if not _alarm(found) else found


def _categorical(form, y, p, figures) -> list[Finding]:
    labels, scores = y.values, p.values
    if scores.ndim < 2 or scores.shape[-1] == 1:
        if scores.shape[-1] == 1 and is_float(scores) and scores.ndim > 1:
            return [find.one_unit(form, figures)]
        return find.ids_as_scores(form, labels, scores, figures)
    if labels.ndim < scores.ndim or labels.shape[-1] == 1:
        return [
            Finding(
                "sparse-labels-to-categorical",
                "error",
                f"The labels have shape {labels.shape}, one class id per example; {form.name} "
                "takes the argmax of each row of labels, which is 0 where there is no row, and so "
                f"counts how often class 0 is predicted.{find.shown(figures)}",
                {"y_true": str(labels.shape), "y_pred": str(scores.shape), **figures},
            )
        ]
    if several(labels):
        return [
            Finding(
                "wrong-accuracy-metric",
                "warning",
                f"The labels are multi-hot ({labels.sum(axis=-1).mean():.2g} ones per row); "
                f"{form.name} looks only at the first of them and at the highest score."
                + find.shown(figures),
                {"ones per row": float(labels.sum(axis=-1).mean()), **figures},
                "For several classes per example use BinaryAccuracy.",
            )
        ]
    return _compare(form, labels, p, figures) if one_hot(labels) else []


def _binary(form, y, p, figures) -> list[Finding]:
    labels, scores = y.values, p.values
    threshold = form.settings.get("threshold", 0.5)
    if scores.shape[-1] > 2 and labels.shape == scores.shape and one_hot(labels):
        classes = scores.shape[-1]
        best = f"{1 - 1 / classes:.3g}"
        # Rows that sum to 1 are one class out of many; else each row may have one label by chance.
        exclusive = bool(sums_to_one(scores, p.dtype).all())
        severity = "error" if exclusive else "warning" if len(labels) >= 16 else "note"
        return [
            Finding(
                "wrong-accuracy-metric",
                severity,
                f"The labels are one-hot over {classes} classes. {form.name} judges each cell by "
                f"itself, so a model that says no to everything scores {best}."
                + find.shown(figures),
                {"classes": classes, "score of saying no": 1 - 1 / classes, **figures},
                "Use CategoricalAccuracy for one-hot labels.",
            )
        ]
    if scores.ndim > 1 and scores.shape[-1] > 1 and labels.shape != scores.shape:
        return [
            Finding(
                "wrong-accuracy-metric",
                "error",
                f"Labels of shape {labels.shape} stand against scores of shape {scores.shape}: "
                f"class ids for {scores.shape[-1]} classes. {form.name} compares every score with "
                f"a yes or no and cannot pair these.{find.shown(figures)}",
                {"y_true": str(labels.shape), "y_pred": str(scores.shape), **figures},
                "Use SparseCategoricalAccuracy for class ids.",
            )
        ]
    if 0 < threshold < 1 and outside(scores):
        return [find.on_logits(form, scores, figures)]
    return []


def _exact(form, y, p, figures) -> list[Finding]:
    labels, scores = y.values, p.values
    if looks_like_ids(scores) and not (scores.ndim > 1 and scores.shape[-1] > 1):
        return []
    if looks_like_ids(scores) and scores.shape == labels.shape:
        return []
    return [
        Finding(
            "wrong-accuracy-metric",
            "error",
            f"{form.name} asks whether label and prediction are the same number, and the "
            f"predictions of shape {scores.shape} are scores such as {scores.reshape(-1)[0]:.4g}."
            + find.shown(figures),
            {"y_true": str(labels.shape), "y_pred": str(scores.shape), **figures},
        )
    ]


def _threshold(form, y, p, figures) -> list[Finding]:
    labels, scores = y.values, p.values
    ids = looks_like_ids(labels) and not (labels.ndim > 1 and labels.shape[-1] > 1)
    wide = scores.ndim > 1 and scores.shape[-1] > 1
    high = float(labels.max())
    if ids and (wide or high > 1):
        if wide and form.settings.get("class_id") is not None:
            what = (
                f"With class_id={form.settings['class_id']} and labels of shape {labels.shape}, "
                f"{form.name} takes one label of the batch for all rows"
            )
        elif wide:
            what = (
                f"{form.name} wants one yes or no per score of shape {scores.shape}, and gets "
                f"class ids of shape {labels.shape}"
            )
        else:
            what = (
                f"{form.name} reads the labels, class ids up to {high:g}, as yes or no: every id "
                "but 0 is a yes"
            )
        return [
            Finding(
                "precision-on-sparse-labels",
                "error",
                what + "." + find.shown(figures) + find.per_class(form, labels, scores),
                {"y_true": str(labels.shape), "y_pred": str(scores.shape), **figures},
            )
        ]
    if outside(scores) and has_thresholds(form):
        return [find.on_logits(form, scores, figures)]
    return []


def _iou(form, y, p, figures) -> list[Finding]:
    if not form.settings.get("sparse_y_pred", True) or looks_like_ids(p.values):
        return []
    if form.name == "BinaryIoU":
        return [find.on_logits(form, p.values, figures)] if outside(p.values) else []
    return [
        Finding(
            "wrong-accuracy-metric",
            "error",
            f"{form.name} compares class ids, and gets scores of shape {p.values.shape} such as "
            f"{p.values.reshape(-1)[0]:.4g}, which it cuts off to whole numbers."
            + find.shown(figures),
            {"y_true": str(y.values.shape), "y_pred": str(p.values.shape), **figures},
            "Give it np.argmax(y_pred, axis=-1), or set sparse_y_pred=False.",
        )
    ]


def _unknown(form, y, p, figures) -> list[Finding]:
    """Recognise in a function of one's own the values that a slip of shapes produces."""
    labels, scores = y.values, p.values
    if "reported" not in figures or "reference" not in figures or scores.ndim != 2:
        return []
    ids = labels.argmax(axis=-1) if labels.shape == scores.shape else labels.reshape(-1)
    matrix = float((ids[:, None] == scores.argmax(axis=-1)[None, :]).mean())
    reported, expected = figures["reported"], figures["reference"]
    if abs(reported - expected) > SAME and abs(reported - matrix) < 1e-6 and len(ids) >= 4:
        return [
            Finding(
                "broadcast-shapes",
                "error",
                f"{form.name} reports {reported:.4g}; the accuracy is {expected:.4g}. Its "
                f"value is exactly the mean of the ({len(ids)}, {len(ids)}) matrix that compares "
                "every label with every prediction: labels (N, 1) were compared with predictions "
                "(N,).",
                figures,
            )
        ]
    return []


def _compare(form, labels, p, figures) -> list[Finding]:
    """Compare the reported accuracy with the true one, and name what parts them."""
    scores = p.values
    if "reference" not in figures:
        return []
    ids = labels.argmax(axis=-1) if labels.shape == scores.shape else labels
    limit = EXACT_IDS.get(p.dtype)
    apart = "reported" in figures and abs(figures["reported"] - figures["reference"]) > SAME
    if limit and scores.shape[-1] > limit and ids.max() > limit:
        return [
            Finding(
                "low-precision-ids",
                "error" if apart else "warning",
                f"The scores are {p.dtype} and there are {scores.shape[-1]} classes. {form.name} "
                f"turns class ids into {p.dtype}, which merges neighbours above {limit}: wrong "
                f"predictions count as right.{find.shown(figures)}",
                {"dtype": p.dtype, "classes": scores.shape[-1], "exact up to": limit, **figures},
            )
        ]
    if apart:
        return [
            Finding(
                "broadcast-shapes",
                "error",
                f"{form.name} compares labels of shape {labels.shape} with scores of shape "
                f"{scores.shape} otherwise than row by row.{find.shown(figures)}",
                {"y_true": str(labels.shape), "y_pred": str(scores.shape), **figures},
            )
        ]
    return _transposed(form, ids, scores, figures) or ties_rule(scores)


def _transposed(form, ids, scores, figures) -> list[Finding]:
    size = len(scores)
    if scores.ndim != 2 or size != scores.shape[1] or size < 8:
        return []
    other = reference.accuracy(ids, scores.T)
    # By chance k of n examples come out right with n classes; 6 of 8 or more do not.
    if other < figures["reference"] + 0.5:
        return []
    return [
        Finding(
            "wrong-axis",
            "warning",
            f"Along the last axis {figures['reference']:.3g} of the labels are right; along the "
            f"other, {other:.3g}. Batch size and number of classes are both {size}, so nothing "
            "complains if the scores lie on their side.",
            {**figures, "other axis": other},
        )
    ]


def _alarm(found) -> bool:
    return any(f.severity != "note" for f in found)
