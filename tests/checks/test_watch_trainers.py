"""What `fit` and `compile` are told: early stopping, weights of losses, sorted data cut in two."""

from utils.checks.watch.events import Event
from utils.checks.watch.trainers import Trainers

from types import SimpleNamespace

import keras
import numpy as np
import pytest

X = np.zeros((200, 4), "float32")
SORTED = np.repeat(np.arange(4), 50)
MIXED = np.tile(np.arange(4), 50)


def compiled(outputs=1, **settings):
    x = keras.Input((4,))
    model = keras.Model(x, [keras.layers.Dense(3)(x) for _ in range(outputs)])
    model.compile("sgd", "mse", **settings)
    return model


def findings(*args, model=None, **kwargs):
    """Return what a call of fit with these arguments is blamed for, by pitfall and severity."""
    added, trainers = [], Trainers()
    trainers.recorder = SimpleNamespace(add=added.append)
    model = model or compiled()
    trainers.on_fit(Event("fit", model, {}, {"args": args, "kwargs": kwargs}), None)
    return {f.pitfall: f.severity for f in (*added, *trainers.findings())}


@pytest.mark.parametrize("labels", [SORTED, SORTED[:, None], np.eye(4)[SORTED], SORTED * 1.0])
def test_a_split_that_cuts_classes_off_is_found(labels):
    assert findings(X, labels, validation_split=0.25) == {"sorted-split": "error"}
    assert findings(x=X, y=labels, validation_split=0.25) == {"sorted-split": "error"}


@pytest.mark.parametrize(
    ("labels", "share"),
    [
        (MIXED, 0.25),
        (SORTED, 0.0),
        (SORTED, None),
        (np.linspace(0, 1, 200), 0.25),
        (np.arange(200), 0.25),
        (np.eye(4)[SORTED] * 0.9, 0.25),
        (None, 0.25),
        (SORTED[:40], 0.25),
    ],
    ids=["mixed", "no split", "none", "amounts", "ids", "soft", "dataset", "few"],
)
def test_other_splits_are_silent(labels, share):
    assert findings(X, labels, validation_split=share) == {}


def stopped(values, *, restore=False, monitor="val_loss"):
    """Return an EarlyStopping and a model as they are after a fit with these values."""
    stop = keras.callbacks.EarlyStopping(monitor, restore_best_weights=restore)
    stop.stopped_epoch, stop.best = len(values) - 1, min(values)
    model = compiled()
    model.history = SimpleNamespace(history={monitor: values})
    return stop, model


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([1.0, 0.5, 0.8, 0.9], {"early-stopping-without-restore": "warning"}),
        ([1.0, 0.5, 0.501], {"early-stopping-without-restore": "note"}),
    ],
)
def test_the_last_weights_kept_are_found(values, found):
    stop, model = stopped(values)
    assert findings(model=model, callbacks=[stop]) == found
    assert findings(None, None, None, 1, 0, stop, model=model) == found


def test_best_weights_kept_elsewhere_are_silent(tmp_path):
    stop, model = stopped([1.0, 0.5, 0.9], restore=True)
    assert findings(model=model, callbacks=[stop]) == {}
    stop, model = stopped([1.0, 0.5, 0.9])
    saver = keras.callbacks.ModelCheckpoint(str(tmp_path / "best.keras"), save_best_only=True)
    assert findings(model=model, callbacks=[stop, saver]) == {}
    stop.stopped_epoch = 0  # patience never ran out
    assert findings(model=model, callbacks=[stop]) == {}


def test_weights_of_losses_want_several_losses():
    assert findings(model=compiled(loss_weights=[3.0])) == {"loss-weights-misuse": "warning"}
    assert findings(model=compiled(loss_weights=[1.0])) == {}
    assert findings(model=compiled(outputs=2, loss_weights=[3.0, 1.0])) == {}
    assert findings() == {}
