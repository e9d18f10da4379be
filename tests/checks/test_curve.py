"""checks.curve: certainty only where the figure allows it."""

from utils import checks
from utils.reference import double_softmax_floor, prior_entropy

import numpy as np
import pytest

T = np.arange(40)
NOISE = np.random.default_rng(3).normal(0, 1, 40)
LABELS = np.repeat([0, 1, 2], [80, 15, 5])
PRIOR = prior_entropy(LABELS)
FLOOR = double_softmax_floor(10)


def alarms(losses, **settings):
    return [f.pitfall for f in checks.curve(losses, **settings).alarms]


@pytest.mark.parametrize(
    ("losses", "classes"),
    [
        (2.3 * np.exp(-T / 8) + 0.05, 10),
        (2.3 * np.exp(-T / 8) + 0.05 + 0.02 * abs(NOISE), 10),
        (np.linspace(2.3, 1.47, 40), 10),
        (1.53 + 0.8 * np.exp(-T / 4), 10),
        (1.2 + 1.1 * np.exp(-T / 4), 10),
        ([2.3], 10),
        ([2.3, 2.3, 2.3], 10),
        ([1.461, 1.461], 10),
        ([250.0, 3.0, 0.9, 0.4], 10),
        ([9.0, 2.0, 0.8, 0.4, 0.3, 0.2], 10),
        ([2.3] + [1e-5] * 20, 10),
        (np.exp(-T / 5), 2),
    ],
)
def test_curves_that_prove_nothing_raise_no_alarm(losses, classes):
    report = checks.curve(losses, num_classes=classes)
    assert report.ok, report


@pytest.mark.parametrize(
    ("losses", "settings", "pitfall"),
    [
        (FLOOR + 0.002 + 0.8 * np.exp(-T / 4), {"num_classes": 10}, "double-softmax"),
        (np.log(10) + 0.004 * NOISE, {"num_classes": 10}, "loss-without-anchor"),
        (PRIOR + 0.5 * np.exp(-T / 3), {"num_classes": 3, "prior": PRIOR}, "class-imbalance"),
        (PRIOR + 0.5 * np.exp(-T / 3), {"num_classes": 3, "prior": [80, 15, 5]}, "class-imbalance"),
        ([14.0] + [-np.log(1e-7)] * 9, {"num_classes": 10}, "logits-as-probabilities"),
        (6 * np.exp(-T / 30) + 2, {"num_classes": 10}, "logits-as-probabilities"),
        ([2.3, 1.9, np.nan, np.nan], {"num_classes": 10}, "unstable-softmax"),
        ([2.3, np.inf], {"num_classes": 10}, "unstable-softmax"),
        ([1.0, -3.0], {"num_classes": 10}, "loss-without-anchor"),
    ],
)
def test_each_sign_is_named_and_nothing_else(losses, settings, pitfall):
    assert alarms(losses, **settings) == [pitfall]


def test_a_curve_that_went_below_the_floor_is_no_double_softmax():
    curve = FLOOR + 0.002 + 0.8 * np.exp(-T / 4)
    curve[20] = FLOOR - 0.1
    assert alarms(curve, num_classes=10) == []


def test_reference_lines_are_observed():
    observed = checks.curve([2.0, 1.0], num_classes=3, prior=[80, 15, 5]).observed
    assert observed["prior entropy"] == pytest.approx(PRIOR)
    assert observed["floor"] == pytest.approx(double_softmax_floor(3))
    assert observed["ln C"] == pytest.approx(np.log(3))


@pytest.mark.parametrize(
    ("losses", "settings", "error"),
    [
        ([], {"num_classes": 3}, ValueError),
        ([[1.0]], {"num_classes": 3}, ValueError),
        (None, {"num_classes": 3}, TypeError),
        (["high"], {"num_classes": 3}, TypeError),
        ([1.0], {"num_classes": 3, "prior": 5.0}, ValueError),
        ([1.0], {"num_classes": 3, "prior": [1, 2]}, ValueError),
        ([1.0], {"num_classes": 3, "prior": [0, 0, 0]}, ValueError),
        ([1.0], {"num_classes": 3, "prior": [1, np.nan, 1]}, ValueError),
    ],
)
def test_bad_input_gets_a_clear_message(losses, settings, error):
    with pytest.raises(error):
        checks.curve(losses, **settings)
