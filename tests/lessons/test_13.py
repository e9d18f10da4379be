"""Lesson 13: its loop against `fit`, and the figures that decide it."""

from utils import data, reference

import keras
import numpy as np
import pytest
import tensorflow as tf
from cells import run_cells
from sklearn.metrics import precision_score

STEM = "13_low_loss_low_precision"


@pytest.fixture(scope="module")
def lesson():
    return run_cells(
        STEM,
        ["setup", "build-model", "train", "confusion-metric", "train-fixed", "run-broken"],
    )


def test_the_fixed_loop_is_what_fit_does(lesson):
    pixels = data.rare_digits("pixels")
    model, history = lesson["train_with_table"](pixels, epochs=2)
    by_fit = lesson["build_model"](pixels)
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    by_fit.compile(keras.optimizers.Adam(0.01), loss_fn, metrics=["accuracy"])
    batches = tf.data.Dataset.from_tensor_slices((pixels.x_train, pixels.y_train))
    batches = batches.shuffle(len(pixels.x_train), seed=1).batch(60)
    for epoch in range(2):
        # Handed a dataset, fit looks at one batch first and so moves the shuffle on.
        x, y = (np.concatenate(parts) for parts in zip(*batches.as_numpy_iterator(), strict=True))
        told = by_fit.fit(x, y, batch_size=60, shuffle=False, verbose=0).history
        assert history["loss"][epoch] == pytest.approx(told["loss"][0], abs=1e-5)
        matrix = history["matrix"][epoch]
        assert np.trace(matrix) / matrix.sum() == pytest.approx(told["accuracy"][0], abs=1e-6)
    for ours, theirs in zip(model.get_weights(), by_fit.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_the_report_changes_no_weight(lesson):
    plain, _ = lesson["train"](lesson["ink"], epochs=2)
    with_table, _ = lesson["train_with_table"](lesson["ink"], epochs=2)
    for ours, theirs in zip(plain.get_weights(), with_table.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_ink_learns_the_frequencies_and_names_nobody_rare(lesson):
    broken, ink = lesson["broken"], lesson["ink"]
    entropy = reference.prior_entropy(ink.y_train)
    assert np.mean(broken["loss"][-6:]) == pytest.approx(entropy, abs=0.02)
    assert entropy < 0.6 * np.log(3)
    assert set(lesson["named"]) == {0}
    p = reference.softmax(lesson["scores"])
    assert p[:, 2].max() < 0.3


def test_the_prior_is_the_best_constant(lesson):
    y = lesson["ink"].y_train
    frequencies = np.bincount(y) / len(y)
    best = reference.prior_entropy(y)
    rng = np.random.default_rng(0)
    for q in rng.dirichlet(np.ones(3), 200):
        loss = -(frequencies * np.log(q)).sum()
        assert loss >= best


def test_0_over_0_in_three_libraries(lesson):
    run_cells(STEM, ["symptom-matrix", "undefined"], lesson)
    assert lesson["caught"][0].category.__name__ == "UndefinedMetricWarning"
    assert float(lesson["by_keras"].result()) == 0.0
    assert np.isnan(reference.precision(lesson["matrix"])[1:]).all()


def test_micro_precision_is_accuracy():
    rng = np.random.default_rng(0)
    for _ in range(20):
        y, named = rng.integers(0, 4, (2, 50))
        assert precision_score(y, named, average="micro") == pytest.approx(np.mean(y == named))


def test_the_same_labels_with_features_that_tell(lesson):
    pixels = data.rare_digits("pixels")
    np.testing.assert_array_equal(pixels.y_train, lesson["ink"].y_train)
    model, history = lesson["train_with_table"](pixels)
    matrix = reference.confusion_matrix(pixels.y_test, np.argmax(model(pixels.x_test), axis=1), 3)
    assert reference.precision(matrix).min() > 0.8
    assert reference.recall(matrix).min() > 0.8
    assert history["loss"][-1] < 0.15


def test_precision_falls_with_the_share_of_the_class():
    # Thin the positives of real predictions: the formula holds, recall does not move.
    rng = np.random.default_rng(0)
    is_nine = rng.random(20000) < 0.5
    called = np.where(is_nine, rng.random(20000) < 0.9, rng.random(20000) < 0.05)
    tpr, fpr = called[is_nine].mean(), called[~is_nine].mean()
    keep = ~is_nine | (rng.random(20000) < 0.05)
    share = is_nine[keep].mean()
    seen = is_nine[keep & called].mean()
    assert seen == pytest.approx(share * tpr / (share * tpr + (1 - share) * fpr), abs=0.03)
    assert seen < is_nine[called].mean() - 0.3
