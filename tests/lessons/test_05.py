"""Lesson 05: its fixed loop against `fit`, and the figures that decide it."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from cells import run_cells

STEM = "05_wrong_last_layer"


@pytest.fixture(scope="module")
def lesson():
    return run_cells(STEM, ["setup", "build-model", "train", "fixed"])


def test_the_fixed_loop_is_what_fit_does(lesson):
    digits = lesson["digits"]
    model = lesson["build_model"](None)
    model.compile(
        keras.optimizers.Adam(0.01), lesson["loss_fn"], metrics=["accuracy"], jit_compile=False
    )
    batches = tf.data.Dataset.from_tensor_slices((digits.x_train, digits.y_train))
    batches = batches.shuffle(len(digits.x_train), seed=1).batch(128)
    for epoch in range(12):
        # Handed a dataset, fit looks at one batch first and so moves the shuffle on.
        x, y = (np.concatenate(parts) for parts in zip(*batches.as_numpy_iterator(), strict=True))
        told = model.fit(x, y, batch_size=128, shuffle=False, verbose=0).history
        assert lesson["fixed"]["loss"][epoch] == pytest.approx(told["loss"][0], abs=1e-5)
        assert lesson["fixed"]["accuracy"][epoch] == pytest.approx(told["accuracy"][0], abs=1e-6)
    for ours, theirs in zip(lesson["fixed_model"].get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    assert lesson["never_now"] == set()


def test_a_relu_on_the_last_layer_loses_classes(lesson):
    run_cells(STEM, ["run-broken", "never", "why", "why-tie"], lesson)
    assert lesson["broken"]["accuracy"][-1] < 0.6 < 0.95 < lesson["fixed"]["accuracy"][-1]
    assert len(lesson["never"]) >= 3
    assert set(lesson["never"]) <= set(lesson["dead"])
    tied = lesson["losses"][lesson["all_zero"]]
    np.testing.assert_allclose(tied, np.log(10), atol=1e-6)


def test_bounded_scores_have_the_floor_of_the_formula(lesson):
    run_cells(STEM, ["bounded"], lesson)
    for series, floor in zip(lesson["losses"].values(), lesson["floors"].values(), strict=True):
        assert floor < series[-1] < floor + 0.15


def test_keras_sigmoid_is_looked_through_until_predict(lesson):
    run_cells(STEM, ["sigmoid-routes"], lesson)
    softmax = lesson["losses_by_route"]("softmax")
    sigmoid = lesson["losses_by_route"]("sigmoid")
    plain = lesson["losses_by_route"](tf.nn.sigmoid)
    assert np.ptp(softmax) < 1e-4
    np.testing.assert_allclose(sigmoid[:2], softmax[:2], atol=1e-5)
    assert sigmoid[2] > softmax[2] + 0.3
    np.testing.assert_allclose(plain, sigmoid[2], atol=1e-4)


@pytest.mark.filterwarnings("ignore:You are using a softmax")
def test_softmax_on_one_unit(lesson):
    run_cells(STEM, ["softmax-one"], lesson)
    share = lesson["y_pair"].mean()
    first, last, accuracy = lesson["train_pair"](tf.nn.softmax)
    assert first == last
    assert accuracy == pytest.approx(share)
    first, last, accuracy = lesson["train_pair"]("softmax")
    assert last < 0.3 * first
    assert accuracy == pytest.approx(share)
