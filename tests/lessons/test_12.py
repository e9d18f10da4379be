"""Lesson 12: its fixed loop equals model.fit, and the figures it rests on."""

from utils import exercises

import numpy as np
import pytest
from cells import run_cells

STEM = "12_overfitting_and_early_stopping"


@pytest.fixture(scope="module")
def lesson():
    return run_cells(
        STEM, ["setup", "build-model", "epoch", "train", "run-broken", "diagnose", "train-fixed"]
    )


def test_the_fixed_loop_equals_fit_with_a_callback(lesson):
    run_cells(STEM, ["run-fixed", "fit"], lesson)
    assert len(lesson["log"]["val_loss"]) == len(lesson["fixed"]["validation"])
    for ours, theirs in zip(
        lesson["fixed_model"].get_weights(), lesson["fit_model"].get_weights(), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    np.testing.assert_allclose(lesson["fixed"]["training"], lesson["log"]["loss"], atol=1e-5)


def test_only_the_fixed_loop_keeps_the_best(lesson):
    run_cells(STEM, ["run-fixed"], lesson)
    assert not lesson["keeps_the_best"](lesson["broken_model"], lesson["broken"])
    assert lesson["keeps_the_best"](lesson["fixed_model"], lesson["fixed"])
    accuracy = {
        name: lesson["reference"].accuracy(lesson["y_test"], lesson[name](lesson["x_test"]))
        for name in ("broken_model", "fixed_model")
    }
    assert accuracy["fixed_model"] > accuracy["broken_model"] + 0.02


def test_the_split_leaks_until_the_order_is_fixed(lesson):
    run_cells(STEM, ["leak", "leak-run"], lesson)
    assert lesson["accuracies"][True] > 0.5
    assert lesson["accuracies"][False] < 0.2
    assert not lesson["held_out"] & lesson["seen"], "the last row of the table: no reshuffling"


def test_a_sorted_split_has_unseen_classes(lesson):
    run_cells(STEM, ["sorted"], lesson)
    assert max(lesson["log"]["val_accuracy"]) < 0.05 < 0.9 < lesson["log"]["accuracy"][-1]


def test_curves_measured_alike(lesson):
    run_cells(STEM, ["alike"], lesson)
    penalty = float(sum(lesson["penalised"].losses))
    reported = lesson["log"]["loss"][-1]
    assert reported > lesson["validate"](lesson["penalised"]) > lesson["alone"]
    assert reported == pytest.approx(lesson["alone"] + penalty, abs=0.05)


def test_twenty_examples(lesson):
    run_cells(STEM, ["twenty"], lesson)
    twenty, tf = lesson["overfit_twenty"], lesson["tf"]
    assert twenty()[0] < 0.05
    assert twenty(tf.nn.softmax)[0] > 1.46
    assert twenty("relu")[1] < 0.9
    assert twenty(y=np.roll(lesson["digits"].y_train[:20], 1))[0] < 0.05


def test_the_exercises_own_loop_is_sick():
    scope = run_cells(STEM, ["exercise-a-sick"], {"np": np})
    result = exercises.get("12-a").check(scope["sick"])
    assert result.pitfall == "early-stopping-without-restore"
