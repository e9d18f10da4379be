"""Lesson 08's own cells: the fixed loop equals `fit`, and the figures that decide."""

from utils import data, reference
from utils.plots import comparison, read_comparison

import keras
import numpy as np
import pytest
import tensorflow as tf
from cells import run_cells

STEM = "08_shapes_that_broadcast"
digits = data.digits()


@pytest.fixture(scope="module")
def lesson():
    ids = ["setup", "column", "accuracy-broken", "train", "predict-1", "broken-history"]
    ids += ["loss-broken", "loss-train", "loss-fixed", "diagnose-metric", "fixed"]
    return run_cells(STEM, ids)


def test_the_fixed_loop_equals_fit(lesson):
    by_hand, history = lesson["train"](
        lesson["y_column"], lesson["accuracy_fixed"], lesson["keras_loss"], epochs=2
    )
    keras.utils.set_random_seed(0)
    hidden = keras.layers.Dense(32, activation="relu")
    by_fit = keras.Sequential([keras.layers.Input((64,)), hidden, keras.layers.Dense(10)])
    by_fit.compile(keras.optimizers.Adam(0.02), lesson["keras_loss"], metrics=["accuracy"])
    batches = tf.data.Dataset.from_tensor_slices((digits.x_train, lesson["y_column"]))
    batches = batches.shuffle(len(digits.x_train), seed=1).batch(128)
    for epoch in range(2):
        # Handed a dataset, fit looks at one batch first and so moves the shuffle on.
        x, y = (np.concatenate(parts) for parts in zip(*batches.as_numpy_iterator(), strict=True))
        told = by_fit.fit(x, y, batch_size=128, shuffle=False, verbose=0).history
        assert history["loss"][epoch] == pytest.approx(told["loss"][0], abs=1e-5)
        assert history["metric"][epoch] == pytest.approx(told["accuracy"][0], abs=1e-6)
        assert history["by hand"][epoch] == pytest.approx(told["accuracy"][0], abs=1e-6)
    for ours, theirs in zip(by_hand.get_weights(), by_fit.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_the_broken_accuracy_is_pinned_while_the_model_is_the_same(lesson):
    broken, fixed = lesson["broken"], lesson["fixed"]
    assert max(broken["by hand"]) < 0.13
    assert broken["metric"][-1] > 0.93
    assert broken["loss"] == fixed["loss"]
    assert lesson["broken_model"].get_weights()[0].tolist() == (
        lesson["fixed_model"].get_weights()[0].tolist()
    )


def test_the_reported_value_is_the_chance_agreement(lesson):
    ids = lesson["broken_model"](digits.x_test).numpy().argmax(axis=-1)
    shares = [np.bincount(v, minlength=10) / len(v) for v in (digits.y_test, ids)]
    reported = lesson["accuracy_by_hand"](digits.y_test[:, None], tf.one_hot(ids, 10))
    assert np.isclose(reported, shares[0] @ shares[1], atol=1e-6)


def test_the_gathered_loss_learns_the_shares_only(lesson):
    entropy = reference.prior_entropy(digits.y_train)
    assert abs(lesson["gathered"]["loss"][-1] - entropy) < 0.02
    assert lesson["gathered"]["metric"][-1] < 0.2
    assert lesson["mended"]["loss"][-1] < 0.4
    scores = lesson["fixed_model"](digits.x_test)
    mended = lesson["loss_by_hand_fixed"](digits.y_test[:, None], scores)
    truth = reference.cross_entropy(digits.y_test, scores.numpy()).mean()
    assert np.isclose(mended, truth, atol=1e-5)


def test_the_table_of_slips(lesson):
    run_cells(STEM, ["table-slips", "table"], lesson)
    told = {
        name: [lesson["attempt"](function, digits.y_train[:size]) for size in (1, 10, 32)]
        for name, function in lesson["slips"].items()
    }
    assert told["argmax without axis, =="] == ["0.00"] * 3
    assert told["argmax without axis, NumPy"] == ["0.00", "0.00", "raises"]
    assert sum(row[0] == "1.00" for row in told.values()) == 2
    assert sum(row.count("raises") for row in told.values()) == 1
    assert told["BinaryAccuracy on one-hot"] == ["0.90"] * 3


def test_tensorflow_compares_shapes_that_do_not_fit_to_one_false():
    a, b = tf.range(10), tf.range(32)
    assert (a == b).shape == ()
    assert not bool(a == b)
    compiled = tf.function(lambda a, b: a == b)
    assert not bool(compiled(a, b))
    with pytest.raises(tf.errors.InvalidArgumentError, match="Incompatible shapes"):
        tf.equal(a, b)


def test_comparison_figure_shows_what_numpy_compares():
    import matplotlib.pyplot as plt

    y, p = np.array([0, 0, 1, 2]), np.array([0, 1, 1, 2])
    figure, ax = plt.subplots()
    comparison(ax, y[:, None], p)
    np.testing.assert_array_equal(ax.images[0].get_array(), y[:, None] == p)
    plt.close(figure)
    assert read_comparison(y, p) == (
        "On the diagonal 3 of 4 match (0.75); in the whole square 5 of 16 (0.31)."
    )
    with pytest.raises(ValueError, match="3 predictions and 4 labels"):
        read_comparison(y, p[:3])
