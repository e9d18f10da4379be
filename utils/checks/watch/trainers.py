"""fit: early stopping that keeps the last weights, weights of losses, sorted data cut in two."""

import keras
import numpy as np
import tensorflow as tf

from ..report import Finding
from . import overlap
from .events import to_numpy
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
        rules = (_mixed(event.info), _loss_weights(event.subject), _split(event.info))
        for finding in (*rules, overlap.rule(event.info)):
            if finding is not None:
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


def _mixed(info) -> Finding | None:
    """Tell when the labels are an array of objects of several kinds."""
    args, kwargs = info["args"], info["kwargs"]
    y = kwargs.get("y", args[1] if len(args) > 1 else None)
    if getattr(getattr(y, "dtype", None), "kind", "") != "O":
        return None
    kinds = sorted({type(v).__name__ for v in np.ravel(y)[:1000]})
    return Finding(
        "mixed-labels",
        "error",
        f"The labels are an array of dtype object; its first entries are of type "
        f"{', '.join(kinds[:4])}. TensorFlow cannot make a tensor of it.",
        {"dtype": "object", "types": ", ".join(kinds[:4])},
    )


def _split(info) -> Finding | None:
    """Tell when validation_split cuts off classes that training then never sees."""
    args, kwargs = info["args"], info["kwargs"]
    share = kwargs.get("validation_split", 0) or 0
    y = to_numpy(kwargs.get("y", args[1] if len(args) > 1 else None))
    if not 0 < share < 1 or y is None or not y.ndim or y.dtype.kind not in "iufb":
        return None
    if y.ndim == 2 and y.shape[1] > 1:
        if not (np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all()):
            return None
        y = y.argmax(axis=1)
    y = y.reshape(-1) if y.size == len(y) else y
    if y.ndim != 1 or (y != np.round(y)).any():
        return None
    cut = int(np.floor(len(y) * (1 - share)))  # as Keras does
    trained, held = y[:cut], y[cut:]
    classes = np.unique(y)
    if len(held) < 20 or cut < 20 or len(classes) > len(held) / 5:
        return None  # too few to tell, or amounts rather than classes
    shares = [(part[:, None] == classes).mean(axis=0) for part in (trained, held)]
    apart = float(np.abs(shares[0] - shares[1]).sum() / 2)
    if apart < 0.6:
        return None
    most = int(shares[1].argmax())
    return Finding(
        "sorted-split",
        "error",
        f"validation_split={share:g} cuts off the last {len(held)} examples as they come, before "
        f"any shuffle. {100 * shares[1][most]:.3g} % of them are of class {classes[most]:g}, which "
        f"makes up {100 * shares[0][most]:.3g} % of the {cut} left for training: the data are "
        "sorted.",
        {"validation": len(held), "training": cut, "distance of the class shares": apart},
    )


def _loss_weights(model) -> Finding | None:
    """Tell when a model with one output and one loss was given weights for losses."""
    compiled = getattr(model, "_compile_loss", None)
    weights = getattr(compiled, "_user_loss_weights", None)
    if isinstance(weights, dict) and weights and all(isinstance(k, int) for k in weights):
        return _weights_by_class(model, weights)
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


def _weights_by_class(model, weights) -> Finding:
    shown = ", ".join(f"{k}: {float(w):.4g}" for k, w in weights.items())
    names = ", ".join(getattr(model, "output_names", None) or ["its outputs"])
    return Finding(
        "loss-weights-misuse",
        "warning",
        f"loss_weights is {{{shown}}}: keys like class ids. It weighs the losses of several "
        f"outputs against each other, not classes; {name_of(model)} applies it to {names}.",
        {"loss_weights": shown, "outputs": names},
    )
