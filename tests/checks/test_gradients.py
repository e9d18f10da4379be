"""checks.gradients: missing, mispaired, not finite."""

from utils import checks

import numpy as np
import pytest
import tensorflow as tf

VARIABLES = [
    tf.Variable(tf.zeros(shape), name=name)
    for shape, name in [((4, 3), "kernel"), ((3,), "bias"), ((3, 2), "kernel_2")]
]
ONES = [tf.ones(v.shape) for v in VARIABLES]


def alarms(gradients, variables=VARIABLES):
    return [(f.pitfall, f.severity) for f in checks.gradients(gradients, variables).alarms]


def test_healthy_gradients_raise_no_alarm():
    report = checks.gradients(ONES, VARIABLES)
    assert report.ok
    assert report.observed["global norm"] == pytest.approx(np.sqrt(12 + 3 + 6))
    assert checks.gradients([0 * g for g in ONES], VARIABLES).ok
    assert checks.gradients(ONES[0], VARIABLES[0]).ok


def test_sparse_gradients_of_an_embedding_are_fine():
    table = tf.Variable(tf.zeros((10, 4)))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.gather(table, [1, 2]))
    assert checks.gradients(tape.gradient(loss, [table]), [table]).ok


@pytest.mark.parametrize(
    ("gradients", "expected"),
    [
        ([None] * 3, [("gradients-none", "error")]),
        ([ONES[0], None, ONES[2]], [("gradients-none", "warning")]),
        (ONES[::-1], [("mispaired-gradients", "error")]),
        (ONES[:2], [("mispaired-gradients", "error")]),
        ([ONES[0] * np.nan, *ONES[1:]], [("unstable-softmax", "error")]),
        ([ONES[0] / 0.0, *ONES[1:]], [("unstable-softmax", "error")]),
    ],
)
def test_each_fault_is_named_and_nothing_else(gradients, expected):
    assert alarms(gradients) == expected


def test_the_variables_left_behind_are_named():
    (finding,) = checks.gradients([ONES[0], None, ONES[2]], VARIABLES)
    assert "bias" in finding.statement


@pytest.mark.parametrize(
    ("gradients", "variables", "error"),
    [
        (None, VARIABLES, TypeError),
        (ONES, None, TypeError),
        ([], [], ValueError),
        ([1.0], ["kernel"], TypeError),
        ("abc", VARIABLES, TypeError),
    ],
)
def test_bad_input_gets_a_clear_message(gradients, variables, error):
    with pytest.raises(error):
        checks.gradients(gradients, variables)
