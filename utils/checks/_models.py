"""Reading a model without leaving a trace in it."""

from contextlib import contextmanager

import numpy as np

STOCHASTIC = ("Dropout", "GaussianNoise", "GaussianDropout", "AlphaDropout", "Random")


def last_activation(model) -> str:
    """Return the name of the activation that ends a model: "softmax", "linear", …; or ""."""
    layer = _last_layer(model)
    kind = type(layer).__name__
    if kind in ("Softmax", "ReLU", "LeakyReLU", "ELU", "PReLU"):
        return kind.lower()
    activation = getattr(layer, "activation", None)
    if activation is None:
        return ""
    return str(getattr(activation, "__name__", "")).removesuffix("_v2")


def _last_layer(model):
    layer = model
    while True:
        history = getattr((getattr(layer, "outputs", None) or [None])[0], "_keras_history", None)
        following = getattr(history, "operation", None)
        if following is None or following is layer:
            inner = getattr(layer, "layers", None)
            # The order of a subclass's layers is the order of its attributes, not of its calls.
            sequential = type(layer).__name__ == "Sequential"
            following = inner[-1] if sequential and inner else None
        if following is None:
            return layer
        layer = following


def layer_kinds(model) -> list[str]:
    """Return the class names of all layers inside a model, nested ones included."""
    flatten = getattr(model, "_flatten_layers", None)
    return [type(layer).__name__ for layer in flatten(include_self=False)] if flatten else []


@contextmanager
def untouched(model):
    """Put back, on leaving, every variable of the model that a forward pass could move.

    That is batch statistics and the state of random layers: all but the trainable ones.
    """
    trainable = {id(v) for v in getattr(model, "trainable_variables", ())}
    moving = [v for v in getattr(model, "variables", ()) if id(v) not in trainable]
    before = [np.array(v.numpy()) for v in moving]
    try:
        yield
    finally:
        for variable, value in zip(moving, before, strict=True):
            if not np.array_equal(variable.numpy(), value):
                variable.assign(value)


def forward(model, x):
    """Call a model in inference mode."""
    import keras

    if isinstance(model, keras.layers.Layer):
        return model(x, training=False)
    return model(x)


def first_examples(x, count: int):
    """Return the first examples of an array, or of each array in a dict, list or tuple."""
    if isinstance(x, dict):
        return {k: first_examples(v, count) for k, v in x.items()}
    if isinstance(x, tuple) or (isinstance(x, list) and x and hasattr(x[0], "shape")):
        return type(x)(first_examples(v, count) for v in x)
    if isinstance(x, list):
        x = np.asarray(x)
    if hasattr(x, "iloc"):
        x = x.to_numpy()
    return x[:count]
