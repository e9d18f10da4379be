"""Which metric goes with which labels and scores. Pure functions of arrays and settings."""

from dataclasses import dataclass

import numpy as np

from .. import reference
from . import _arrays, _labels
from ._outputs import sums_to_one, ties_rule
from .report import Finding

SPARSE = ("sparse_categorical_accuracy", "sparse_top_k_categorical_accuracy")
CATEGORICAL = ("categorical_accuracy", "top_k_categorical_accuracy")
CURVES = ("sensitivity_at_specificity", "specificity_at_sensitivity", "precision_at_recall")
COUNTS = ("true_positives", "true_negatives", "false_positives", "false_negatives")
THRESHOLD = (
    "precision",
    "recall",
    "auc",
    "f1_score",
    "fbeta_score",
    "recall_at_precision",
    *CURVES,
    *COUNTS,
)
IOU = ("mean_io_u", "io_u", "binary_io_u")
EXACT_IDS = {"bfloat16": 256, "float16": 2048}
SAME = 1e-4


@dataclass(frozen=True)
class MetricForm:
    """What the rules need to know of a metric.

    Attributes
    ----------
    name : str
        The class's or function's name, as users write it.
    family : {"sparse", "categorical", "binary", "exact", "threshold", "iou", ""}
    settings : dict
        Its configuration (threshold, thresholds, class_id, top_k, from_logits, axis, …).
    own : bool
        Whether the user wrote it, so that only its value tells what it measures.
    """

    name: str
    family: str
    settings: dict
    own: bool = False


def form_of(metric) -> MetricForm:
    """Read a Keras metric or a metric function; nothing of TensorFlow is imported."""
    settings = {}
    if hasattr(metric, "update_state"):
        wrapped = getattr(metric, "_fn", None)
        name = type(metric).__name__
        key = getattr(wrapped, "__name__", "") if wrapped is not None else _snake(name)
        family = _family(key) or _family(_snake(name))
        if family and hasattr(metric, "get_config"):
            settings = metric.get_config()
        return MetricForm(name, family, settings)
    function = getattr(metric, "func", metric)
    name = getattr(function, "__name__", type(metric).__name__)
    ours = (getattr(function, "__module__", "") or "").split(".")[0] in ("keras", "tf_keras")
    return MetricForm(name, _family(name) if ours else "", settings, own=not ours)


def what_accuracy_means(y_shape, p_shape) -> str:
    """Return what Keras makes of the string "accuracy", from the shapes alone."""
    if p_shape[-1] == 1 or len(p_shape) == 1:
        return "BinaryAccuracy"
    return (
        "CategoricalAccuracy" if tuple(y_shape) == tuple(p_shape) else "SparseCategoricalAccuracy"
    )


def expected_accuracy(form: MetricForm, y, p) -> float | None:
    """Return the share of right predictions, wherever labels and scores leave no doubt.

    Only for metrics that set out to report it: accuracies, and functions of one's own.
    """
    measured = form.family in ("sparse", "categorical", "exact") or form.own
    if not measured or "top_k" in _snake(form.name):
        return None
    if p.ndim < 2 or p.shape[-1] < 2 or (form.family == "exact" and _looks_like_ids(p)):
        return None
    if y.shape == p.shape and _one_hot(y):
        ids = y.argmax(axis=-1)
    elif _looks_like_ids(y) and y.size * p.shape[-1] == p.size:
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
    if found := nan_rule(p.values):
        return found
    figures = _figures(reported, expected)
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
    scores_first = _is_float(y) and not _looks_like_ids(y) and np.isfinite(y).all()
    if not form.family or not scores_first or not _looks_like_ids(p):
        return []
    # Soft labels are fractional too, but then predictions have the same shape and are no ids.
    rows = y.shape == p.shape and y.ndim > 1 and y.shape[-1] > 1
    if rows and (not _one_hot(p) or len(np.unique(y)) <= 3):
        return []
    return [
        Finding(
            "swapped-arguments",
            "error",
            f"The first argument, y_true, holds fractional scores of shape {y.shape}; the second, "
            f"y_pred, whole numbers of shape {p.shape}. {form.name} takes (y_true, y_pred): labels "
            "first." + _shown(figures),
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
    if ids := _ids_as_scores(form, labels, scores, figures):
        return ids
    classes = scores.shape[-1]
    if classes == 1:
        return [_one_unit(form, figures)]
    same_rank = labels.ndim == scores.ndim and labels.shape[-1] == classes
    if same_rank or (_one_hot(labels) and len(labels) >= 4 and labels.shape[-1] == classes > 2):
        return [_one_hot_labels(form, labels, figures)]
    on_axis_1 = scores.ndim == labels.ndim + 1 > 2 and labels.shape[1:] == scores.shape[2:]
    if on_axis_1 and labels.shape != scores.shape[:-1]:
        return [_channels_first(labels, scores)]
    if labels.dtype.kind == "f" and (bad := _labels.fraction_rule(labels.reshape(-1), classes)):
        return bad
    found = _labels.range_rule(labels.reshape(-1).astype(np.int64), labels.shape, classes)
    if found and _is_void(labels, classes):
        found = [_void_counted(form, labels, classes)]
    return [*found, *_compare(form, labels, p, figures)] if not _alarm(found) else found


def _categorical(form, y, p, figures) -> list[Finding]:
    labels, scores = y.values, p.values
    if scores.ndim < 2 or scores.shape[-1] == 1:
        if scores.shape[-1] == 1 and _is_float(scores) and scores.ndim > 1:
            return [_one_unit(form, figures)]
        return _ids_as_scores(form, labels, scores, figures)
    if labels.ndim < scores.ndim or labels.shape[-1] == 1:
        return [
            Finding(
                "sparse-labels-to-categorical",
                "error",
                f"The labels have shape {labels.shape}, one class id per example; {form.name} "
                "takes the argmax of each row of labels, which is 0 where there is no row, and so "
                f"counts how often class 0 is predicted.{_shown(figures)}",
                {"y_true": str(labels.shape), "y_pred": str(scores.shape), **figures},
            )
        ]
    if _several(labels):
        return [
            Finding(
                "wrong-accuracy-metric",
                "warning",
                f"The labels are multi-hot ({labels.sum(axis=-1).mean():.2g} ones per row); "
                f"{form.name} looks only at the first of them and at the highest score."
                + _shown(figures),
                {"ones per row": float(labels.sum(axis=-1).mean()), **figures},
                "For several classes per example use BinaryAccuracy.",
            )
        ]
    return _compare(form, labels, p, figures) if _one_hot(labels) else []


def _binary(form, y, p, figures) -> list[Finding]:
    labels, scores = y.values, p.values
    threshold = form.settings.get("threshold", 0.5)
    if scores.shape[-1] > 2 and labels.shape == scores.shape and _one_hot(labels):
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
                f"itself, so a model that says no to everything scores {best}.{_shown(figures)}",
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
                f"a yes or no and cannot pair these.{_shown(figures)}",
                {"y_true": str(labels.shape), "y_pred": str(scores.shape), **figures},
                "Use SparseCategoricalAccuracy for class ids.",
            )
        ]
    if 0 < threshold < 1 and _outside(scores):
        return [_on_logits(form, scores, figures)]
    return []


def _exact(form, y, p, figures) -> list[Finding]:
    labels, scores = y.values, p.values
    if _looks_like_ids(scores) and not (scores.ndim > 1 and scores.shape[-1] > 1):
        return []
    if _looks_like_ids(scores) and scores.shape == labels.shape:
        return []
    return [
        Finding(
            "wrong-accuracy-metric",
            "error",
            f"{form.name} asks whether label and prediction are the same number, and the "
            f"predictions of shape {scores.shape} are scores such as {scores.reshape(-1)[0]:.4g}."
            + _shown(figures),
            {"y_true": str(labels.shape), "y_pred": str(scores.shape), **figures},
        )
    ]


def _threshold(form, y, p, figures) -> list[Finding]:
    labels, scores = y.values, p.values
    ids = _looks_like_ids(labels) and not (labels.ndim > 1 and labels.shape[-1] > 1)
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
                what + "." + _shown(figures) + _per_class(form, labels, scores),
                {"y_true": str(labels.shape), "y_pred": str(scores.shape), **figures},
            )
        ]
    if _outside(scores) and _has_thresholds(form):
        return [_on_logits(form, scores, figures)]
    return []


def _iou(form, y, p, figures) -> list[Finding]:
    if not form.settings.get("sparse_y_pred", True) or _looks_like_ids(p.values):
        return []
    if form.name == "BinaryIoU":
        return [_on_logits(form, p.values, figures)] if _outside(p.values) else []
    return [
        Finding(
            "wrong-accuracy-metric",
            "error",
            f"{form.name} compares class ids, and gets scores of shape {p.values.shape} such as "
            f"{p.values.reshape(-1)[0]:.4g}, which it cuts off to whole numbers.{_shown(figures)}",
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
                f"predictions count as right.{_shown(figures)}",
                {"dtype": p.dtype, "classes": scores.shape[-1], "exact up to": limit, **figures},
            )
        ]
    if apart:
        return [
            Finding(
                "broadcast-shapes",
                "error",
                f"{form.name} compares labels of shape {labels.shape} with scores of shape "
                f"{scores.shape} otherwise than row by row.{_shown(figures)}",
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


def _ids_as_scores(form, labels, scores, figures) -> list[Finding]:
    single = scores.ndim == 1 or scores.shape[-1] == 1
    ids = _looks_like_ids(scores) and (single or scores.shape == labels.shape)
    if scores.ndim > 1 and not ids:
        return []
    if scores.ndim > 1 and scores.shape == labels.shape and _one_hot(scores):
        return []
    true = ""
    if scores.size == labels.size and _looks_like_ids(scores):
        same = float((scores.reshape(-1) == labels.reshape(-1)).mean())
        figures = {**figures, "reference": same}
        true = _shown(figures)
    return [
        Finding(
            "class-ids-as-scores",
            "error",
            f"The predictions have shape {scores.shape}: one number per example, not one score per "
            f"class. {form.name} takes an argmax over them"
            + (", that is over the batch." if scores.ndim == 1 else ".")
            + true,
            {"y_pred": str(scores.shape), **figures},
        )
    ]


def _one_hot_labels(form, labels, figures) -> Finding:
    rows = labels.reshape(-1, labels.shape[-1])
    exact = f" ({len(rows)} rows with one 1 each)" if _one_hot(labels) else ""
    how = (
        "It broadcasts and returns a figure without meaning, since the batch size is 1 or equals "
        "the number of classes."
        if "reported" in figures
        else "It raises here; with a batch size of 1, or equal to the number of classes, it would "
        "return a figure without meaning."
    )
    return Finding(
        "one-hot-labels",
        "error",
        f"Labels of shape {labels.shape}{exact} are a row per example; {form.name} wants one class "
        f"id. {how}{_shown(figures)}",
        {"y_true": str(labels.shape), **figures},
    )


def _one_unit(form, figures) -> Finding:
    return Finding(
        "output-units",
        "error",
        f"There is one score per example. {form.name} takes the argmax of it, which is always 0, "
        f"and reports the share of class 0.{_shown(figures)}",
        {"units": 1, **figures},
    )


def _channels_first(labels, scores) -> Finding:
    return Finding(
        "wrong-axis",
        "error",
        f"Labels of shape {labels.shape} against scores of shape {scores.shape}: the classes stand "
        "on axis 1, and the metric looks for them on the last.",
        {"y_true": str(labels.shape), "y_pred": str(scores.shape)},
        "Move them: np.moveaxis(scores, 1, -1), or train with channels last.",
    )


def _on_logits(form, scores, figures) -> Finding:
    return Finding(
        "metric-on-logits",
        "error",
        f"{form.name} compares scores with thresholds in 0 … 1, and these run from "
        f"{scores.min():.3g} to {scores.max():.3g}: they are logits.{_shown(figures)}",
        {"lowest": float(scores.min()), "highest": float(scores.max()), **figures},
    )


def nan_rule(scores) -> list[Finding]:
    """Find predictions that are NaN or infinite; −inf beside finite scores is a mask."""
    rows = scores.reshape(len(scores), -1).astype(np.float64)
    bad = ~(rows < np.inf).all(axis=-1) | ~np.isfinite(rows).any(axis=-1)
    if not bad.any():
        return []
    return [
        Finding(
            "nan-scores",
            "error",
            f"{bad.sum()} of {len(rows)} predictions hold NaN or infinity. The argmax of such a "
            "row is 0, so an accuracy still looks alive: it is the share of class 0 among them.",
            {"bad rows": int(bad.sum()), "rows": len(rows)},
        )
    ]


def _per_class(form, labels, scores) -> str:
    name = _snake(form.name)
    if name not in ("precision", "recall") or scores.ndim != 2 or scores.shape[-1] < 2:
        return ""
    ids, classes = labels.reshape(-1).astype(int), scores.shape[-1]
    if ids.min() < 0 or ids.max() >= classes or len(ids) != len(scores):
        return ""
    matrix = reference.confusion_matrix(ids, scores.argmax(axis=-1), classes)
    values = getattr(reference, name)(matrix)
    return f" By class, the {name} is {_arrays.few(np.round(values, 3))}."


def _figures(reported, expected) -> dict:
    figures = {}
    if reported is not None and np.size(reported) and np.isfinite(reported).all():
        figures["reported"] = float(np.mean(reported))
    if expected is not None:
        figures["reference"] = float(expected)
    return figures


def _shown(figures: dict) -> str:
    if "reported" not in figures:
        return ""
    text = f" It reports {figures['reported']:.4g}"
    if "reference" in figures:
        text += f"; the accuracy is {figures['reference']:.4g}"
    return text + "."


def _family(key: str) -> str:
    if key in SPARSE:
        return "sparse"
    if key in CATEGORICAL:
        return "categorical"
    if key in THRESHOLD:
        return "threshold"
    return {"binary_accuracy": "binary", "accuracy": "exact"}.get(key, "iou" if key in IOU else "")


def _snake(name: str) -> str:
    special = {"AUC": "auc", "F1Score": "f1_score", "FBetaScore": "fbeta_score"}
    if name in special:
        return special[name]
    return "".join("_" + c.lower() if c.isupper() else c for c in name).strip("_")


def _is_float(values) -> bool:
    return values.dtype.kind == "f"


def _looks_like_ids(values) -> bool:
    return values.dtype.kind in "biu" or bool((values == np.round(values)).all())


def _one_hot(values) -> bool:
    if values.ndim < 2 or values.shape[-1] < 2:
        return False
    return bool(np.isin(values, (0, 1)).all() and (values.sum(axis=-1) == 1).all())


def _several(values) -> bool:
    return bool(np.isin(values, (0, 1)).all() and (values.sum(axis=-1) > 1).any())


def _alarm(found) -> bool:
    return any(f.severity != "note" for f in found)


def _void_counted(form, labels, classes: int) -> Finding:
    void = int(((labels < 0) | (labels >= classes)).sum())
    return Finding(
        "padding-counted",
        "note",
        f"{void} of {labels.size} labels are −1 or 255, as void positions are marked. {form.name} "
        "counts each of them as wrong unless a sample weight of 0 leaves it out.",
        {"void": void, "labels": int(labels.size)},
    )


def _is_void(labels, classes: int) -> bool:
    """−1 and 255 mark void positions, which a sample weight may leave out of the metric."""
    outside = labels[(labels < 0) | (labels >= classes)]
    return bool(np.isin(outside, (-1, 255)).all())


def _outside(scores) -> bool:
    return bool((scores < -1e-3).any() or (scores > 1 + 1e-3).any())


def _has_thresholds(form: MetricForm) -> bool:
    settings = form.settings
    if settings.get("from_logits") or settings.get("top_k"):
        return False
    if _snake(form.name) in ("f1_score", "fbeta_score"):
        return settings.get("threshold") is not None
    thresholds = settings.get("thresholds")
    return thresholds is None or bool(np.any(np.asarray(thresholds) != 0))
