"""Lesson 06: its fixed loop against `fit`, and the figures that decide it."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from cells import run_cells

STEM = "06_unstable_softmax"


@pytest.fixture(scope="module")
def lesson():
    return run_cells(STEM, ["setup", "build-model", "by-hand", "train", "two-ways"])


def test_the_fixed_loop_is_what_fit_does(lesson):
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    by_hand = lesson["build_model"]()
    history = lesson["train"](by_hand, loss_fn, lesson["pixels"], epochs=1)
    by_fit = lesson["build_model"]()
    by_fit.compile(keras.optimizers.Adam(0.01), loss_fn, metrics=["accuracy"], jit_compile=False)
    batches = tf.data.Dataset.from_tensor_slices((lesson["pixels"], lesson["digits"].y_train))
    batches = batches.shuffle(len(lesson["pixels"]), seed=1).batch(128)
    # Handed a dataset, fit looks at one batch first and so moves the shuffle on.
    x, y = (np.concatenate(parts) for parts in zip(*batches.as_numpy_iterator(), strict=True))
    told = by_fit.fit(x, y, batch_size=128, shuffle=False, verbose=0).history
    assert history["loss"][0] == pytest.approx(told["loss"][0], rel=1e-5)
    assert history["accuracy"][0] == pytest.approx(told["accuracy"][0], abs=1e-6)
    for ours, theirs in zip(by_hand.get_weights(), by_fit.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_by_hand_the_accuracy_is_the_share_of_class_0(lesson):
    model = lesson["build_model"]()
    history = lesson["train"](model, lesson["by_hand"], lesson["pixels"], epochs=2)
    assert np.isnan(history["loss"]).all()
    assert history["accuracy"][1] == pytest.approx(np.mean(lesson["digits"].y_train == 0))
    assert np.isnan(model(lesson["digits"].x_test)).all()


def test_two_ways_into_the_pit(lesson):
    measure, by_hand = lesson["loss_and_gradient"], lesson["by_hand"]
    for logits in ([1000.0, 0.0], [0.0, -200.0]):
        loss, gradient = measure(by_hand, logits, true_class=1)
        assert np.isinf(loss)
        assert np.isnan(gradient).all()
    run_cells(STEM, ["logsumexp"], lesson)
    assert -lesson["log_softmax"]([1000.0, 0.0])[1] == 1000.0


def test_an_epsilon_hides_it_and_stops_the_learning(lesson):
    run_cells(STEM, ["with-epsilon"], lesson)
    assert not np.isnan(lesson["with_eps"]["loss"]).any()
    assert max(lesson["with_eps"]["accuracy"]) < 2 / 3
    honest = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    history = lesson["train"](lesson["build_model"](), honest, lesson["pixels"], epochs=4)
    assert history["accuracy"][-1] > 0.85


def test_from_probabilities_the_loss_stops_at_16_118_with_no_gradient(lesson):
    run_cells(STEM, ["clip"], lesson)
    for gap in (17.0, 100.0):
        loss, gradient = lesson["loss_and_gradient"](lesson["from_probabilities"], [gap, 0.0], 1)
        assert loss == pytest.approx(-np.log(1e-7), abs=1e-3)
        assert not gradient.any()


def test_float16_softmax_has_a_nan_gradient_before_it_has_none(lesson):
    run_cells(STEM, ["half"], lesson)
    float16 = lesson["through"]("float16")
    loss, gradient = lesson["loss_and_gradient"](float16, [12.0, 0.0], 1)
    assert loss == pytest.approx(12.0, abs=0.01)
    assert not np.isfinite(gradient).all()
    _, gradient = lesson["loss_and_gradient"](float16, [20.0, 0.0], 1)
    assert not gradient.any()


def test_scaled_inputs_make_the_accident_rarer_only(lesson):
    model = lesson["build_model"]()
    history = lesson["train"](model, lesson["by_hand"], lesson["digits"].x_train, epochs=1)
    assert np.isfinite(history["loss"]).all()
    slipped = lesson["digits"].x_test[:1] * 2550
    assert not np.isfinite(lesson["by_hand"](lesson["digits"].y_test[:1], model(slipped)))
