"""Metrics as they are made, updated, read and reset, and what becomes of their values."""

import weakref

import keras
from keras.src.backend.common.stateless_scope import in_stateless_scope
from tensorflow.python.eager import record
from tensorflow.python.framework import ops

from .events import Event
from .hearing import CONTAINERS, deaf, emit, inside, is_within, within
from .patching import SWITCHBOARD
from .step_hooks import created

FUNCTIONS = ("sparse_categorical_accuracy", "categorical_accuracy", "binary_accuracy")


def install(patches) -> None:
    """Wrap metrics, those of Keras and those a program defines."""
    patches.wrap(ops._EagerTensorBase, "numpy", _converted)
    patches.wrap(ops._EagerTensorBase, "__float__", _converted)
    for name in FUNCTIONS:
        patches.rewire(getattr(keras.metrics, name), _functional)
    patches.wrap(keras.Metric, "__init__", _metric_created)
    patches.wrap(keras.Metric, "__call__", _metric_called)
    patches.wrap(keras.Metric, "reset_state", _metric_method("reset"))
    for cls in _subclasses(keras.Metric):
        _install_metric(patches, cls)


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


def _metric_created(original):
    announce = created("metric")(original)

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
        if not deaf() and not is_within("metric"):
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
            or within("metric") is self
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
            "by_call": within("metric call") is self,
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


def _metric_method(kind):
    def make(original):
        def call(self, *args, **kwargs):
            if (
                deaf()
                or type(self).__name__ in CONTAINERS
                or within("metric method") is self
                or in_stateless_scope()
            ):
                return original(self, *args, **kwargs)
            with inside("metric method", self):
                value = original(self, *args, **kwargs)
            by_call = within("metric call") is self
            emit(Event(kind, self, {}, {"by_call": by_call, "value": value}))
            return value

        return call

    return make
