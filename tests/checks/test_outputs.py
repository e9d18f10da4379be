"""checks.outputs: probabilities against logits, and what neither should be."""

from utils import checks
from utils.reference import double_softmax_floor, log_softmax, softmax

import keras
import numpy as np
import pytest
import tensorflow as tf

RNG = np.random.default_rng(1)
Z = RNG.normal(0, 3, (32, 10))
P = softmax(Z).astype("float32")
BRAIN = tf.cast(tf.cast(P, tf.bfloat16), tf.float32)  # half precision in the dtype of full
SIGMOID = 1 / (1 + np.exp(-Z))


def alarms(y_pred, from_logits):
    return [f.pitfall for f in checks.outputs(y_pred, from_logits=from_logits).alarms]


@pytest.mark.parametrize(
    ("y_pred", "from_logits"),
    [
        (Z, True),
        (Z * 1e4, True),
        (Z[:1], True),
        (np.zeros((8, 10)), True),
        (np.full((8, 10), 0.3), True),
        (RNG.random((32, 10)), True),
        (log_softmax(Z), True),
        (np.where(RNG.random(Z.shape) < 0.2, -np.inf, Z), True),
        (P, False),
        (P[:1], False),
        (P.reshape(2, 16, 10), False),
        (softmax(Z * 100), False),
        (np.full((8, 10), 0.1), False),
        (np.full((8, 10), 0.1), True),
        (np.vstack([P[:5], np.zeros((3, 10))]), False),
        (P.tolist(), False),
        (softmax(RNG.normal(size=(4, 20_000))).astype("float32"), False),
    ],
)
def test_healthy_outputs_raise_no_alarm(y_pred, from_logits):
    report = checks.outputs(y_pred, from_logits=from_logits)
    assert report.ok, report


@pytest.mark.parametrize(
    ("y_pred", "from_logits", "expected"),
    [
        (P, True, ["double-softmax"]),
        (softmax(Z * 100), True, ["double-softmax"]),
        (np.eye(10)[:5], True, ["double-softmax"]),
        (Z, False, ["logits-as-probabilities"]),
        (log_softmax(Z), False, ["logits-as-probabilities"]),
        (SIGMOID, False, ["wrong-output-activation"]),
        (np.maximum(Z, 0), True, ["wrong-output-activation"]),
        (P[:, :1], True, ["output-units"]),
        (np.ones((4, 1)), False, ["output-units"]),
        (softmax(Z.T).T, False, ["wrong-axis"]),
        (np.moveaxis(P.reshape(2, 4, 4, 10), -1, 1), False, ["wrong-axis"]),
        (np.where(np.arange(32)[:, None] == 3, np.nan, P), False, ["nan-scores"]),
        (np.where(np.arange(32)[:, None] == 3, np.inf, Z), True, ["nan-scores"]),
        (P.astype("float16"), False, ["half-precision-softmax"]),
        (P.astype("float16"), True, ["double-softmax", "half-precision-softmax"]),
        (P.astype("float16").astype("float32"), False, ["half-precision-softmax"]),
        (BRAIN, False, ["half-precision-softmax"]),
        (tf.sigmoid(tf.constant(Z * 20, tf.float32)).numpy(), True, ["saturated-ties"]),
    ],
)
def test_each_fault_is_named_and_nothing_else(y_pred, from_logits, expected):
    assert alarms(y_pred, from_logits) == expected


def test_the_floor_is_the_reference_floor():
    evidence = checks.outputs(P, from_logits=True).findings[0].evidence
    assert evidence["floor"] == pytest.approx(double_softmax_floor(10))


def test_a_double_softmax_seen_only_as_an_array_names_both_routes():
    (finding,) = checks.outputs(P, from_logits=True)
    assert finding.severity == "warning"
    assert "eager" in finding.statement
    assert "tf.function" in finding.statement


@pytest.mark.filterwarnings("ignore:.*received `from_logits=True`")
@pytest.mark.parametrize("convert", [lambda p: p, lambda p: p.numpy(), lambda p: p * 1.0])
def test_the_repair_of_keras_is_a_note_only_while_it_lasts(convert):
    p = keras.activations.softmax(tf.constant(Z, tf.float32))
    (finding,) = checks.outputs(convert(p), from_logits=True)
    # The claim behind the verdict: does Keras itself still compute the right loss?
    y = np.arange(32) % 10
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(y, convert(p))
    right = -log_softmax(Z)[np.arange(32), y].mean()
    repaired = abs(float(loss) - right) < 1e-4
    assert repaired == (finding.severity == "note")


def test_keras_sigmoid_is_known_by_its_logits_and_others_are_only_hinted_at():
    z = tf.constant(Z, tf.float32)
    (known,) = checks.outputs(keras.activations.sigmoid(z), from_logits=True)
    (hint,) = checks.outputs(tf.nn.sigmoid(z), from_logits=True)
    assert known.pitfall == hint.pitfall == "wrong-output-activation"
    assert (known.severity, hint.severity) == ("warning", "note")


def test_bfloat16_keeps_its_name_and_its_tolerance():
    report = checks.outputs(tf.nn.softmax(tf.cast(Z, tf.bfloat16)), from_logits=False)
    assert report.observed["dtype"] == "bfloat16"
    assert [f.pitfall for f in report] == ["half-precision-softmax"]


@pytest.mark.parametrize(
    ("y_pred", "from_logits", "error"),
    [
        (None, True, TypeError),
        ([["a", "b"]], True, TypeError),
        ([[None, 1.0]], True, TypeError),
        (np.zeros((0, 3)), True, ValueError),
        ([0.1, 0.9], True, ValueError),
        (0.5, True, ValueError),
        ([[0.1, 0.9], [1.0]], True, ValueError),
        (P, "yes", TypeError),
        (P, None, TypeError),
    ],
)
def test_bad_input_gets_a_clear_message(y_pred, from_logits, error):
    with pytest.raises(error) as caught:
        checks.outputs(y_pred, from_logits=from_logits)
    assert len(str(caught.value)) < 250
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_ties_of_classes_that_are_one_are_no_saturation():
    rows = Z.copy()
    rows[:, 1] = rows[:, 0] = rows.max(axis=1) + 0.1  # a class drawn twice, as negatives may be
    assert checks.outputs(rows, from_logits=True).ok
    assert checks.outputs(rows.astype("float16"), from_logits=True).ok


def test_ties_that_rounding_makes_are_saturation():
    rows = Z.copy()
    for start in (0, 1):  # now these two classes meet, now those
        rows[start::2, 2 * start] = rows[start::2].max(axis=1) + 0.1
        rows[start::2, 2 * start + 1] = rows[start::2, 2 * start] + 1e-5
    assert checks.outputs(rows, from_logits=True).ok
    rounded = checks.outputs(rows.astype("float16"), from_logits=True)
    assert [f.pitfall for f in rounded.alarms] == ["saturated-ties"]
