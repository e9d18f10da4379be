"""What lesson 16's exercises examine: training steps, models with a cut, and loss functions."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from .. import data, reference

NEAR = 1e-4  # nats; far above float32 rounding, far below a second softmax


def towers(l2: float = 0.0):
    """Return a model of two equal towers and a head, with an L2 penalty on the towers."""
    import keras

    keras.utils.set_random_seed(3)
    penalty = keras.regularizers.L2(l2) if l2 else None
    image = keras.layers.Input((64,))
    left = keras.layers.Dense(12, activation="relu", kernel_regularizer=penalty)(image[:, ::2])
    right = keras.layers.Dense(12, activation="relu", kernel_regularizer=penalty)(image[:, 1::2])
    both = keras.layers.Concatenate()([left, right])
    return keras.Model(image, keras.layers.Dense(10)(both))


def step(model, optimizer, x, y, *, reduction="sum_over_batch_size", penalised=True, swap=False):
    """Take one training step, sound unless told otherwise."""
    import keras
    import tensorflow as tf

    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=reduction)
    with tf.GradientTape() as tape:
        loss = loss_fn(y, model(x, training=True))
        if penalised and model.losses:
            # Broadcast on purpose where the loss is a vector: the fault multiplies it too.
            loss += tf.add_n(model.losses)
    variables = model.trainable_variables
    gradients = tape.gradient(loss, variables)
    partners = [*variables[2:4], *variables[:2], *variables[4:]] if swap else variables
    optimizer.apply_gradients(zip(gradients, partners, strict=True))


def unreached() -> Iterator[tuple]:
    """Yield (name, model, loss_of, paths of the variables that the loss does not reach)."""
    import keras
    import tensorflow as tf

    split = data.iris(seed=16)
    x, y = split.x_train[:20], split.y_train[:20]
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def build():
        keras.utils.set_random_seed(5)
        return keras.Sequential(
            [
                keras.Input((4,)),
                keras.layers.Dense(5, activation="relu"),
                keras.layers.BatchNormalization(),
                keras.layers.Dense(3),
            ]
        )

    def plain(model):
        return loss_fn(y, model(x, training=True))

    def cut(model):
        first, norm, last = model.layers
        return loss_fn(y, last(norm(tf.stop_gradient(first(x)), training=True)))

    def errors(model):
        return tf.reduce_mean(tf.cast(tf.argmax(model(x), axis=-1) != y, tf.float32))

    yield "a healthy model", build(), plain, []
    off = build()
    off.layers[0].set_weights([np.zeros((4, 5)), np.full(5, -1.0)])
    yield "a relu that is off", off, plain, []
    frozen = build()
    frozen.layers[0].trainable = False
    yield "a frozen layer", frozen, plain, []
    half = build()
    yield "a cut after the first layer", half, cut, [v.path for v in half.layers[0].variables]
    none = build()
    yield "the share of errors as loss", none, errors, [v.path for v in none.trainable_variables]


class Trial(NamedTuple):
    """A loss function on a batch.

    Attributes
    ----------
    name : str
        What one would call the function.
    case : str
        What the batch is.
    loss_fn : callable
        Takes (y_true, probabilities).
    y : ndarray of int, shape (B,)
    probabilities : ndarray of float32, shape (B, C)
    given : ndarray
        What the function returns.
    wanted : ndarray, shape (B,)
        The cross-entropy of each example.
    healthy : bool
        Whether the two agree, in shape and in values.
    """

    name: str
    case: str
    loss_fn: Callable
    y: np.ndarray
    probabilities: np.ndarray
    given: np.ndarray
    wanted: np.ndarray
    healthy: bool


def trials() -> Iterator[Trial]:
    """Yield every loss function on every batch that can tell whether it is sick."""
    batches = _flowers()
    for name, loss_fn in _loss_functions().items():
        sick = False
        for case, (y, p) in batches.items():
            given = np.asarray(loss_fn(y, p), np.float64)
            wanted = reference.cross_entropy_from_probabilities(y, p)
            healthy = given.shape == wanted.shape and np.allclose(given, wanted, atol=NEAR)
            sick = sick or not healthy
            # A second softmax does nothing to equal probabilities: that batch decides nothing.
            if healthy != sick:
                yield Trial(name, case, loss_fn, y, p, given, wanted, healthy)


def _loss_functions() -> dict[str, Callable]:
    """Return functions of (y_true, probabilities), healthy and sick, by name."""
    import keras
    import tensorflow as tf

    scce = keras.losses.SparseCategoricalCrossentropy

    def of_each(y_true, probabilities, **how):
        return -tf.math.log(tf.gather(probabilities, y_true, axis=1, **how))

    return {
        'SparseCategoricalCrossentropy(reduction="none")': scce(reduction="none"),
        'SparseCategoricalCrossentropy("none")': scce("none"),
        "keras.losses.sparse_categorical_crossentropy": (
            keras.losses.sparse_categorical_crossentropy
        ),
        'SparseCategoricalCrossentropy("none", reduction="none")': scce("none", reduction="none"),
        "SparseCategoricalCrossentropy()": scce(),
        'SparseCategoricalCrossentropy(reduction="sum")': scce(reduction="sum"),
        "-log of tf.gather(p, y, axis=1, batch_dims=1)": lambda y, p: of_each(y, p, batch_dims=1),
        "-log of tf.gather(p, y, axis=1)": of_each,
    }


def _flowers() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return batches of iris flowers as (y_true, probabilities), by what they are.

    The probabilities are those of a linear model, fitted by least squares, and
    of one that knows nothing.
    """
    split = data.iris(seed=16)
    x, y = split.x_train.astype(np.float64), split.y_train
    kernel, *_ = np.linalg.lstsq(x, np.eye(3)[y] - 1 / 3, rcond=None)
    p = reference.softmax(3 * x[:20] @ kernel).astype(np.float32)
    unsure = np.full_like(p, 1 / 3)
    return {
        "20 flowers": (y[:20], p),
        "20 flowers and a model that knows nothing": (y[:20], unsure),
        "one flower": (y[:1], p[:1]),
    }
