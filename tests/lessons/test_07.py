"""Lesson 07: its loop against `fit`, the myth, and the two real exceptions."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from cells import run_cells

STEM = "07_softmax_before_accuracy"


@pytest.fixture(scope="module")
def lesson():
    scope = run_cells(STEM, ["setup", "train"])
    scope["model"], scope["history"] = scope["train"](epochs=3)
    return run_cells(STEM, ["relatives"], scope)


def test_the_loop_is_what_fit_does(lesson):
    digits = lesson["digits"]
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.layers.Input((64,)),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(10),
        ]
    )
    model.compile(
        keras.optimizers.Adam(0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,
    )
    batches = tf.data.Dataset.from_tensor_slices((digits.x_train, digits.y_train))
    batches = batches.shuffle(len(digits.x_train), seed=1).batch(128)
    for epoch in range(3):
        # Handed a dataset, fit looks at one batch first and so moves the shuffle on.
        x, y = (np.concatenate(parts) for parts in zip(*batches.as_numpy_iterator(), strict=True))
        told = model.fit(x, y, batch_size=128, shuffle=False, verbose=0).history
        assert lesson["history"]["logits"][epoch] == pytest.approx(told["accuracy"][0], abs=1e-6)
    for ours, theirs in zip(lesson["model"].get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-6)


def test_a_softmax_before_the_metric_changes_nothing(lesson):
    assert lesson["history"]["softmax"] == lesson["history"]["logits"]
    accuracy_of = lesson["accuracy_of"]
    assert len(lesson["relatives"]) == 7
    assert len({accuracy_of(scores) for scores in lesson["relatives"].values()}) == 1


def test_saturation_makes_ties_and_ties_cost_accuracy(lesson):
    z, accuracy_of = lesson["z"], lesson["accuracy_of"]
    sharpened = tf.sigmoid(20 * z)
    tied = np.sum(sharpened == np.max(sharpened, axis=-1, keepdims=True), axis=-1) > 1
    assert np.mean(tied) > 0.2
    assert accuracy_of(sharpened) < accuracy_of(z) - 0.05
    top_1 = keras.metrics.SparseTopKCategoricalAccuracy(k=1)
    top_1.update_state(lesson["digits"].y_test, sharpened)
    assert float(top_1.result()) >= accuracy_of(z)


def test_half_precision_merges_ids(lesson):
    run_cells(STEM, ["meters", "meter-model"], lesson)
    y = np.arange(4096)
    wrong_by_one = tf.one_hot((y + 1) % 4096, 4096)
    truth = {"float32": (0.0, 1e-6), "bfloat16": (0.9, 1.0), "float16": (0.4, 0.6)}
    for dtype, (low, high) in truth.items():
        metric = keras.metrics.SparseCategoricalAccuracy()
        metric.update_state(y[2048:], tf.cast(wrong_by_one, dtype)[2048:])
        assert low <= float(metric.result()) <= high, dtype


def test_the_meter_is_reported_too_good_until_it_is_cast(lesson):
    run_cells(STEM, ["meters", "meter-model", "meter-train"], lesson)
    broken, reader = lesson["broken"], lesson["reader"]
    assert (np.subtract(broken["reported"], broken["true"]) > 0.05).all()
    reported, true = lesson["evaluate"](reader, "float32")
    assert reported == pytest.approx(true)
