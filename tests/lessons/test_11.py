"""Lesson 11: its fixed loop equals model.fit, and the figures it rests on."""

import keras
import numpy as np
import pytest
from cells import run_cells

STEM = "11_what_a_loss_means"


@pytest.fixture(scope="module")
def lesson():
    return run_cells(STEM, ["setup", "build-model", "train", "noise-data", "train-fixed"])


def test_the_fixed_loop_equals_fit(lesson):
    digits, loss_fn = lesson["digits"], lesson["loss_fn"]
    data = digits.x_train[:200], digits.y_train[:200]
    ours, theirs = lesson["build_model"](64, 10), lesson["build_model"](64, 10)
    history = lesson["train_fixed"](ours, *data, digits.x_test, digits.y_test, 3, 0.01)
    theirs.compile(keras.optimizers.Adam(0.01), loss_fn)
    held_out = (digits.x_test, digits.y_test)
    log = theirs.fit(
        *data, batch_size=50, epochs=3, shuffle=False, validation_data=held_out, verbose=0
    ).history
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    np.testing.assert_allclose(history["training"], log["loss"], atol=1e-5)
    np.testing.assert_allclose(history["validation"], log["val_loss"], atol=1e-5)


def test_equal_losses_on_different_ground(lesson):
    run_cells(STEM, ["run-two", "why-prior"], lesson)
    a, b = lesson["on_digits"]["loss"][-1], lesson["on_ink"]["loss"][-1]
    assert abs(a - b) < 0.02
    ink = lesson["ink"]
    assert set(lesson["ink_model"](ink.x_test).numpy().argmax(axis=1)) == {0}
    assert b > np.log(3) - 0.5 > 0
    assert b > lesson["reference"].prior_entropy(ink.y_train)


def test_labels_by_lot_are_learned_by_heart(lesson):
    run_cells(STEM, ["noise-run", "noise-table"], lesson)
    assert lesson["by_lot"]["accuracy"][-1] == 1.0
    assert lesson["chance"] < 0.2
    assert lesson["lost"] > np.log(10)


def test_the_largest_losses_are_the_planted_labels(lesson):
    run_cells(STEM, ["planted"], lesson)
    assert np.isin(lesson["suspects"], lesson["planted"]).sum() >= 25


def test_the_check_reads_the_curves(lesson):
    run_cells(STEM, ["diagnose-curve"], lesson)
    checks = lesson["checks"]
    report = checks.curve(lesson["longer"]["loss"], num_classes=3, prior=lesson["q"])
    assert [f.pitfall for f in report.alarms] == ["class-imbalance"]
    run_cells(STEM, ["diagnose-flat"], lesson)
    report = checks.curve(lesson["nothing"]["loss"], num_classes=10)
    assert [f.pitfall for f in report.alarms] == ["loss-without-anchor"]
