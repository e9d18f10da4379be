"""Lesson 18: its fixed loop equals model.fit, and the figures it rests on."""

from utils import data

import numpy as np
import pytest
from cells import run_cells

STEM = "18_sequences_and_masks"
IDS = [
    "setup",
    "build",
    "train",
    "predict-1",
    "run-broken",
    "masked-loss",
    "train-fixed",
    "run-fixed",
]


@pytest.fixture(scope="module")
def lesson():
    return run_cells(STEM, IDS)


def test_codes_hold_every_digit_once_and_nothing_else():
    digits, codes = data.digits(), data.codes()
    filled = (codes.x_train != 0).any(axis=-1)
    np.testing.assert_array_equal(codes.x_train[filled], digits.x_train)
    np.testing.assert_array_equal(codes.y_train[filled], digits.y_train)
    assert not codes.y_train[~filled].any()
    longer = data.codes(boxes=24)
    np.testing.assert_array_equal(longer.x_test[:, :12], codes.x_test)
    assert not longer.x_test[:, 12:].any()
    with pytest.raises(ValueError, match="longest must be"):
        data.codes(boxes=5)


def test_the_fixed_loop_equals_fit(lesson):
    run_cells(STEM, ["predict-2", "means", "masking-layer", "fit"], lesson)
    for ours, theirs in zip(
        lesson["fixed_model"].get_weights(), lesson["fit_model"].get_weights(), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    np.testing.assert_allclose(
        lesson["fixed"]["accuracy"], lesson["log"]["val_accuracy"], atol=1e-6
    )


def test_the_report_counts_padding_and_the_fixed_one_does_not(lesson):
    broken, fixed = lesson["broken"], lesson["fixed"]
    assert broken["accuracy"][0] - broken["true accuracy"][0] > 0.4
    assert broken["accuracy"][-1] - broken["true accuracy"][-1] > 0.04
    for name in ("loss", "accuracy"):
        np.testing.assert_allclose(fixed[name], fixed[f"true {name}"], atol=1e-5)


def test_denominators(lesson):
    run_cells(STEM, ["predict-2", "means"], lesson)
    share = float(np.mean(lesson["mask"]))
    ratios = {name: float(value) / lesson["true"] for name, value in lesson["values"].items()}
    for name in ("loss object, ignore_class=-1", "... and mean_with_sample_weight"):
        assert ratios[name] == pytest.approx(1, abs=1e-4)
    for name in ("function, ignore_class=-1, mean", "loss object, sample_weight=mask"):
        assert ratios[name] == pytest.approx(share, abs=1e-4)


def test_what_keeps_the_mask(lesson):
    run_cells(STEM, ["predict-2", "means", "masking-layer", "lost-table"], lesson)
    kept = [n for n, v in lesson["routes"].items() if getattr(v, "_keras_mask", None) is not None]
    assert kept == ["model(x)", "keras.layers.Dropout"]


def test_a_short_buffer_forgets_and_a_long_one_does_not(lesson):
    run_cells(STEM, ["sorted-train"], lesson)
    digits = lesson["digits"]
    for buffer_size, low, high in ((64, 0.0, 0.5), (len(digits.y_train), 0.8, 1.0)):
        model, reported = lesson["train_digits"](buffer_size)
        accuracy = np.mean(model(digits.x_test).numpy().argmax(axis=-1) == digits.y_test)
        assert low <= accuracy <= high
        assert reported[-1] > 0.8


def test_labels_of_images(lesson, capsys):
    run_cells(STEM, ["resize", "iou"], lesson)
    perfect = lesson["iou"](lesson["one_hot"], lesson["one_hot"])
    assert lesson["iou"](lesson["one_hot"], lesson["probabilities"]) == pytest.approx(1 / 3)
    assert perfect == pytest.approx(1.0), "whole numbers 0 and 1 are told apart"
    assert "1.25" in capsys.readouterr().out
