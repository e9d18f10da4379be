"""Lesson 10: its fixed loop equals model.fit, and the figures it rests on."""

import keras
import numpy as np
import pytest
from cells import run_cells

STEM = "10_reported_against_true"


@pytest.fixture(scope="module")
def lesson():
    return run_cells(STEM, ["setup", "build-model", "train", "evaluate-broken", "evaluate"])


def test_the_fixed_loop_equals_fit(lesson):
    """With dropout: both draw the same masks from the same seed."""
    digits = lesson["digits"]
    ours, theirs = lesson["build_model"](), lesson["build_model"]()
    history = lesson["train"](ours, digits.x_train, digits.y_train, epochs=2)
    theirs.compile(keras.optimizers.Adam(0.003), lesson["loss_fn"], metrics=["accuracy"])
    log = theirs.fit(
        digits.x_train, digits.y_train, batch_size=64, epochs=2, shuffle=False, verbose=0
    ).history
    np.testing.assert_allclose(history, log["accuracy"], atol=1e-6)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    _, accuracy = theirs.evaluate(lesson["x_val"], lesson["y_val"], verbose=0)
    assert lesson["evaluate"](ours, lesson["x_val"], lesson["y_val"]) == pytest.approx(accuracy)


def test_the_flag_left_on_in_evaluation(lesson):
    run_cells(STEM, ["run-broken", "by-size", "run-fixed"], lesson)
    by_size = dict(zip(lesson["sizes"], lesson["reported"], strict=True))
    assert by_size[1] < 0.2 < by_size[2] < by_size[8] < by_size[450]
    assert lesson["sorted_by_class"] < 0.5
    assert max(lesson["reported"]) < min(lesson["fixed"])


def test_evaluation_with_the_flag_moves_the_averages(lesson):
    run_cells(STEM, ["why-moves"], lesson)
    assert lesson["moved"] > 0.005


def test_the_gap_adds_up_and_is_no_fault(lesson):
    run_cells(STEM, ["gap", "terms"], lesson)
    assert sum(lesson["terms"].values()) == pytest.approx(lesson["validation"] - lesson["said"])
    assert lesson["largest"] == "dropout"
    assert abs(lesson["terms"]["new images"]) < 0.03
    # Printed with three decimals: no term may lie at the edge of rounding.
    for term in lesson["terms"].values():
        assert abs(abs(term) * 1000 % 1 - 0.5) > 0.05


def test_two_passes_and_two_permutations(lesson):
    run_cells(STEM, ["two-passes"], lesson)
    assert lesson["once"] > 0.8 > 0.3 > lesson["twice"]
    run_cells(STEM, ["apart", "neighbour"], lesson)
    agree = lesson["neighbours_agree"]
    assert agree(lesson["x_apart"], lesson["y_apart"]) < 0.25
    assert agree(lesson["x_together"], lesson["y_together"]) > 0.9
