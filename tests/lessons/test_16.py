"""Lesson 16's own cells: the yardstick beside `model.fit`, and the figures it rests on."""

import numpy as np
import pytest
from cells import run_cells

STEM = "16_loop_mechanics"


@pytest.fixture(scope="module")
def lesson():
    ids = ["setup", "build-model", "train", "run-broken", "rescaled", "train-fixed", "run-fixed"]
    return run_cells(STEM, ids)


def test_the_broken_loop_never_learns_and_fit_does(lesson):
    assert lesson["broken"][0] > 20
    assert lesson["broken"][-1] > np.log(10)
    assert lesson["by_fit"][-1] < 0.35
    # What is printed with one decimal stands clear of a rounding edge.
    assert 2.36 < lesson["broken"][-1] < 2.449


def test_the_fixed_loop_is_fit(lesson):
    assert lesson["weight_distance"](lesson["fixed_model"], lesson["fit_model"]) < 1e-6
    np.testing.assert_allclose(lesson["fixed"], lesson["by_fit"], atol=1e-6)


def test_the_gradient_of_a_vector_is_that_of_the_sum(lesson):
    run_cells(STEM, ["why"], lesson)
    assert lesson["ratio"] == pytest.approx(64, abs=0.01)


def test_the_penalty_has_no_effect_until_it_is_added(lesson):
    run_cells(STEM, ["penalty-forgotten", "train-like-fit", "penalty-fixed"], lesson)
    assert lesson["same"]
    apart = lesson["weight_distance"](lesson["regularised_model"], lesson["fit_with_penalty"])
    assert apart < 1e-6
    np.testing.assert_allclose(lesson["regularised"], lesson["told"], atol=1e-6)
    assert lesson["length"](lesson["regularised_model"]) < 0.7 * lesson["length"](
        lesson["fixed_model"]
    )


def test_one_small_step_tells_the_steps_apart(lesson):
    ids = ["sum", "pairs", "pairs-train", "pairs-figure", "one-step", "one-step-steps"]
    run_cells(STEM, ids, lesson)
    ratios = lesson["ratios"]
    assert ratios["as it should be"] == pytest.approx(1, abs=0.01)
    assert ratios["a vector"] == pytest.approx(63, abs=0.04)
    assert ratios["a sum"] == pytest.approx(ratios["a vector"], abs=0.01)
    assert 0.36 < ratios["wrong partners"] < 0.44
    assert lesson["curves"]["broken"][-1] > 4 * lesson["curves"]["fixed"][-1]


def test_what_keras_says_of_missing_gradients(lesson, capsys):
    run_cells(STEM, ["none-ways", "none-table", "none-outside"], lesson)
    told = capsys.readouterr().out.splitlines()
    assert sum("4 of 4 None; Keras says ValueError" in line for line in told) == 5
    assert sum("2 of 4 None; Keras says a warning" in line for line in told) == 1
    assert told[-1].endswith("0 of 2 None; Keras says nothing")
