"""Lesson 04: its fixed loop against `fit`, and the figures that decide it."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from cells import run_cells

STEM = "04_logits_as_probabilities"


@pytest.fixture(scope="module")
def lesson():
    return run_cells(STEM, ["setup", "build-model", "train", "run-broken"])


def test_the_fixed_loop_is_what_fit_does(lesson):
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    by_hand = lesson["build_model"]()
    history = lesson["train"](by_hand, loss_fn, epochs=2)
    by_fit = lesson["build_model"]()
    by_fit.compile(keras.optimizers.Adam(0.01), loss_fn, metrics=["accuracy"], jit_compile=False)
    digits = lesson["digits"]
    batches = tf.data.Dataset.from_tensor_slices((digits.x_train, digits.y_train))
    batches = batches.shuffle(len(digits.x_train), seed=1).batch(128)
    for epoch in range(2):
        # Handed a dataset, fit looks at one batch first and so moves the shuffle on.
        x, y = (np.concatenate(parts) for parts in zip(*batches.as_numpy_iterator(), strict=True))
        told = by_fit.fit(x, y, batch_size=128, shuffle=False, verbose=0).history
        assert history["loss"][epoch] == pytest.approx(told["loss"][0], abs=1e-5)
        assert history["accuracy"][epoch] == pytest.approx(told["accuracy"][0], abs=1e-6)
    for ours, theirs in zip(by_hand.get_weights(), by_fit.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_the_broken_loss_starts_far_above_ln_c_and_ends_at_it(lesson):
    assert lesson["first_loss"] > 4 * np.log(10)
    # Whatever the rounding on the way: a changed start must end in the same trap.
    for nudge in (0.0, 1e-5):
        model = lesson["build_model"]()
        model.set_weights([w * (1 + nudge) for w in model.get_weights()])
        history = lesson["train"](model, lesson["broken_loss"], epochs=4)
        assert history["loss"][-1] == pytest.approx(np.log(10), abs=0.03)
        assert max(history["accuracy"]) < 0.5
        scores = model(lesson["digits"].x_train).numpy()
        assert np.mean(scores < 1e-7) > 0.99


def test_clip_divide_log_is_what_keras_does(lesson):
    by_hand = run_cells(STEM, ["why-by-hand"], lesson)["default_loss"]
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(50, 4)).astype("float32") * 2
    labels = rng.integers(0, 4, 50)
    keras_says = float(keras.losses.SparseCategoricalCrossentropy()(labels, scores))
    assert by_hand(labels, scores).mean() == pytest.approx(keras_says, abs=1e-4)


def test_metrics_with_a_threshold_differ_on_logits(lesson):
    run_cells(STEM, ["eight"], lesson)
    y = (lesson["digits"].y_test == 8).astype("float32")[:, None]
    z = lesson["eight"](lesson["digits"].x_test)

    def gap(make):
        return abs(float(make()(y, z)) - float(make()(y, tf.sigmoid(z))))

    assert gap(keras.metrics.AUC) > 0.1
    assert gap(keras.metrics.Recall) > 0.05
    right = float(keras.metrics.BinaryAccuracy(threshold=0.0)(y, z))
    assert right == pytest.approx(float(keras.metrics.BinaryAccuracy()(y, tf.sigmoid(z))))
