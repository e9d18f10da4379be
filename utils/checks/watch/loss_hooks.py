"""Losses and cross entropies as they are called: Keras' classes and functions, TensorFlow's ops."""

import inspect

import keras
import tensorflow as tf
from keras.src.backend.tensorflow import nn as keras_nn
from tensorflow.python.eager import record
from tensorflow.python.ops import gen_nn_ops, nn_impl

from .events import Event
from .hearing import CONTAINERS, deaf, emit, inside, is_within, replicas, within

EXPECTED_OP = {"sparse": "Softmax", "categorical": "Softmax", "binary": "Sigmoid"}


def install(patches) -> None:
    """Wrap losses and cross entropies."""
    patches.wrap(keras.Loss, "__call__", _loss)
    for kind in EXPECTED_OP:
        name = {"sparse": "sparse_categorical", "categorical": "categorical", "binary": "binary"}
        patches.wrap(keras_nn, f"{name[kind]}_crossentropy", lambda f, k=kind: _keras_ce(f, k))
    patches.wrap(
        gen_nn_ops,
        "sparse_softmax_cross_entropy_with_logits",
        lambda f: _raw_ce(f, "sparse", ("features", "labels")),
    )
    patches.wrap(
        gen_nn_ops,
        "softmax_cross_entropy_with_logits",
        lambda f: _raw_ce(f, "categorical", ("features", "labels")),
    )
    # What tf.nn exports calls this by its module's name, whoever holds the export.
    patches.wrap(
        nn_impl,
        "sigmoid_cross_entropy_with_logits",
        lambda f: _raw_ce(f, "binary", ("logits", "labels"), swapped=True),
    )
    patches.rewire(
        inspect.unwrap(tf.nn.weighted_cross_entropy_with_logits),
        lambda f: _raw_ce(f, "binary", ("logits", "labels"), swapped=True),
    )


def _loss(original):
    def call(self, y_true, y_pred, sample_weight=None):
        if deaf() or type(self).__name__ in CONTAINERS:
            return original(self, y_true, y_pred, sample_weight)
        tensors = {"y_true": y_true, "y_pred": y_pred, "sample_weight": sample_weight}
        info = {"masked": getattr(y_pred, "_keras_mask", None) is not None}
        info |= {"taped": record.could_possibly_record(), "replicas": replicas()}
        try:
            with inside("loss", self):
                result = original(self, y_true, y_pred, sample_weight)
        except Exception as problem:
            emit(Event("loss", self, tensors, {**info, "raised": problem}))
            raise
        emit(Event("loss", self, {**tensors, "result": result}, info))
        return result

    return call


def _keras_ce(original, kind):
    def call(target, output, from_logits=False, axis=-1):
        args = (
            (target, output, from_logits)
            if kind == "binary"
            else (target, output, from_logits, axis)
        )
        if deaf():
            return original(*args)
        repaired = _repaired(output, EXPECTED_OP[kind])
        info = {
            "ce": kind,
            "from_logits": from_logits,
            "origin": repaired,
            "axis": axis,
            "metric": within("metric"),
            "taped": record.could_possibly_record(),
        }
        tensors = {"y_true": target, "y_pred": output}
        loss = within("loss")
        try:
            with inside("cross_entropy"):
                result = original(*args)
        except Exception as problem:
            emit(Event("cross_entropy", loss, tensors, {**info, "raised": problem}))
            raise
        emit(Event("cross_entropy", loss, {**tensors, "result": result}, info))
        return result

    return call


def _repaired(output, op_type: str) -> str:
    """Say which activation Keras will look through to find the logits, if any."""
    if hasattr(output, "_keras_logits"):
        return "attached"
    op = getattr(output, "op", None) if hasattr(output, "graph") else None
    return "graph" if op is not None and op.type == op_type else ""


def _raw_ce(original, kind, names, swapped=False):
    def call(*args, **kwargs):
        if deaf() or is_within("cross_entropy"):
            return original(*args, **kwargs)
        given = dict(zip(reversed(names) if swapped else names, args, strict=False)) | kwargs
        tensors = {"y_true": given.get("labels"), "y_pred": given.get(names[0])}
        info = {
            "ce": kind,
            "from_logits": True,
            "origin": "",
            "raw": True,
            "axis": -1,
            "metric": within("metric"),
            "taped": record.could_possibly_record(),
        }
        try:
            result = original(*args, **kwargs)
        except Exception as problem:
            emit(Event("cross_entropy", None, tensors, {**info, "raised": problem}))
            raise
        per_example = result[0] if kind == "categorical" and isinstance(result, tuple) else result
        if hasattr(per_example, "loss"):
            per_example = per_example.loss
        emit(Event("cross_entropy", None, {**tensors, "result": per_example}, info))
        return result

    return call
