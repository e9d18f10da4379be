"""Lesson 14: its loop against `fit`, and the figures that decide it."""

from utils import reference

import keras
import numpy as np
import pytest
import tensorflow as tf
from cells import run_cells

STEM = "14_class_weights"


@pytest.fixture(scope="module")
def lesson():
    return run_cells(
        STEM, ["setup", "balanced", "build-model", "train", "run-broken", "why-by-hand"]
    )


def test_the_fixed_loop_is_what_fit_does_with_class_weight(lesson):
    run_cells(STEM, ["train-fixed"], lesson)
    rare = lesson["rare"]
    model = lesson["build_model"]()
    history = lesson["train_fixed"](model, lesson["class_weight"], epochs=2)
    by_fit = lesson["build_model"]()
    by_fit.compile(keras.optimizers.Adam(0.03), lesson["loss_fn"])
    batches = tf.data.Dataset.from_tensor_slices((rare.x_train, rare.y_train))
    batches = batches.shuffle(len(rare.x_train), seed=1).batch(64)
    for epoch in range(2):
        # Handed a dataset, fit looks at one batch first and so moves the shuffle on.
        x, y = (np.concatenate(parts) for parts in zip(*batches.as_numpy_iterator(), strict=True))
        told = by_fit.fit(
            x, y, batch_size=64, shuffle=False, verbose=0, class_weight=lesson["class_weight"]
        ).history
        assert history["weighted"][epoch] == pytest.approx(told["loss"][0], abs=1e-5)
    for ours, theirs in zip(model.get_weights(), by_fit.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_the_broken_loop_ignores_any_weights(lesson):
    assert lesson["plain"] == lesson["broken"]
    for ours, theirs in zip(
        lesson["plain_model"].get_weights(), lesson["broken_model"].get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    assert abs(lesson["plain_accuracy"] - lesson["broken_accuracy"]) > 0.1


def test_a_weight_of_zero_changes_the_fixed_loop_only(lesson):
    run_cells(STEM, ["train-fixed"], lesson)
    rare, without_nines = lesson["rare"], {0: 1.0, 1: 1.0, 2: 0.0}
    named = {}
    for name in ("train", "train_fixed"):
        model = lesson["build_model"]()
        lesson[name](model, without_nines, epochs=6)
        named[name] = np.mean(np.argmax(model(rare.x_test), axis=1) == 2)
    assert named["train"] > 0.03
    assert named["train_fixed"] < 0.01


def test_keras_divides_by_the_number_of_examples(lesson):
    losses, w = lesson["losses"], lesson["w"]
    value = float(lesson["loss_fn"](lesson["rare"].y_train, lesson["logits"], sample_weight=3 * w))
    assert value == pytest.approx(3 * (losses * w).mean(), abs=1e-4)


def test_recall_rises_and_precision_falls_in_every_case(lesson):
    run_cells(STEM, ["descend", "eight-splits", "eight-table"], lesson)
    rare_only = np.s_[:, 1:]
    assert (lesson["recall_b"] > lesson["recall_a"])[rare_only].all()
    assert (lesson["precision_b"] < lesson["precision_a"])[rare_only].all()
    # Not at the edge of noise: both move by a lot.
    assert (lesson["recall_b"] - lesson["recall_a"])[rare_only].mean() > 0.2
    assert (lesson["precision_a"] - lesson["precision_b"])[rare_only].mean() > 0.1


def test_the_adjusted_plain_model_decides_as_the_weighted_one(lesson):
    run_cells(STEM, ["descend", "eight-splits", "eight-table", "alternatives"], lesson)
    recall_c, precision_c = lesson["rates"](lesson["adjusted_scores"])
    assert np.abs(recall_c - lesson["recall_b"]).mean() < 0.05
    assert np.abs(precision_c - lesson["precision_b"]).mean() < 0.05


def test_integers_forget_the_large_class(lesson):
    run_cells(STEM, ["trap-scale", "trap-integers"], lesson)
    assert lesson["as_integers"].numpy().tolist() == [0, 3, 3]


def test_a_column_of_weights(lesson):
    run_cells(STEM, ["trap-shape"], lesson)
    losses, w = lesson["losses"], lesson["w"]
    assert (losses * w[:, None]).mean() == pytest.approx(losses.mean() * w.mean())
    y, logits = lesson["rare"].y_train, lesson["logits"]
    a, b = (float(lesson["loss_fn"](y, logits, sample_weight=v)) for v in (w, w[:, None]))
    assert a == pytest.approx(b)


def test_balanced_weighted_accuracy_is_mean_recall(lesson):
    rare, logits, w = lesson["rare"], lesson["logits"], lesson["w"]
    metric = keras.metrics.SparseCategoricalAccuracy()
    metric.update_state(rare.y_train, logits, sample_weight=w)
    matrix = reference.confusion_matrix(rare.y_train, logits.argmax(axis=1), 3)
    assert float(metric.result()) == pytest.approx(reference.recall(matrix).mean(), abs=1e-5)


def test_arguments_of_keras_3(lesson):
    run_cells(STEM, ["train-fixed", "run-fixed", "trap-arguments"], lesson)
    fit_once, weights = lesson["fit_once"], lesson["class_weight"]
    assert fit_once({"loss_weights": weights}).startswith("ValueError")
    assert fit_once({"loss_weights": [1.0, 2.0, 3.0]}).startswith("ValueError")
    rare_only = {k: w for k, w in weights.items() if k}
    assert fit_once(class_weight=rare_only) == fit_once(class_weight={0: 1.0, **rare_only})
    assert fit_once(class_weight=weights) != fit_once()


def test_sequences(lesson):
    run_cells(STEM, ["trap-sequence"], lesson)
    by_class, by_sample, by_hand = lesson["sequence_losses"](16, 10)
    assert by_class == "ValueError"
    assert by_sample == by_hand
    by_class, by_sample, by_hand = lesson["sequence_losses"](10, 10)
    assert abs(float(by_class) - float(by_hand)) > 0.5
    assert by_sample == by_hand
