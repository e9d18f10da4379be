"""fit: early stopping that keeps the last weights, weights for losses of outputs that are not."""

import keras
import numpy as np
import tensorflow as tf

from ..report import Finding
from .subject import Subject, name_of

MATERIAL = 0.01  # how much worse the last value must be, as a share of the best


class Trainers(Subject):
    """Watches what compile and fit were told."""

    def __init__(self):
        self.stops = []

    def on_fit(self, event, look) -> None:
        given = event.info["kwargs"].get("callbacks")
        if given is None and len(event.info["args"]) > 5:
            given = event.info["args"][5]
        callbacks = list(getattr(given, "callbacks", tf.nest.flatten(given)))
        saved = any(isinstance(c, keras.callbacks.ModelCheckpoint) for c in callbacks)
        for callback in callbacks:
            if isinstance(callback, keras.callbacks.EarlyStopping) and not saved:
                self.stops.append((callback, event.subject))
        if finding := _loss_weights(event.subject):
            self.recorder.add(finding)

    def findings(self) -> list[Finding]:
        return [f for f in (_kept_last(*pair) for pair in self.stops) if f is not None]


def _kept_last(stop, model) -> Finding | None:
    """Tell when training stopped after the best epoch and the best weights are gone."""
    if stop.restore_best_weights or not getattr(stop, "stopped_epoch", 0):
        return None
    values = getattr(getattr(model, "history", None), "history", {}).get(stop.monitor) or []
    if not values or len(values) != stop.stopped_epoch + 1:
        return None
    best, last = float(stop.best), float(values[-1])
    epoch = int(np.argmin(np.abs(np.asarray(values, float) - best)))
    worse = abs(last - best) > MATERIAL * max(abs(best), 1e-6)
    return Finding(
        "early-stopping-without-restore",
        "warning" if worse else "note",
        f"EarlyStopping ended the training after epoch {len(values)}, with {stop.monitor} at "
        f"{last:.4g}. It was best, {best:.4g}, after epoch {epoch + 1}, but restore_best_weights "
        "is False: the model keeps the last weights.",
        {"best": best, "best epoch": epoch + 1, "last": last, "stopped after": len(values)},
    )


def _loss_weights(model) -> Finding | None:
    """Tell when a model with one output and one loss was given weights for losses."""
    compiled = getattr(model, "_compile_loss", None)
    weights = getattr(compiled, "_user_loss_weights", None)
    outputs = getattr(model, "outputs", None)
    single = outputs is not None and len(tf.nest.flatten(outputs)) == 1
    losses = tf.nest.flatten(getattr(compiled, "_user_loss", None))
    if weights is None or not single or len(losses) != 1:
        return None
    factors = [w for w in tf.nest.flatten(weights) if isinstance(w, (int, float))]
    if len(factors) == 1 and factors[0] == 1:
        return None
    shown = ", ".join(f"{w:.4g}" for w in factors)
    return Finding(
        "loss-weights-misuse",
        "warning",
        f"{name_of(model)} has one output, and loss_weights is {shown}. It weighs the losses of "
        "several outputs against each other, not classes: here it multiplies the whole loss, for "
        "every class alike.",
        {"outputs": 1, "loss_weights": shown},
    )
