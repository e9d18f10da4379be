"""Lesson 03's own cells: the deciding figures, and the fixed loop beside `model.fit`."""

from utils import data, reference

import keras
import numpy as np
import pytest
import tensorflow as tf
from cells import fit_epoch_by_epoch, run_cells


@pytest.fixture(scope="module")
def lesson():
    return run_cells("03_double_softmax", ["setup", "build-model", "train"])


def scce(from_logits):
    return keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits)


def test_the_loss_lies_and_the_accuracy_does_not(lesson):
    broken = lesson["train"](lesson["build_model"](tf.nn.softmax), scce(True))
    floor = reference.double_softmax_floor(10)
    assert broken["accuracy"][-1] > 0.95
    assert floor < broken["loss"][-1] < floor + 0.1
    assert min(broken["loss"]) > floor


def test_the_fixed_loop_is_fit(lesson):
    digits = data.digits()
    model, twin = lesson["build_model"](None), lesson["build_model"](None)
    history = lesson["train"](model, scce(True), epochs=3)
    batches = tf.data.Dataset.from_tensor_slices((digits.x_train, digits.y_train))
    batches = batches.shuffle(len(digits.x_train), seed=1).batch(128)
    twin.compile(keras.optimizers.Adam(0.01), scce(True), metrics=["accuracy"])
    fitted = fit_epoch_by_epoch(twin, batches, epochs=3)
    for a, b in zip(model.get_weights(), twin.get_weights()):
        np.testing.assert_allclose(a, b, atol=1e-5)
    np.testing.assert_allclose(history["loss"], fitted["loss"], atol=1e-5)
    np.testing.assert_allclose(history["accuracy"], fitted["accuracy"], atol=1e-6)


def test_the_two_fixes_are_the_same(lesson):
    a = lesson["train"](lesson["build_model"](None), scce(True), epochs=2)
    b = lesson["train"](lesson["build_model"](tf.nn.softmax), scce(False), epochs=2)
    np.testing.assert_allclose(a["loss"], b["loss"], atol=1e-4)
