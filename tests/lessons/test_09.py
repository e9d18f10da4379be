"""Lesson 09: its fixed loop equals model.fit, and the figures it rests on."""

import keras
import numpy as np
import pytest
from cells import run_cells

STEM = "09_metric_state"


@pytest.fixture(scope="module")
def lesson():
    return run_cells(STEM, ["setup", "build", "train", "train-fixed", "run-fixed", "fit"])


def test_the_fixed_loop_equals_fit(lesson):
    for ours, theirs in zip(
        lesson["fixed_model"].get_weights(), lesson["fit_model"].get_weights(), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    np.testing.assert_allclose(lesson["fixed"]["training"], lesson["log"]["accuracy"], atol=1e-6)
    np.testing.assert_allclose(
        lesson["fixed"]["validation"], lesson["log"]["val_accuracy"], atol=1e-6
    )


def test_the_fixed_loop_reports_the_truth(lesson):
    np.testing.assert_allclose(lesson["fixed"]["validation"], lesson["fixed"]["true"], atol=1e-6)
    assert lesson["fixed"]["true"][-1] > 0.85


def test_without_reset_the_report_is_the_mean_so_far(lesson):
    run_cells(STEM, ["run-broken", "why-mean"], lesson)
    np.testing.assert_allclose(lesson["broken"]["validation"], lesson["mean_so_far"], atol=1e-6)
    assert lesson["broken"]["true"][-1] - lesson["broken"]["validation"][-1] > 0.1


def test_a_shared_metric_is_a_blend(lesson):
    run_cells(STEM, ["shared"], lesson)
    np.testing.assert_allclose(lesson["shared"]["validation"], lesson["blend"], atol=1e-6)


def test_running_value_last_batch_and_recreated(lesson):
    run_cells(STEM, ["running-five"], lesson)
    np.testing.assert_allclose(lesson["returned"], [1, 1 / 2, 1 / 3, 1 / 4, 2 / 5], atol=1e-6)
    run_cells(STEM, ["last-batch", "recreated"], lesson)
    assert len(lesson["y_batch"]) == 1347 % 128
    assert "singleton tf.Variables" in lesson["reason"]


def test_reset_states_is_gone():
    assert keras.__version__.startswith("3.")
    assert not hasattr(keras.metrics.SparseCategoricalAccuracy(), "reset_states")
