"""Sample weights and class weights: their shape, their dtype, their scale, and whether they act."""

from collections.abc import Mapping
from numbers import Integral, Real

import numpy as np

from . import _arrays
from .report import Finding, Report

# A mean weight this far from 1 (either way) changes the step size noticeably.
SCALE = 1.5


def weights(sample_weight, y, *, class_weight=None) -> Report:
    """Check the weights that go into a loss against the labels they belong to.

    Parameters
    ----------
    sample_weight : array_like of float, shape of ``y`` without its last axis of 1, or None
        One weight per label, as given to ``loss_fn(..., sample_weight=...)``. None: the loss
        gets no weights.
    y : array_like, shape (N,), (N, 1), (N, C) one-hot, (B, T), …
        The labels.
    class_weight : dict {class id: weight} or sequence, optional
        What was declared. The check then says whether the sample weights carry it.

    Returns
    -------
    Report
        Pitfalls ``class-weights-ignored``, ``class-weights-scale``, ``loss-weights-misuse``
        and ``weights-not-in-metric`` (the shape that broadcasts).

    Raises
    ------
    TypeError, ValueError
        If the arrays are not numeric, are empty, or there is nothing to check.
    """
    labels = _arrays.numbers(y, "y")
    if labels.values.ndim == 0:
        raise ValueError("y is a single number; pass one label per example.")
    if sample_weight is None and class_weight is None:
        raise ValueError("There are no weights: pass sample_weight or class_weight.")
    ids = label_ids(labels.values)
    observed = {"labels": int(ids.size), "y": labels.values.shape}
    declared = None if class_weight is None else _declared(class_weight)
    found = [] if declared is None else class_weight_rules(declared, ids)
    if sample_weight is None:
        found.append(_never_applied("sample_weight is None", declared))
        return Report(tuple(found), observed)
    given = _arrays.numbers(sample_weight, "sample_weight")
    w = given.values
    observed |= {"sample_weight": w.shape, "dtype": given.dtype, "mean": float(np.mean(w))}
    found += sample_weight_rules(w, given.dtype, labels.values.shape, ids.shape)
    if declared is not None and w.size == ids.size:
        found += applied_rule(w.reshape(-1), ids.reshape(-1), declared)
    return Report(tuple(found), observed)


def label_ids(values) -> np.ndarray:
    """Return class ids from labels that may be one-hot or carry a last axis of 1."""
    if values.ndim > 1 and values.shape[-1] == 1:
        return values[..., 0]
    rows = values.ndim > 1 and np.isin(values, (0, 1)).all() and (values.sum(axis=-1) == 1).all()
    return values.argmax(axis=-1) if rows else values


def sample_weight_rules(
    w, dtype: str, y_shape, id_shape, *, negative: str = "error"
) -> list[Finding]:
    """Return the findings on sample weights alone: values, shape, dtype, scale.

    ``negative`` is how severe weights below 0 are.
    """
    found = []
    finite = np.isfinite(w.astype(np.float64))
    if not finite.all():
        found.append(_not_finite(w.size, int((~finite).sum())))
        return found
    if (w < 0).any():
        found.append(_negative(w, negative))
    found += shape_rule(w.shape, y_shape, id_shape)
    if dtype.startswith(("int", "uint")) and w.max() > 1:
        found.append(
            Finding(
                "class-weights-scale",
                "warning",
                f"The weights have dtype {dtype}: fractions were cut off when they were made "
                f"(values {_arrays.few(np.unique(w))}), and tf.gather on integers keeps it so.",
                {"dtype": dtype},
                "Make class weights float32 from the start.",
            )
        )
    mean = float(w.mean())
    if not w.any():
        found.append(
            Finding(
                "class-weights-scale",
                "warning",
                f"All {w.size} weights are 0: the loss is 0 and nothing is learnt.",
                {"mean weight": 0.0},
                "A batch that is all padding gives this; anything else is a mistake.",
            )
        )
    elif (w >= 0).all() and not 1 / SCALE < mean < SCALE and not _is_mask(w):
        found.append(
            Finding(
                "class-weights-scale",
                "note",
                f"The weights average {mean:.3g}. Keras divides by the number of examples, so the "
                f"loss and the gradient grow by about that factor, as if the learning rate were "
                f"{mean:.3g} times larger.",
                {"mean weight": mean, "lowest": float(w.min()), "highest": float(w.max())},
            )
        )
    return found


def _not_finite(size: int, count: int) -> Finding:
    return Finding(
        "class-weights-scale",
        "error",
        f"{count} of {size} weights are NaN or infinite. They turn the whole loss into NaN.",
        {"NaN or infinite": count, "weights": size},
        "Weights are finite and at least 0; a class without examples divides by 0.",
    )


def _negative(w, severity: str) -> Finding:
    count = int((w < 0).sum())
    return Finding(
        "class-weights-scale",
        severity,
        f"{count} of {w.size} weights are negative. A negative weight rewards the model for "
        "being wrong about its example, as a policy gradient means to; a class weight never does.",
        {"negative": count, "weights": int(w.size)},
        "Class weights are at least 0.",
    )


def shape_rule(w_shape, y_shape, id_shape) -> list[Finding]:
    """Find weights that do not stand one to one against the losses, one per label."""
    count = int(np.prod(id_shape))
    if w_shape == id_shape or w_shape == () or (w_shape == y_shape and y_shape[-1] == 1):
        if len(w_shape) == 2 and w_shape[-1] == 1 and len(id_shape) == 1 and count > 1:
            return [_column(w_shape, count, "note")]
        return []
    if len(id_shape) == 1 and w_shape == (count, 1) and count > 1:
        return [_column(w_shape, count, "warning")]
    if w_shape == id_shape[:1] and len(id_shape) > 1:
        return [
            Finding(
                "weights-not-in-metric",
                "warning",
                f"There is one weight per example, {w_shape}, and one loss per position, "
                f"{id_shape}. They broadcast along the last axis: wrongly where the "
                "lengths agree, else with an error.",
                {"weights": str(w_shape), "labels": str(id_shape)},
                "Give one weight per position, of the labels' shape.",
            )
        ]
    if w_shape == id_shape[:1] + (1,) * (len(id_shape) - 1):
        return []
    return [
        Finding(
            "weights-not-in-metric",
            "error",
            f"Weights of shape {w_shape} do not fit {count} labels of shape {id_shape}.",
            {"weights": str(w_shape), "labels": str(id_shape)},
            "One weight per label, in the labels' shape.",
        )
    ]


def class_weight_rules(declared: dict, ids) -> list[Finding]:
    """Find declared class weights that miss classes, or name classes that do not occur."""
    found = []
    present = np.unique(ids)
    bad = [c for c, v in declared.items() if not np.isfinite(v) or v < 0]
    if bad:
        found.append(
            Finding(
                "class-weights-scale",
                "error",
                f"The weight of class {bad[0]} is {declared[bad[0]]}. Weights are finite and at "
                "least 0; a class without examples divides by 0.",
                {"class": bad[0], "weight": float(declared[bad[0]])},
            )
        )
    missing = [int(c) for c in present if float(c).is_integer() and int(c) not in declared]
    if missing:
        found.append(
            Finding(
                "class-weights-ignored",
                "warning",
                f"class_weight has no entry for class {_arrays.few(missing)}, which occurs "
                f"{int(np.isin(ids, missing).sum())} times. Keras 3 gives it weight 1, Keras 2 "
                "raises, and a lookup table by hand may read another class's weight.",
                {"missing classes": len(missing), "first": missing[0]},
                "Give every class from 0 to C − 1 a weight.",
            )
        )
    extra = [c for c in declared if c < 0]
    gaps = sorted(set(range(max(declared, default=-1) + 1)) - set(declared))
    if extra or (gaps and not missing):
        found.append(
            Finding(
                "class-weights-ignored",
                "note",
                f"The class ids of class_weight are not 0, 1, 2, … without a gap "
                f"({_arrays.few(sorted(declared))}). A table made of its values in order would "
                "give classes the wrong weights.",
                {"classes": len(declared)},
                "Build the table by id: w = np.ones(C); w[id] = weight.",
            )
        )
    return found


def applied_rule(w, ids, declared: dict) -> list[Finding]:
    """Find class weights that were declared and do not show in the sample weights."""
    wanted = np.array([declared.get(int(c), 1.0) for c in ids], np.float64)
    if np.unique(wanted).size < 2:
        return []
    live = w > 0  # a zero may be a mask on top of the class weight
    if not live.any() or np.unique(wanted[live]).size < 2:
        return []
    if np.array_equal(w[live], np.floor(wanted[live])):
        return []  # applied, but cut to integers: the rule on dtypes says so
    if np.ptp(w[live]) <= 1e-6 * abs(w[live]).max():
        return [_never_applied(f"all sample weights are {w[live][0]:.4g}", declared)]
    ratio = w[live].astype(np.float64) / np.where(wanted[live] > 0, wanted[live], np.nan)
    ratio = ratio[np.isfinite(ratio)]
    if ratio.size and np.ptp(ratio) > 0.02 * ratio.mean():
        return [
            Finding(
                "class-weights-ignored",
                "note",
                "The sample weights are not the declared class weights times a constant (the ratio "
                f"runs from {ratio.min():.3g} to {ratio.max():.3g}). That is right if they also "
                "weigh single examples.",
                {"lowest ratio": float(ratio.min()), "highest ratio": float(ratio.max())},
            )
        ]
    return []


def _never_applied(why: str, declared) -> Finding:
    shown = ", ".join(f"{c}: {v:.3g}" for c, v in list(declared.items())[:4])
    return Finding(
        "class-weights-ignored",
        "error",
        f"Class weights are declared ({{{shown}{', …' if len(declared) > 4 else ''}}}), but "
        f"{why}: they change nothing. Only fit turns class_weight into sample weights.",
        {"classes": len(declared)},
    )


def _column(shape, count: int, severity: str) -> Finding:
    return Finding(
        "weights-not-in-metric",
        severity,
        f"The weights have shape {shape}, the losses of {count} labels shape ({count},). Keras' "
        f"losses drop the last axis; multiplied by hand they broadcast to ({count}, {count}), "
        "every weight with every loss.",
        {"weights": str(shape), "labels": count},
        "Flatten them: tf.reshape(sample_weight, [-1]).",
    )


def _is_mask(w) -> bool:
    return bool(np.isin(w, (0, 1)).all())


def _declared(class_weight) -> dict:
    if isinstance(class_weight, Mapping):
        pairs = dict(class_weight)
        wrong = [c for c in pairs if not isinstance(c, Integral) or isinstance(c, bool)]
        if wrong:
            raise _not_ids(wrong[0])
        values = [v for v in pairs.values() if not isinstance(v, Real)]
        if values:
            raise TypeError(f"class_weight holds {values[0]!r}, which is not a number.") from None
        return {int(c): float(v) for c, v in pairs.items()}
    if isinstance(class_weight, str):
        raise TypeError(
            f"class_weight={class_weight!r} is scikit-learn's. Pass a dict of class id to "
            "weight; sklearn.utils.class_weight.compute_class_weight computes the values."
        )
    table = _arrays.numbers(class_weight, "class_weight").values
    if table.ndim != 1:
        raise ValueError(
            f"class_weight must have one axis, one weight per class, not {table.shape}."
        )
    return {c: float(v) for c, v in enumerate(table)}


def _not_ids(key) -> TypeError:
    hint = ""
    if isinstance(key, str):
        hint = (
            " Names of outputs belong to loss_weights, which weighs whole losses against each "
            "other."
        )
    return TypeError(f"class_weight has the key {key!r}; keys are class ids 0, 1, 2, ….{hint}")
