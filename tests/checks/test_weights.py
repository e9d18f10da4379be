"""checks.weights: weights that act, and weights that only look as if."""

from utils import checks

import keras
import numpy as np
import pytest

Y = np.repeat([0, 1, 2], [80, 15, 5])
DECLARED = {0: 0.42, 1: 2.2, 2: 6.7}
W = np.array([DECLARED[c] for c in Y])


def alarms(*args, **settings):
    return [f.pitfall for f in checks.weights(*args, **settings).alarms]


@pytest.mark.parametrize(
    ("w", "y", "declared"),
    [
        (W, Y, DECLARED),
        (W, Y, [0.42, 2.2, 6.7]),
        (W * 0.8, Y, DECLARED),
        (W * (np.arange(100) % 3 > 0), Y, DECLARED),
        (W[:, None], Y[:, None], DECLARED),
        (W, np.eye(3)[Y], DECLARED),
        (W.reshape(10, 10), Y.reshape(10, 10), DECLARED),
        (np.ones(100), Y, None),
        ((np.arange(100) % 3 > 0).astype(int), Y, None),
        (np.ones(5), Y[:5], DECLARED),
        (np.ones(100), Y, {0: 1.0, 1: 1.0, 2: 1.0}),
        (np.ones((10, 1)), Y.reshape(10, 10), None),
        (W * 8, Y, None),
    ],
)
def test_healthy_weights_raise_no_alarm(w, y, declared):
    report = checks.weights(w, y, class_weight=declared)
    assert report.ok, report


@pytest.mark.parametrize(
    ("w", "y", "declared", "pitfall"),
    [
        (np.ones(100), Y, DECLARED, "class-weights-ignored"),
        (None, Y, DECLARED, "class-weights-ignored"),
        (W, Y, {0: 0.42, 1: 2.2}, "class-weights-ignored"),
        (W.astype(int), Y, None, "class-weights-scale"),
        (W * 0, Y, None, "class-weights-scale"),
        (-W, Y, None, "class-weights-scale"),
        (W * np.nan, Y, None, "class-weights-scale"),
        (W[:, None], Y, None, "weights-not-in-metric"),
        (W[:50], Y, None, "weights-not-in-metric"),
        (W[:10], Y.reshape(10, 10), None, "weights-not-in-metric"),
    ],
)
def test_each_fault_is_named_and_nothing_else(w, y, declared, pitfall):
    assert alarms(w, y, class_weight=declared) == [pitfall]


def test_large_weights_get_a_note_with_the_factor_by_which_the_loss_grows():
    (note,) = checks.weights(W * 8, Y)
    scores = np.zeros((100, 3), "float32")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    growth = float(loss(Y, scores, sample_weight=W * 8)) / float(loss(Y, scores))
    assert note.evidence["mean weight"] == pytest.approx(growth, rel=1e-4)


@pytest.mark.parametrize(
    ("w", "y", "declared", "error", "words"),
    [
        (None, Y, None, ValueError, "no weights"),
        (W, Y, "balanced", TypeError, "balanced"),
        (W, Y, {"out_a": 1.0}, TypeError, "loss_weights"),
        (W, Y, {0: "heavy"}, TypeError, "heavy"),
        (W, Y, [[1.0]], ValueError, "one axis"),
        (W, [], None, ValueError, "empty"),
        (["a"] * 100, Y, None, TypeError, "sample_weight"),
    ],
)
def test_bad_input_gets_a_clear_message(w, y, declared, error, words):
    with pytest.raises(error, match=words):
        checks.weights(w, y, class_weight=declared)


def test_weights_cut_to_integers_are_not_called_unapplied():
    y = np.array([0, 1, 2, 1, 0, 2] * 5)
    report = checks.weights(np.array([0, 3, 3])[y], y, class_weight={0: 0.415, 1: 3.44, 2: 3.33})
    assert {f.pitfall for f in report.alarms} == {"class-weights-scale"}
