"""The steps of a loop: models, tapes, optimizers, traced functions, datasets and fit."""

import keras
import tensorflow as tf
from keras.src.optimizers import base_optimizer
from tensorflow.python.data.ops import dataset_ops
from tensorflow.python.eager import record
from tensorflow.python.eager.polymorphic_function import concrete_function, polymorphic_function

from .events import Event
from .hearing import HERE, deaf, emit, inside, is_within, replicas
from .patching import SWITCHBOARD


def install(patches) -> None:
    """Wrap what a step consists of."""
    patches.wrap(keras.Model, "__call__", _model)
    patches.wrap(base_optimizer.BaseOptimizer, "__init__", created("optimizer"))
    patches.wrap(base_optimizer.BaseOptimizer, "apply", _apply)
    patches.wrap(tf.GradientTape, "__enter__", _taped)
    patches.wrap(tf.GradientTape, "gradient", _gradient)
    patches.wrap(concrete_function.ConcreteFunction, "_call_flat", _concrete)
    patches.wrap(polymorphic_function.Function, "__call__", _function)
    patches.wrap(dataset_ops.DatasetV2, "__iter__", _iterate)
    patches.wrap(keras.Model, "compile", _compiled)
    for name in ("fit", "evaluate", "predict"):
        patches.wrap(keras.Model, name, lambda f, n=name: _trainer(f, n))
    patches.wrap(tf.distribute.Strategy.__mro__[1], "reduce", _reduced)
    patches.wrap_property(keras.layers.Layer, "losses", _losses_read)


def _model(original):
    def call(self, *args, **kwargs):
        if deaf() or is_within("model"):
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
            "replicas": replicas(),
            "strategy": tf.distribute.has_strategy(),
            "weighted": bool(args and args[0] is not None) or "output_gradients" in kwargs,
        }
        emit(Event("gradient", self, {}, info))
        return gradients

    return call


def _apply(original):
    def call(self, grads, trainable_variables=None):
        if deaf() or is_within("apply"):
            return original(self, grads, trainable_variables)
        grads = list(grads)
        variables = None if trainable_variables is None else list(trainable_variables)
        info = {"gradients": grads, "variables": variables}
        emit(Event("apply", self, {}, info))
        with inside("apply", self):
            return original(self, grads, variables)

    return call


def created(kind):
    """Return what wraps the constructor of a kind of object."""

    def make(original):
        def call(self, *args, **kwargs):
            result = original(self, *args, **kwargs)
            if not deaf():
                emit(Event("create", self, {}, {"of": kind}))
            return result

        return call

    return make


def _reduced(original):
    def call(self, reduce_op, value, axis):
        if not deaf():
            name = getattr(reduce_op, "name", str(reduce_op)).upper()
            info = {"op": name, "value": value, "replicas": self.num_replicas_in_sync}
            emit(Event("reduce", self, {}, info))
        return original(self, reduce_op, value, axis)

    return call


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
