"""What a loss wants: which labels, and logits or probabilities."""

import functools
import inspect
from dataclasses import dataclass

import numpy as np

from .. import reference

FAMILIES = {
    "sparse_categorical_crossentropy": "sparse",
    "sparse_softmax_cross_entropy_with_logits": "sparse",
    "categorical_crossentropy": "categorical",
    "categorical_focal_crossentropy": "categorical",
    "softmax_cross_entropy_with_logits": "categorical",
    "binary_crossentropy": "binary",
    "binary_focal_crossentropy": "binary",
    "sigmoid_cross_entropy_with_logits": "binary",
}


@dataclass(frozen=True)
class LossForm:
    """How a loss reads its arguments.

    Attributes
    ----------
    call : callable
        ``call(y_true, y_pred)``.
    name : str
    family : {"sparse", "categorical", "binary", ""}
        Class ids, one row per example, yes or no per unit; empty if unknown.
    from_logits : bool or None
        None if it could not be told.
    ignore_class : int or None
    known : bool
        Whether the loss is one of Keras' or TensorFlow's own.
    broadcast : bool
        Whether its value is that of a (B, B) matrix, every label against every prediction.
    misplaced : str
        What stands in ``from_logits`` though it is no bool, such as "none"; else empty.
    """

    call: object
    name: str
    family: str
    from_logits: bool | None
    ignore_class: int | None = None
    known: bool = True
    misplaced: str = ""
    broadcast: bool = False


def read_loss(loss_fn, num_units: int) -> LossForm:
    """Find out a loss's form: from its configuration, else by trying it on known numbers.

    Parameters
    ----------
    loss_fn : str, Keras loss, or callable ``(y_true, y_pred)``
    num_units : int
        Width of the scores to try an unknown loss with.

    Raises
    ------
    ValueError, TypeError
        For a name Keras does not know, or what is not callable.
    """
    if isinstance(loss_fn, str):
        loss_fn = _by_name(loss_fn)
    if not callable(loss_fn):
        raise TypeError(
            f"loss_fn is a {type(loss_fn).__name__}. Pass a Keras loss, its name, or a function "
            "of (y_true, y_pred)."
        )
    settings, function = {}, loss_fn
    if hasattr(loss_fn, "get_config"):
        # A loss of one's own may not describe itself; then it is tried like any function.
        try:
            settings = dict(loss_fn.get_config())
        except Exception:
            settings = {}
        function = getattr(loss_fn, "fn", loss_fn)
    while isinstance(function, functools.partial):
        settings = {**function.keywords, **settings}
        function = function.func
    name = getattr(loss_fn, "name", None) or getattr(function, "__name__", type(loss_fn).__name__)
    plain = getattr(function, "__name__", "").removesuffix("_v2")
    family = FAMILIES.get(plain, "")
    ours = getattr(function, "__module__", "") or ""
    if family and ours.split(".")[0] in ("keras", "tensorflow", "tf_keras"):
        if plain.endswith("_with_logits"):
            return LossForm(loss_fn, name, family, True)
        default = inspect.signature(function).parameters.get("from_logits")
        said = settings.get("from_logits", default.default if default else False)
        return LossForm(
            loss_fn,
            name,
            family,
            bool(said),
            settings.get("ignore_class"),
            misplaced="" if isinstance(said, bool) else repr(said),
        )
    if ours.split(".")[0] in ("keras", "tf_keras"):
        return LossForm(loss_fn, name, "", None)
    return _try_out(loss_fn, name, max(num_units, 2))


def _by_name(name: str):
    import keras

    # compile() turns a name into the class, which averages over the batch and lines up
    # the ranks of labels and scores; the function of the same name does neither.
    camel = "".join(part.capitalize() for part in name.split("_"))
    for spelling in (camel, name):
        try:
            return keras.losses.get(spelling)
        except ValueError:
            continue
    else:
        raise ValueError(
            f"Keras knows no loss called {name!r}. Names are such as "
            "'sparse_categorical_crossentropy'."
        ) from None


def _try_out(loss_fn, name: str, width: int) -> LossForm:
    """Tell a function's form from its value on scores for which the forms differ."""
    import tensorflow as tf

    ids = np.arange(4) % width
    grid = 0.1 + 0.8 * ((np.arange(4 * width) * 7 % (4 * width)) / (4 * width))
    scores = grid.reshape(4, width).astype(np.float32)
    for family, labels in (("sparse", ids), ("categorical", np.eye(width)[ids])):
        dtype = tf.int64 if family == "sparse" else tf.float32
        try:
            got = np.asarray(loss_fn(tf.constant(labels, dtype), tf.constant(scores)))
        except Exception:
            continue  # it does not take such labels
        for from_logits, matrix in _known_forms(scores):
            # Column j of the matrix is the loss of every row under label j of the batch.
            matrix = matrix[:, ids]
            if _same(got, np.diag(matrix)):
                return LossForm(loss_fn, name, family, from_logits, known=False)
            if _same(got, matrix) or _same(got, matrix.T):
                return LossForm(loss_fn, name, family, from_logits, known=False, broadcast=True)
    return LossForm(loss_fn, name, "", None, known=False)


def _known_forms(scores):
    """Yield from_logits and −log p of shape (B, C) for each formula in use."""
    p = scores.astype(np.float64)
    yield True, -reference.log_softmax(scores)
    yield False, -np.log(p / p.sum(axis=-1, keepdims=True))
    yield False, -np.log(p)


def _same(got, each) -> bool:
    if got.shape == each.shape:
        return bool(np.allclose(got, each, rtol=1e-4))
    if got.size != 1:
        return False
    return any(np.allclose(got, total, rtol=1e-4) for total in (each.mean(), each.sum()))
