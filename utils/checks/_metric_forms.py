"""Reading metrics, and the labels and scores they are given; nothing of TensorFlow is imported."""

from dataclasses import dataclass

import numpy as np

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
        key = getattr(wrapped, "__name__", "") if wrapped is not None else snake(name)
        family = _family(key) or _family(snake(name))
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


def _family(key: str) -> str:
    if key in SPARSE:
        return "sparse"
    if key in CATEGORICAL:
        return "categorical"
    if key in THRESHOLD:
        return "threshold"
    return {"binary_accuracy": "binary", "accuracy": "exact"}.get(key, "iou" if key in IOU else "")


def snake(name: str) -> str:
    """Return a class's name as its function is spelt."""
    special = {"AUC": "auc", "F1Score": "f1_score", "FBetaScore": "fbeta_score"}
    if name in special:
        return special[name]
    return "".join("_" + c.lower() if c.isupper() else c for c in name).strip("_")


def is_float(values) -> bool:
    """Whether the dtype is floating."""
    return values.dtype.kind == "f"


def looks_like_ids(values) -> bool:
    """Whether all values are whole numbers."""
    return values.dtype.kind in "biu" or bool((values == np.round(values)).all())


def one_hot(values) -> bool:
    """Whether each row holds a single 1 and zeros."""
    if values.ndim < 2 or values.shape[-1] < 2:
        return False
    return bool(np.isin(values, (0, 1)).all() and (values.sum(axis=-1) == 1).all())


def several(values) -> bool:
    """Whether some row holds more than one 1."""
    return bool(np.isin(values, (0, 1)).all() and (values.sum(axis=-1) > 1).any())


def is_void(labels, classes: int) -> bool:
    """−1 and 255 mark void positions, which a sample weight may leave out of the metric."""
    outside = labels[(labels < 0) | (labels >= classes)]
    return bool(np.isin(outside, (-1, 255)).all())


def outside(scores) -> bool:
    """Whether some score lies outside 0 … 1."""
    return bool((scores < -1e-3).any() or (scores > 1 + 1e-3).any())


def has_thresholds(form: MetricForm) -> bool:
    """Whether the metric compares scores with thresholds other than 0."""
    settings = form.settings
    if settings.get("from_logits") or settings.get("top_k"):
        return False
    if snake(form.name) in ("f1_score", "fbeta_score"):
        return settings.get("threshold") is not None
    thresholds = settings.get("thresholds")
    return thresholds is None or bool(np.any(np.asarray(thresholds) != 0))
