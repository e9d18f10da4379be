"""The points at which a loop is observed: what is wrapped, and what each wrapper reports."""

import inspect
import random
import weakref

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend.common.stateless_scope import in_stateless_scope
from keras.src.backend.tensorflow import nn as keras_nn
from keras.src.optimizers import base_optimizer
from tensorflow.python.data.ops import dataset_ops
from tensorflow.python.eager import record
from tensorflow.python.eager.polymorphic_function import concrete_function, polymorphic_function
from tensorflow.python.framework import ops
from tensorflow.python.ops import gen_nn_ops, nn_impl

from .events import Event
from .patching import SWITCHBOARD

EXPECTED_OP = {"sparse": "Softmax", "categorical": "Softmax", "binary": "Sigmoid"}
FUNCTIONS = ("sparse_categorical_accuracy", "categorical_accuracy", "binary_accuracy")
HERE = SWITCHBOARD.here
CONTAINERS = ("CompileLoss", "CompileMetrics", "MetricsList")
# Of Python's own, randint is left out: Keras draws seeds with it.
DRAWS = {
    random: ("random", "uniform", "gauss", "choice", "shuffle"),
    np.random: (
        "rand", "randn", "random", "random_sample", "randint", "uniform", "normal", "binomial",
        "beta", "choice", "permutation", "shuffle",
    ),
}  # fmt: skip


def install(patches) -> None:
    """Wrap everything that is observed."""
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
    patches.wrap(keras.Model, "__call__", _model)
    patches.wrap(base_optimizer.BaseOptimizer, "__init__", _created("optimizer"))
    patches.wrap(base_optimizer.BaseOptimizer, "apply", _apply)
    patches.wrap(tf.GradientTape, "__enter__", _taped)
    patches.wrap(tf.GradientTape, "gradient", _gradient)
    patches.wrap(concrete_function.ConcreteFunction, "_call_flat", _concrete)
    patches.wrap(polymorphic_function.Function, "__call__", _function)
    patches.wrap(dataset_ops.DatasetV2, "__iter__", _iterate)
    patches.wrap(keras.Model, "compile", _compiled)
    for name in ("fit", "evaluate", "predict"):
        patches.wrap(keras.Model, name, lambda f, n=name: _trainer(f, n))
    patches.wrap(ops._EagerTensorBase, "numpy", _converted)
    patches.wrap(ops._EagerTensorBase, "__float__", _converted)
    patches.wrap(ops._EagerTensorBase, "_numpy", _read)
    for function in (np.mean, np.average):
        patches.rewire(inspect.unwrap(function), _averaged)
    patches.wrap(tf.distribute.Strategy.__mro__[1], "reduce", _reduced)
    patches.wrap_property(keras.layers.Layer, "losses", _losses_read)
    for name in FUNCTIONS:
        patches.rewire(getattr(keras.metrics, name), _functional)
    patches.wrap(keras.Metric, "__init__", _metric_created)
    patches.wrap(keras.Metric, "__call__", _metric_called)
    patches.wrap(keras.Metric, "reset_state", _metric_method("reset"))
    for cls in _subclasses(keras.Metric):
        _install_metric(patches, cls)
    for module, names in DRAWS.items():
        for name in names:
            patches.wrap(module, name, lambda f, n=f"{module.__name__}.{name}": _drawn(f, n))


def _subclasses(cls):
    for sub in cls.__subclasses__():
        yield sub
        yield from _subclasses(sub)


def _install_metric(patches, cls) -> None:
    wrappers = {
        "update_state": _update_state,
        "result": _metric_method("result"),
        "reset_state": _metric_method("reset"),
    }
    for name, make in wrappers.items():
        method = vars(cls).get(name)
        if callable(method) and not hasattr(method, "loss_and_found"):
            patches.wrap(cls, name, make)
            vars(cls)[name].loss_and_found = True


def deaf() -> bool:
    """Whether nobody listens, or this thread is inside our own observation."""
    return HERE.silent or not SWITCHBOARD.listeners


def emit(event: Event) -> None:
    """Hand an event to all who listen; observing is not itself observed."""
    with SWITCHBOARD.quiet():
        for listener in SWITCHBOARD.listeners:
            listener.receive(event)


class inside:
    """Marks the current thread as being inside a call, for what is called from there."""

    __slots__ = ("entry",)

    def __init__(self, kind, subject=None):
        self.entry = (kind, subject)

    def __enter__(self):
        HERE.stack.append(self.entry)

    def __exit__(self, *exc):
        HERE.stack.pop()


def _within(kind: str):
    """Return the innermost object of this kind that the thread is inside of, or None."""
    for entry_kind, subject in reversed(HERE.stack):
        if entry_kind == kind:
            return subject
    return None


def _is_within(kind: str) -> bool:
    return any(entry[0] == kind for entry in HERE.stack)


def _loss(original):
    def call(self, y_true, y_pred, sample_weight=None):
        if deaf() or type(self).__name__ in CONTAINERS:
            return original(self, y_true, y_pred, sample_weight)
        tensors = {"y_true": y_true, "y_pred": y_pred, "sample_weight": sample_weight}
        info = {"masked": getattr(y_pred, "_keras_mask", None) is not None}
        info |= {"taped": record.could_possibly_record(), "replicas": _replicas()}
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
            "metric": _within("metric"),
            "taped": record.could_possibly_record(),
        }
        tensors = {"y_true": target, "y_pred": output}
        loss = _within("loss")
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
        if deaf() or _is_within("cross_entropy"):
            return original(*args, **kwargs)
        given = dict(zip(reversed(names) if swapped else names, args, strict=False)) | kwargs
        tensors = {"y_true": given.get("labels"), "y_pred": given.get(names[0])}
        info = {
            "ce": kind,
            "from_logits": True,
            "origin": "",
            "raw": True,
            "axis": -1,
            "metric": _within("metric"),
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


def _model(original):
    def call(self, *args, **kwargs):
        if deaf() or _is_within("model"):
            return original(self, *args, **kwargs)
        with inside("model", self):
            outputs = original(self, *args, **kwargs)
        info = {
            "training": kwargs.get("training"),
            "taped": record.could_possibly_record(),
            "outputs": outputs,
        }
        emit(Event("model", self, {"x": args[0] if args else kwargs.get("inputs")}, info))
        return outputs

    return call


def _taped(original):
    def call(self):
        if not deaf() and not HERE.stack and tf.executing_eagerly():
            for listener in SWITCHBOARD.listeners:
                listener.tape_opened()
        return original(self)

    return call


def _gradient(original):
    def call(self, target, sources, *args, **kwargs):
        if deaf():
            return original(self, target, sources, *args, **kwargs)
        with inside("gradient"):
            gradients = original(self, target, sources, *args, **kwargs)
        info = {
            "target": target,
            "sources": sources,
            "gradients": gradients,
            "replicas": _replicas(),
            "strategy": tf.distribute.has_strategy(),
            "weighted": bool(args and args[0] is not None) or "output_gradients" in kwargs,
        }
        emit(Event("gradient", self, {}, info))
        return gradients

    return call


def _apply(original):
    def call(self, grads, trainable_variables=None):
        if deaf() or _is_within("apply"):
            return original(self, grads, trainable_variables)
        grads = list(grads)
        variables = None if trainable_variables is None else list(trainable_variables)
        info = {"gradients": grads, "variables": variables}
        emit(Event("apply", self, {}, info))
        with inside("apply", self):
            return original(self, grads, variables)

    return call


def _created(kind):
    def make(original):
        def call(self, *args, **kwargs):
            result = original(self, *args, **kwargs)
            if not deaf():
                emit(Event("create", self, {}, {"of": kind}))
            return result

        return call

    return make


def _metric_created(original):
    announce = _created("metric")(original)

    def call(self, *args, **kwargs):
        result = announce(self, *args, **kwargs)
        if not deaf():
            cls = type(self)
            while cls is not keras.Metric:
                SWITCHBOARD.add_patches(lambda patches, c=cls: _install_metric(patches, c))
                cls = cls.__mro__[1]
        return result

    return call


def _functional(original):
    def call(y_true, y_pred, *args, **kwargs):
        if not deaf() and not _is_within("metric"):
            tensors = {"first": y_true, "second": y_pred}
            emit(Event("functional", original, tensors, {"taped": record.could_possibly_record()}))
        return original(y_true, y_pred, *args, **kwargs)

    return call


def _metric_called(original):
    def call(self, *args, **kwargs):
        if deaf():
            return original(self, *args, **kwargs)
        with inside("metric call", self):
            value = original(self, *args, **kwargs)
        if hasattr(value, "numpy"):
            SWITCHBOARD.last_value = weakref.ref(value)
        emit(Event("called", self, {"value": value}))
        return value

    return call


def _update_state(original):
    def call(self, *args, **kwargs):
        if (
            deaf()
            or type(self).__name__ in CONTAINERS
            or _within("metric") is self
            or in_stateless_scope()  # its variables stay as they are
        ):
            return original(self, *args, **kwargs)
        tensors = dict(zip(("first", "second", "sample_weight"), args, strict=False))
        for name, value in kwargs.items():
            role = {"y_true": "first", "values": "first", "y_pred": "second"}.get(name, name)
            tensors[role] = value
        if "second" not in tensors and len(args) == 2 and _takes_values(self):
            tensors["sample_weight"] = tensors.pop("second", None)
        elif _takes_values(self) and "second" in tensors:
            tensors["sample_weight"] = tensors.pop("second")
        info = {
            "by_call": _within("metric call") is self,
            "masked": getattr(tensors.get("second"), "_keras_mask", None) is not None,
            "taped": record.could_possibly_record(),
        }
        try:
            with inside("metric", self):
                result = original(self, *args, **kwargs)
        except Exception as problem:
            emit(Event("metric", self, tensors, {**info, "raised": problem}))
            raise
        emit(Event("metric", self, tensors, info))
        return result

    return call


def _takes_values(metric) -> bool:
    """Whether the metric averages values rather than comparing labels with predictions."""
    averages = (keras.metrics.Mean, keras.metrics.Sum)
    return isinstance(metric, averages) and not isinstance(metric, keras.metrics.MeanMetricWrapper)


def _converted(original):
    """Tell when the value that metric(y, p) returned is turned into a Python number."""

    def call(self):
        last = SWITCHBOARD.last_value
        if last is not None and last() is self and not deaf():
            SWITCHBOARD.last_value = None
            number = original(self)
            emit(Event("converted", self, {}, {"number": number}))
            return number
        return original(self)

    return call


def _read(original):
    """Tell of every scalar that a loop turns into a number, in whatever way."""

    def call(self):
        number = original(self)
        if isinstance(number, np.floating) and not deaf() and not HERE.stack:
            for listener in SWITCHBOARD.listeners:
                listener.value_read(self, number)
        return number

    return call


def _averaged(original):
    """Tell of the plain mean of a list of numbers."""

    def call(a, *args, **kwargs):
        flat = isinstance(a, (list, tuple)) or getattr(a, "ndim", None) == 1
        # Given by position or name, an axis or weights of None change nothing.
        plain = flat and not any(v is not None for v in (*args, *kwargs.values()))
        if plain and not deaf() and not HERE.stack:
            with SWITCHBOARD.quiet():
                for listener in SWITCHBOARD.listeners:
                    listener.averaged(a)
        return original(a, *args, **kwargs)

    return call


def _reduced(original):
    def call(self, reduce_op, value, axis):
        if not deaf():
            name = getattr(reduce_op, "name", str(reduce_op)).upper()
            info = {"op": name, "value": value, "replicas": self.num_replicas_in_sync}
            emit(Event("reduce", self, {}, info))
        return original(self, reduce_op, value, axis)

    return call


def _replicas() -> int:
    return tf.distribute.get_strategy().num_replicas_in_sync


def _metric_method(kind):
    def make(original):
        def call(self, *args, **kwargs):
            if (
                deaf()
                or type(self).__name__ in CONTAINERS
                or _within("metric method") is self
                or in_stateless_scope()
            ):
                return original(self, *args, **kwargs)
            with inside("metric method", self):
                value = original(self, *args, **kwargs)
            by_call = _within("metric call") is self
            emit(Event(kind, self, {}, {"by_call": by_call, "value": value}))
            return value

        return call

    return make


def _concrete(original):
    """Let a step be counted, at the cost of a few microseconds, and some steps be looked at."""

    def call(self, tensor_inputs, captured_inputs):
        if HERE.silent or not tf.executing_eagerly():
            return original(self, tensor_inputs, captured_inputs)
        listeners = SWITCHBOARD.listeners
        graph = self.graph
        looking = [listener for listener in listeners if listener.counted(graph)]
        if looking:
            count = len(tensor_inputs)
            inputs = [*tensor_inputs, *captured_inputs]
            for listener in looking:
                inputs = listener.before_step(graph, inputs)
            tensor_inputs, captured_inputs = inputs[:count], inputs[count:]
        try:
            outputs = original(self, tensor_inputs, captured_inputs)
        except Exception as problem:
            inputs = [*tensor_inputs, *captured_inputs]
            for listener in listeners:
                listener.raised(graph, inputs, problem)
            raise
        for listener in listeners:
            listener.returned(graph, (tensor_inputs, captured_inputs), outputs)
        if looking:
            with SWITCHBOARD.quiet():
                for listener in looking:
                    listener.after_step(graph, outputs)
        return outputs

    return call


def _function(original):
    def call(self, *args, **kwargs):
        if HERE.silent or not tf.executing_eagerly():
            return original(self, *args, **kwargs)
        listeners = SWITCHBOARD.listeners
        for listener in listeners:
            listener.function_called(self)
        try:
            return original(self, *args, **kwargs)
        finally:
            for listener in listeners:
                listener.function_returned(self, args)

    return call


def _iterate(original):
    def call(self):
        iterator = original(self)
        if not deaf() and tf.executing_eagerly():
            emit(Event("iterate", self))
        return iterator

    return call


def _trainer(original, name):
    def call(self, *args, **kwargs):
        if deaf():
            return original(self, *args, **kwargs)
        emit(Event(name, self, {}, {"args": args, "kwargs": kwargs}))
        with inside(name, self):
            return original(self, *args, **kwargs)

    return call


def _compiled(original):
    def call(self, *args, **kwargs):
        result = original(self, *args, **kwargs)
        if not deaf():
            emit(Event("compile", self))
        return result

    return call


def _losses_read(getter):
    def fget(self):
        if not deaf():
            emit(Event("losses", self))
        return getter(self)

    return fget


def _drawn(original, name):
    """Tell when NumPy or Python draws a random number while a graph is built."""

    def call(*args, **kwargs):
        if not deaf() and not tf.executing_eagerly():
            graph = tf.compat.v1.get_default_graph()
            kind = "mapped" if graph.name.startswith("Dataset") else "drawn"
            emit(Event(kind, None, {}, {"by": name, "graph": graph.name}))
        return original(*args, **kwargs)

    return call
