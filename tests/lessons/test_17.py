"""Lesson 17's own cells: the fixed loop beside `model.fit`, traces, and the robust orderings."""

import numpy as np
import pytest
from cells import run_cells

STEM = "17_graph_mode_and_speed"


@pytest.fixture(scope="module")
def lesson():
    ids = ["setup", "build-model", "train", "run-broken"]
    return run_cells(STEM, ids)


def test_python_in_the_step_ran_once(lesson):
    assert lesson["steps"] == 1
    assert len(lesson["losses"]) == 1
    run_cells(STEM, ["rate-zero"], lesson)
    assert not np.array_equal(lesson["before"], lesson["weights"].numpy())


def test_the_log_is_eagers_and_the_losses_are_not(lesson):
    run_cells(STEM, ["symptom-table"], lesson)
    assert lesson["broken"]["rate"] == lesson["eager"]["rate"]
    assert lesson["eager_steps"] == 4 * 21
    assert lesson["broken"]["loss"][0] == pytest.approx(lesson["eager"]["loss"][0], abs=1e-4)
    assert lesson["eager"]["loss"][-1] > lesson["broken"]["loss"][-1] + 0.2


def test_the_fixed_loop_is_fit_and_eager(lesson):
    run_cells(STEM, ["train-fixed", "run-fixed", "fit"], lesson)
    assert lesson["steps"] == 4 * 21
    assert lesson["apart"] < 1e-6
    np.testing.assert_allclose(lesson["fixed"]["loss"], lesson["by_fit"]["loss"], atol=1e-6)


def test_the_rate_of_a_keras_optimizer_is_a_variable(lesson):
    run_cells(STEM, ["optimizer-rate"], lesson)
    assert not lesson["moved"]
    assert int(lesson["optimizer"].iterations) == 2


def test_traces(lesson, capsys):
    run_cells(STEM, ["retracing"], lesson)
    assert list(lesson["traces"].values()) == [20, 20, 1, 1, 20, 2, 20]
    assert lesson["relaxed"] == 2
    run_cells(STEM, ["ragged"], lesson)
    told = capsys.readouterr().out
    assert "3 epochs:           2 traces" in told
    assert "3 epochs:  6 traces" in told


def test_an_optimizer_in_the_step(lesson, capsys):
    run_cells(STEM, ["optimizer-loud", "optimizer-silent"], lesson)
    assert "singleton tf.Variables" in lesson["told"]
    assert lesson["iterations"] == 1
    _, iterations = lesson["train_adam"]("once", epochs=1)
    assert iterations == 11


def test_compiled_is_faster_and_computes_the_same(lesson):
    run_cells(STEM, ["speed-steps", "speed-ways", "speed-measure"], lesson)
    later, weights = lesson["later"], lesson["weights"]
    assert later["compiled step"] < later["eager step"]
    assert later["epoch, iterator"] < later["eager step"]
    for name in lesson["names"]:
        for a, b in zip(weights[name], weights["eager step"], strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5)
