"""The loop of the clinic with a switch for every fault: it plays each patient and its twin."""

from dataclasses import dataclass

import numpy as np

from .. import reference

SERIES = ("loss", "accuracy", "validation")
NEAR = 3e-3  # of a chart's figures; float32 on two equal ways differs by 1e-6
BATCH = 48


@dataclass(frozen=True)
class Chart:
    """What a loop reports, one figure an epoch, and what its final model really does."""

    loss: np.ndarray
    accuracy: np.ndarray
    validation: np.ndarray
    final: float

    def like(self, other: "Chart") -> bool:
        """Whether all three series agree."""
        return all(
            np.allclose(getattr(self, name), getattr(other, name), atol=NEAR) for name in SERIES
        )


@dataclass(frozen=True)
class Settings:
    """The switches of the loop; the defaults make a healthy one."""

    last: str = "linear"  # "linear", or "softmax" for tf.nn.softmax
    from_logits: bool = True
    penalty: float = 0.0
    penalised: bool = True
    dropout: float = 0.0
    optimizer: str = "Adam"
    rate: float = 0.03
    renewed: bool = False  # a new optimizer for every step
    only_head: bool = False
    vector: bool = False
    reset: bool = True
    order: str = "as given"  # "together", "apart"
    pool: str = "examples"  # "batches"
    accuracy: str = "metric"  # "broadcast", "last batch"
    validate_in_training: bool = False


def _build(split, s: Settings):
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    penalty = keras.regularizers.L2(s.penalty) if s.penalty else None
    layers = [
        keras.Input((split.x_train.shape[1],)),
        keras.layers.Dense(16, activation="relu", kernel_regularizer=penalty),
    ]
    if s.dropout:
        layers.append(keras.layers.Dropout(s.dropout))
    last = tf.nn.softmax if s.last == "softmax" else None
    return keras.Sequential([*layers, keras.layers.Dense(split.num_classes, activation=last)])


def _ordered(split, s: Settings):
    x, y = split.x_train, split.y_train
    if s.order == "as given":
        return x, y
    rng = np.random.default_rng(0)
    rows = rng.permutation(len(x))
    return x[rows], y[rng.permutation(len(y)) if s.order == "apart" else rows]


def train(split, epochs: int, **settings) -> Chart:
    """Train on a split with these `Settings`; return the chart that the loop would write."""
    import keras
    import tensorflow as tf

    s = Settings(**settings)
    model = _build(split, s)
    make = getattr(keras.optimizers, s.optimizer)
    optimizer = make(s.rate)
    loss_fn = keras.losses.SparseCategoricalCrossentropy(
        from_logits=s.from_logits, reduction="none"
    )
    x, y = _ordered(split, s)
    variables = (model.layers[-1] if s.only_head else model).trainable_variables
    meter = _Meter(s)
    for _ in range(epochs):
        for start in range(0, len(x), BATCH):
            xb, yb = tf.constant(x[start : start + BATCH]), y[start : start + BATCH]
            optimizer = make(s.rate) if s.renewed else optimizer
            with tf.GradientTape() as tape:
                scores = model(xb, training=True)
                each = loss_fn(yb, scores)
                loss = each if s.vector else tf.reduce_mean(each)
                if s.penalised and model.losses:
                    loss += tf.add_n(model.losses)
            gradients = tape.gradient(loss, variables)
            optimizer.apply_gradients(zip(gradients, variables, strict=True))
            meter.batch(float(tf.reduce_mean(loss)), yb, np.asarray(scores))
        held_out = np.asarray(model(split.x_test, training=s.validate_in_training))
        meter.epoch(split.y_test, held_out)
    final = reference.accuracy(split.y_test, np.asarray(model(split.x_test)))
    return Chart(*(np.array(meter.chart[name]) for name in SERIES), final)


class _Meter:
    """The bookkeeping of the loop, in NumPy, with the faults a chart can have."""

    def __init__(self, s: Settings):
        self.s = s
        self.chart = {name: [] for name in SERIES}
        self._clear()

    def _clear(self):
        self.losses, self.hits, self.sizes, self.validation = [], [], [], []

    def batch(self, loss, y, scores):
        named = np.argmax(scores, axis=-1)
        hits = y[:, None] == named if self.s.accuracy == "broadcast" else y == named
        self.losses.append(loss)
        self.hits.append(hits.mean())
        self.sizes.append(len(y))

    def epoch(self, y, scores):
        self.validation.append(reference.accuracy(y, scores))
        weights = self.sizes if self.s.pool == "examples" else None
        accuracy = (
            self.hits[-1]
            if self.s.accuracy == "last batch"
            else np.average(self.hits, weights=self.sizes)
        )
        self.chart["loss"].append(np.average(self.losses, weights=weights))
        self.chart["accuracy"].append(accuracy)
        self.chart["validation"].append(np.mean(self.validation))
        if self.s.reset:
            self._clear()
