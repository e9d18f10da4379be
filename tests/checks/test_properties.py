"""Whatever comes in: a report or a clear error, no crash, no certainty that is not there."""

from utils import checks
from utils.reference import log_softmax, softmax

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

FAST = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
NUMERIC = st.sampled_from(
    ["bool", "int8", "uint8", "int32", "int64", "uint64", "float16", "float32", "float64"]
)
ANY_DTYPE = st.sampled_from(
    ["bool", "uint8", "int64", "float16", "float32", "float64", "complex64", "U3", "S2", "M8[s]"]
)
SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
ANYTHING = st.one_of(
    ANY_DTYPE.flatmap(lambda d: hnp.arrays(d, SHAPES)),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner),
        max_leaves=8,
    ),
)
CLASSES = st.one_of(st.integers(2, 12), st.integers(2, 10**9))
LOGITS = st.tuples(st.integers(1, 12), st.integers(2, 12)).flatmap(
    lambda shape: hnp.arrays("float64", shape, elements=st.floats(-30, 30))
)


def report_or_clear_error(check, *args, **kwargs):
    """Return the report, or None if the call was refused in the way the docstrings promise."""
    refusal = None
    try:
        report = check(*args, **kwargs)
    except (TypeError, ValueError) as problem:
        refusal = problem
    if refusal is not None:
        text = str(refusal)
        assert 10 < len(text) < 400, text
        assert "Traceback" not in text
        assert refusal.__cause__ is None
        assert refusal.__suppress_context__ or refusal.__context__ is None, repr(refusal)
        return None
    assert str(report)
    assert report._repr_html_()
    for finding in report:
        assert finding.statement.strip()
        assert finding.remedy.strip()
        assert all(isinstance(v, (int, float, str)) for v in finding.evidence.values()), finding
    return report


@FAST
@given(ANYTHING, CLASSES, st.none() | st.integers(-1, 255))
def test_labels_never_crash(y, classes, ignore):
    report_or_clear_error(checks.labels, y, classes, ignore_class=ignore)


@FAST
@given(ANYTHING, st.booleans())
def test_outputs_never_crash(y_pred, from_logits):
    report_or_clear_error(checks.outputs, y_pred, from_logits=from_logits)


@FAST
@given(NUMERIC.flatmap(lambda d: hnp.arrays(d, SHAPES)), st.booleans())
def test_outputs_of_any_numbers_never_crash(y_pred, from_logits):
    report_or_clear_error(checks.outputs, y_pred, from_logits=from_logits)


@FAST
@given(ANYTHING, ANYTHING, st.none() | st.dictionaries(st.integers(-2, 5), st.floats()))
def test_weights_never_crash(w, y, declared):
    report_or_clear_error(checks.weights, w, y, class_weight=declared)


@FAST
@given(ANYTHING, CLASSES, st.none() | st.floats() | hnp.arrays("float64", st.integers(0, 5)))
def test_curves_never_crash(losses, classes, prior):
    report_or_clear_error(checks.curve, losses, num_classes=classes, prior=prior)


@FAST
@given(ANYTHING, ANYTHING)
def test_gradients_never_crash(gradients, variables):
    report_or_clear_error(checks.gradients, gradients, variables)


@pytest.mark.parametrize(
    "name", ["SparseCategoricalAccuracy", "BinaryAccuracy", "Accuracy", "Precision", "F1Score"]
)
@settings(FAST, max_examples=15)
@given(y=ANYTHING, p=NUMERIC.flatmap(lambda d: hnp.arrays(d, SHAPES)))
def test_metric_never_crashes(name, y, p):
    import keras

    report_or_clear_error(checks.metric, getattr(keras.metrics, name)(), y, p)


@FAST
@given(
    st.integers(2, 10**6).flatmap(
        lambda c: st.tuples(
            st.just(c),
            hnp.arrays(
                "int64",
                hnp.array_shapes(max_dims=1, max_side=40),
                elements=st.integers(0, min(c, 10**6) - 1),
            ),
        )
    )
)
def test_labels_in_range_are_never_called_out_of_range(case):
    classes, y = case
    found = {f.pitfall for f in checks.labels(y, classes).alarms}
    assert found <= {"label-offset"}
    if (y == 0).any() or len(y) < 10 * classes:
        assert not found


@FAST
@given(CLASSES, hnp.arrays("int64", st.integers(1, 30), elements=st.integers(-(2**62), 2**62)))
def test_labels_out_of_range_are_always_found(classes, y):
    outside = bool(((y < 0) | (y >= classes)).any())
    assert outside == bool(checks.labels(y, classes).alarms)


@FAST
@given(LOGITS)
def test_one_answer_for_each_pairing_of_outputs_and_from_logits(z):
    def alarms(y_pred, from_logits):
        return {f.pitfall for f in checks.outputs(y_pred, from_logits=from_logits).alarms}

    p = softmax(z).astype("float32")
    spread = np.ptp(p) > 1e-3
    ties = {"saturated-ties"}
    assert alarms(p, False) <= ties
    assert alarms(log_softmax(z), True) <= ties
    if spread:
        assert "double-softmax" in alarms(p, True)
    if (np.abs(z.sum(-1) - 1) > 0.01).all():
        assert "double-softmax" not in alarms(z, True)
    if z.min() < -0.01 and np.ptp(z) > 0:
        assert "logits-as-probabilities" in alarms(z, False)


@FAST
@given(LOGITS, st.permutations(range(12)))
def test_the_verdict_does_not_depend_on_the_order_of_rows(z, order):
    rows = [i for i in order if i < len(z)]
    for scores in (z, softmax(z)):
        for from_logits in (True, False):
            first = checks.outputs(scores, from_logits=from_logits)
            second = checks.outputs(scores[rows], from_logits=from_logits)
            assert [f.pitfall for f in first] == [f.pitfall for f in second]


@FAST
@given(LOGITS, st.integers(1, 4))
def test_the_verdict_does_not_depend_on_extra_axes(z, extra):
    flat = checks.outputs(np.repeat(z, extra, axis=0), from_logits=True)
    stacked = np.repeat(z, extra, axis=0).reshape(len(z), extra, -1)
    folded = checks.outputs(stacked, from_logits=True)
    assert [f.pitfall for f in flat] == [f.pitfall for f in folded]


def test_huge_class_counts_are_quick_and_quiet():
    z = np.random.default_rng(0).normal(size=(64, 200_000)).astype("float32")
    assert checks.outputs(z, from_logits=True).ok
    y = np.random.default_rng(0).integers(0, 10**9, 10_000)
    assert checks.labels(y, 10**9).ok
