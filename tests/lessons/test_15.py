"""Lesson 15: its loop against `fit`, and the figures that decide it."""

from utils import reference

import keras
import numpy as np
import pytest
import tensorflow as tf
from cells import run_cells
from sklearn.metrics import f1_score, precision_score

STEM = "15_precision_on_sparse_labels"


@pytest.fixture(scope="module")
def lesson():
    ids = ["setup", "build-model", "train-step", "evaluate-broken", "train", "evaluate-fixed"]
    lesson = run_cells(STEM, ids)
    lesson["model"] = lesson["build_model"]()
    lesson["history"] = lesson["train"](lesson["model"], lesson["evaluate_fixed"], epochs=3)
    lesson["scores"] = lesson["model"](lesson["rare"].x_test).numpy()
    return lesson


def test_the_fixed_loop_is_what_fit_does(lesson):
    rare, by_fit = lesson["rare"], lesson["build_model"]()
    metrics = [keras.metrics.Precision(class_id=k, top_k=1, name=f"p{k}") for k in range(3)]
    by_fit.compile(keras.optimizers.Adam(0.01), "categorical_crossentropy", metrics=metrics)
    batches = tf.data.Dataset.from_tensor_slices((rare.x_train, rare.y_train))
    batches = batches.shuffle(len(rare.x_train), seed=1).batch(50)
    for epoch in range(3):
        # Handed a dataset, fit looks at one batch first and so moves the shuffle on.
        x, y = (np.concatenate(parts) for parts in zip(*batches.as_numpy_iterator(), strict=True))
        by_fit.fit(x, np.eye(3)[y], batch_size=50, shuffle=False, verbose=0)
        told = by_fit.evaluate(rare.x_test, np.eye(3)[rare.y_test], verbose=0, return_dict=True)
        by_class = [told[f"p{k}"] for k in range(3)]
        np.testing.assert_allclose(lesson["history"]["reported"][epoch], by_class, atol=1e-6)
    for ours, theirs in zip(lesson["model"].get_weights(), by_fit.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_one_hot_and_top_1_is_scikit_learns_precision(lesson):
    history = lesson["history"]
    np.testing.assert_allclose(history["reported"], history["true"], atol=1e-6)


def test_class_id_takes_the_kth_label_of_the_batch():
    y, p = np.array([0, 2, 0, 1, 1, 0]), np.full((6, 3), [0.2, 0.6, 0.2], "float32")
    for order in ([0, 1, 2, 3, 4, 5], [1, 0, 2, 3, 4, 5]):
        metric = keras.metrics.Precision(class_id=1)
        metric.update_state(y[order], p)
        assert float(metric.result()) == float(y[order][1] != 0)


def test_class_0_of_a_column_is_one_minus_the_precision(lesson):
    y, p = lesson["rare"].y_test, lesson["scores"]
    right = keras.metrics.Precision(class_id=0)(np.eye(3)[y], p)
    column = keras.metrics.Precision(class_id=0)(y[:, None], p)
    assert float(column) == pytest.approx(1 - float(right), abs=1e-6)


def test_what_raises_and_what_does_not(lesson):
    y, p = lesson["rare"].y_test, lesson["scores"]
    for make in (keras.metrics.Precision, keras.metrics.F1Score, keras.metrics.AUC):
        with pytest.raises(Exception, match=r"shape|dimension"):
            make().update_state(y, p)
    silent = np.asarray(keras.metrics.F1Score()(y[:, None], p))
    true = f1_score(y, p.argmax(axis=1), average=None)
    assert np.abs(silent - true).max() > 0.2
    assert float(keras.metrics.Precision()(y, p.argmax(axis=1))) == pytest.approx(
        np.mean(y[p.argmax(axis=1) > 0] > 0)
    )


def test_pooled_precision_of_the_highest_score_is_accuracy(lesson):
    y, p = lesson["rare"].y_test, lesson["scores"]
    pooled = keras.metrics.Precision(top_k=1)(np.eye(3)[y], p)
    assert float(pooled) == pytest.approx(reference.accuracy(y, p), abs=1e-6)


def test_means_of_batches_fall_with_the_batch_size(lesson):
    y, named = lesson["rare"].y_test, lesson["scores"].argmax(axis=1)
    lesson |= {"y": y, "predicted": named}
    settings = {"labels": [0, 1, 2], "average": None, "zero_division": 0}
    small = np.mean(
        [precision_score(y[i : i + 8], named[i : i + 8], **settings) for i in range(0, 899, 8)],
        axis=0,
    )
    whole = precision_score(y, named, average=None)
    assert whole[1] - small[1] > 0.2
    assert whole[2] - small[2] > 0.2


def test_the_streaming_metric_is_right_after_any_batches(lesson):
    run_cells(STEM, ["streaming"], lesson)
    y, p = lesson["rare"].y_test, lesson["scores"]
    truth = precision_score(y, p.argmax(axis=1), average=None)
    metric = lesson["PrecisionByClass"](3)
    step = tf.function(metric.update_state, reduce_retracing=True)
    for size in (1, 7, 64):
        order = np.random.default_rng(size).permutation(len(y))[: 899 if size > 1 else 60]
        metric.reset_state()
        for start in range(0, len(order), size):
            part = order[start : start + size]
            step(tf.constant(y[part][:, None]), tf.constant(p[part]))
        if size > 1:
            np.testing.assert_allclose(metric.result(), truth, atol=1e-6)
    metric.reset_state()
    weights = np.where(y == 1, 0.0, 1.0)
    metric.update_state(y, p, sample_weight=weights)
    weighted = precision_score(
        y, p.argmax(axis=1), average=None, sample_weight=weights, zero_division=0
    )
    np.testing.assert_allclose(metric.result(), weighted, atol=1e-6)


def test_auc_from_logits_applies_a_sigmoid(lesson):
    y, p = np.eye(3)[lesson["rare"].y_test], lesson["scores"]
    z = np.log(p) + np.random.default_rng(0).normal(0, 2, (len(p), 1))
    by_sigmoid = keras.metrics.AUC()(y, tf.sigmoid(z))
    assert float(keras.metrics.AUC(from_logits=True)(y, z)) == pytest.approx(float(by_sigmoid))
    assert float(keras.metrics.AUC()(y, p)) - float(by_sigmoid) > 0.05
