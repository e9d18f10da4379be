"""Lesson 01's own cells: the fixed loop equals `fit`, and the figures that decide."""

from utils import data

import keras
import numpy as np
import pytest
import tensorflow as tf
from cells import run_cells

STEM = "01_one_hot_labels"
digits = data.digits()


@pytest.fixture(scope="module")
def lesson():
    ids = ["setup", "loud", "train", "predict-1", "broken-history", "fixed", "fixed-ids"]
    return run_cells(STEM, [*ids, "why-sizes", "formula"])


def test_the_fixed_loop_equals_fit(lesson):
    cce = keras.losses.CategoricalCrossentropy(from_logits=True)
    metric = keras.metrics.CategoricalAccuracy()
    by_hand, history = lesson["train"](lesson["one_hot"], cce, metric, epochs=2)
    keras.utils.set_random_seed(0)
    hidden = keras.layers.Dense(32, activation="relu")
    by_fit = keras.Sequential([keras.layers.Input((64,)), hidden, keras.layers.Dense(10)])
    by_fit.compile(keras.optimizers.Adam(0.005), cce, metrics=["accuracy"])
    batches = tf.data.Dataset.from_tensor_slices((digits.x_train, lesson["one_hot"]))
    batches = batches.shuffle(len(digits.x_train), seed=1).batch(10, drop_remainder=True)
    for epoch in range(2):
        # Handed a dataset, fit looks at one batch first and so moves the shuffle on.
        x, y = (np.concatenate(parts) for parts in zip(*batches.as_numpy_iterator(), strict=True))
        told = by_fit.fit(x, y, batch_size=10, shuffle=False, verbose=0).history
        assert history["loss"][epoch] == pytest.approx(told["loss"][0], abs=1e-5)
        assert history["reported"][epoch] == pytest.approx(told["accuracy"][0], abs=1e-6)
    for ours, theirs in zip(by_hand.get_weights(), by_fit.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_the_loss_raises_at_every_batch_size_and_moves_no_weight(lesson):
    one_hot, loss_fn = lesson["one_hot"], keras.losses.SparseCategoricalCrossentropy()
    for size in (1, 2, 3, 9, 10, 11, 32):
        with pytest.raises(ValueError, match="must have rank"):
            loss_fn(one_hot[:size], lesson["scores"][:size])


def test_the_broken_metric_is_near_chance_on_the_same_weights(lesson):
    broken, fixed = lesson["broken"], lesson["fixed"]
    assert max(broken["reported"]) < 0.15
    assert broken["true"][-1] > 0.93
    assert fixed["reported"][-1] > 0.9
    assert broken["loss"] == fixed["loss"]


def test_rows_and_ids_train_alike(lesson):
    np.testing.assert_allclose(lesson["fixed"]["loss"], lesson["also_fixed"]["loss"], atol=1e-3)


def test_which_batch_sizes_are_silent(lesson):
    says, one_hot = lesson["metric_says"], lesson["one_hot"]
    for size in range(1, 14):
        told = says(keras.metrics.SparseCategoricalAccuracy(), one_hot[:size], one_hot[:size])
        assert (told != "raises") == (size in (1, 10)), size


def test_the_formula_and_its_winner(lesson):
    reported = lesson["reported"]
    assert reported["always 0"] == max(reported.values()) == pytest.approx(0.9, abs=0.01)
    assert reported["always 7"] == 0
    assert reported["always right"] == pytest.approx(0.1, abs=0.02)


def test_a_column_of_ids_scores_the_share_of_class_0(lesson):
    column, scores = digits.y_train[:, None], lesson["scores"]
    metric = keras.metrics.CategoricalAccuracy()
    metric.update_state(column, scores)
    assert float(metric.result()) == pytest.approx(np.mean(digits.y_train == 0), abs=1e-6)
    with pytest.raises(ValueError, match="same shape"):
        keras.losses.CategoricalCrossentropy()(column, scores)


def test_rows_are_sequences_only_for_scores_with_one_more_axis(lesson):
    run_cells(STEM, ["sequence"], lesson)
    assert lesson["losses"].shape == (4, 10)
