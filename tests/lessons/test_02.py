"""Lesson 02's own cells: the fixed loop equals `fit`, and the figures that decide."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from cells import run_cells

STEM = "02_label_range"


@pytest.fixture(scope="module")
def lesson():
    ids = ["setup", "labels", "train", "predict-1", "broken-history", "routes", "fixed"]
    return run_cells(STEM, ids)


def test_the_fixed_loop_equals_fit(lesson):
    wine, ignoring = lesson["wine"], lesson["ignoring"]
    y = lesson["y_train"]
    by_hand, history = lesson["train"](
        wine.x_train, y, ignoring, jit_compile=False, void=-1, epochs=2
    )
    keras.utils.set_random_seed(0)
    hidden = keras.layers.Dense(16, activation="relu")
    by_fit = keras.Sequential([keras.layers.Input((13,)), hidden, keras.layers.Dense(3)])
    by_fit.compile(
        keras.optimizers.Adam(0.02), ignoring, weighted_metrics=["sparse_categorical_accuracy"]
    )
    batches = tf.data.Dataset.from_tensor_slices((wine.x_train, y)).shuffle(len(y), seed=1)
    batches = batches.batch(32, drop_remainder=True)
    for epoch in range(2):
        # Handed a dataset, fit looks at one batch first and so moves the shuffle on.
        x_now, y_now = (
            np.concatenate(parts) for parts in zip(*batches.as_numpy_iterator(), strict=True)
        )
        told = by_fit.fit(x_now, y_now, batch_size=32, shuffle=False, verbose=0).history
        assert history["loss"][epoch] == pytest.approx(told["loss"][0], abs=1e-5)
    for ours, theirs in zip(by_hand.get_weights(), by_fit.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_seven_labels_spoil_every_weight_and_leave_an_accuracy(lesson):
    broken = lesson["broken"]
    assert np.isnan(broken["loss"]).all()
    assert all(np.isnan(w).all() for w in lesson["broken_model"].get_weights())
    share = np.mean(lesson["y_train"] == 0)
    assert broken["accuracy"][-1] == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize("label", [-1, 3])
def test_what_each_route_says(lesson, label):
    y, z, loss_fn = np.array([0, 1, 2, label]), np.log(lesson["p"]), lesson["loss_fn"]
    for route in (loss_fn, tf.function(loss_fn)):
        with pytest.raises(tf.errors.InvalidArgumentError, match="outside the valid range"):
            route(y, z)
    assert np.isnan(tf.function(loss_fn, jit_compile=True)(y, z))


def test_ignoring_is_only_half_of_the_fix(lesson):
    fixed, half = lesson["fixed"], lesson["half_fixed"]
    assert fixed["loss"][-1] == pytest.approx(half["loss"][-1], abs=1e-4)
    assert fixed["accuracy"][-1] > half["accuracy"][-1] + 0.03


def test_a_spare_unit_hides_the_offset(lesson):
    run_cells(STEM, ["offset"], lesson)
    scores, y = lesson["scores"], lesson["wine"].y_test
    assert np.mean(scores.argmax(axis=-1) == y + 1) > 0.9
    assert np.mean(scores.argmax(axis=-1) == y) < 0.1


def test_a_second_encoder_renumbers(lesson):
    run_cells(STEM, ["encoder"], lesson)
    assert np.mean(lesson["ids"] == lesson["y"]) < 0.1, "the last labels are the refitted ones"


def test_labels_divided_by_255_give_the_better_loss(lesson):
    run_cells(STEM, ["predict-2", "fractional"], lesson)
    assert lesson["divided"]["loss"][-1] < 0.01 < lesson["whole"]["loss"][-1]
    assert lesson["divided"]["accuracy"][-1] < 0.11
    assert lesson["whole"]["accuracy"][-1] > 0.9


def test_the_table_of_dtypes(lesson):
    run_cells(STEM, ["dtype"], lesson)
    kinds, p = lesson["kinds"], lesson["p"]
    loss_fn = keras.losses.SparseCategoricalCrossentropy()
    told = {name: lesson["attempt"](lambda y=y: loss_fn(y, p)) for name, y in kinds.items()}
    for same in ("uint8", "float, whole", "float, 0.9 too much", "digits as text", "objects"):
        assert told[same] == told["int64"]
    assert told["names"] == told["ids and a one-hot row"] == "ValueError"
    assert told["with NaN"] == "InvalidArgument"
