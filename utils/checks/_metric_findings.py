"""The findings on metrics that several kinds of metric share: words and numbers."""

import numpy as np

from .. import reference
from . import _arrays
from ._metric_forms import looks_like_ids, one_hot, snake
from .report import Finding


def ids_as_scores(form, labels, scores, figures) -> list[Finding]:
    """Find predicted class ids where one score per class is wanted."""
    single = scores.ndim == 1 or scores.shape[-1] == 1
    ids = looks_like_ids(scores) and (single or scores.shape == labels.shape)
    if scores.ndim > 1 and not ids:
        return []
    if scores.ndim > 1 and scores.shape == labels.shape and one_hot(scores):
        return []
    true = ""
    if scores.size == labels.size and looks_like_ids(scores):
        same = float((scores.reshape(-1) == labels.reshape(-1)).mean())
        figures = {**figures, "reference": same}
        true = shown(figures)
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


def one_hot_labels(form, labels, figures) -> Finding:
    """Find a row of labels per example where one class id is wanted."""
    rows = labels.reshape(-1, labels.shape[-1])
    exact = f" ({len(rows)} rows with one 1 each)" if one_hot(labels) else ""
    rows_fit = labels.shape[0] in (1, labels.shape[-1])
    how = (
        "It broadcasts and returns a figure without meaning, since the batch size is 1 or equals "
        "the number of classes."
        if "reported" in figures or rows_fit
        else "It raises here; with a batch size of 1, or equal to the number of classes, it would "
        "return a figure without meaning."
    )
    return Finding(
        "one-hot-labels",
        "error",
        f"Labels of shape {labels.shape}{exact} are a row per example; {form.name} wants one class "
        f"id. {how}{shown(figures)}",
        {"y_true": str(labels.shape), **figures},
    )


def one_unit(form, figures) -> Finding:
    """Find one score per example, whose argmax is always 0."""
    return Finding(
        "output-units",
        "error",
        f"There is one score per example. {form.name} takes the argmax of it, which is always 0, "
        f"and reports the share of class 0.{shown(figures)}",
        {"units": 1, **figures},
    )


def channels_first(labels, scores) -> Finding:
    """Find the class axis in second place."""
    return Finding(
        "wrong-axis",
        "error",
        f"Labels of shape {labels.shape} against scores of shape {scores.shape}: the classes stand "
        "on axis 1, and the metric looks for them on the last.",
        {"y_true": str(labels.shape), "y_pred": str(scores.shape)},
        "Move them: np.moveaxis(scores, 1, -1), or train with channels last.",
    )


def on_logits(form, scores, figures) -> Finding:
    """Find logits where scores are compared with thresholds in 0 … 1."""
    return Finding(
        "metric-on-logits",
        "error",
        f"{form.name} compares scores with thresholds in 0 … 1, and these run from "
        f"{scores.min():.3g} to {scores.max():.3g}: they are logits.{shown(figures)}",
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


def void_counted(form, labels, classes: int) -> Finding:
    """Note void labels that count as wrong."""
    void = int(((labels < 0) | (labels >= classes)).sum())
    return Finding(
        "padding-counted",
        "note",
        f"{void} of {labels.size} labels are −1 or 255, as void positions are marked. {form.name} "
        "counts each of them as wrong unless a sample weight of 0 leaves it out.",
        {"void": void, "labels": int(labels.size)},
    )


def per_class(form, labels, scores) -> str:
    """Return a sentence with the figure by class, for precision and recall."""
    name = snake(form.name)
    if name not in ("precision", "recall") or scores.ndim != 2 or scores.shape[-1] < 2:
        return ""
    ids, classes = labels.reshape(-1).astype(int), scores.shape[-1]
    if ids.min() < 0 or ids.max() >= classes or len(ids) != len(scores):
        return ""
    matrix = reference.confusion_matrix(ids, scores.argmax(axis=-1), classes)
    values = getattr(reference, name)(matrix)
    return f" By class, the {name} is {_arrays.few(np.round(values, 3))}."


def figures(reported, expected) -> dict:
    """Return the reported and the true figure as evidence, as far as they are known."""
    figures = {}
    if reported is not None and np.size(reported) and np.isfinite(reported).all():
        figures["reported"] = float(np.mean(reported))
    if expected is not None:
        figures["reference"] = float(expected)
    return figures


def shown(figures: dict) -> str:
    """Return the figures as a sentence."""
    if "reported" not in figures:
        return ""
    text = f" It reports {figures['reported']:.4g}"
    if "reference" in figures:
        text += f"; the accuracy is {figures['reference']:.4g}"
    return text + "."
