"""checks.metric: what a metric reports against what is true, without touching the metric."""

from utils import checks
from utils.reference import accuracy, softmax

import keras
import numpy as np
import pytest
import tensorflow as tf

M = keras.metrics
RNG = np.random.default_rng(2)
Y = RNG.integers(0, 3, 60)
Z = RNG.normal(size=(60, 3)).astype("float32")
Z[np.arange(60), Y] += 2
P = softmax(Z).astype("float32")
HOT = np.eye(3, dtype="float32")[Y]
PRED = Z.argmax(-1)
BIN = (Y > 0).astype(int)
ROLLED = np.roll(np.arange(9), 3)
MULTI = (RNG.random((60, 4)) < 0.4).astype(int)


def own_accuracy(y, p):
    return np.mean(np.argmax(p, -1) == y)


def own_broadcasting_accuracy(y, p):
    return tf.reduce_mean(tf.cast(tf.equal(y, tf.argmax(p, -1)), tf.float32))


HEALTHY = [
    (M.SparseCategoricalAccuracy, Y, Z),
    (M.SparseCategoricalAccuracy, Y[:, None], P),
    (M.SparseCategoricalAccuracy, Y.astype(float), P),
    (M.SparseCategoricalAccuracy, Y.reshape(20, 3), Z.reshape(20, 3, 3)),
    (M.SparseCategoricalAccuracy, Y[:1], Z[:1]),
    (M.SparseCategoricalAccuracy, np.where(np.arange(60) < 5, -1, Y), Z),
    (lambda: M.SparseTopKCategoricalAccuracy(k=2), Y, Z),
    (lambda: M.SparseCategoricalCrossentropy(from_logits=True), Y, Z),
    (M.CategoricalAccuracy, HOT, P),
    (M.CategoricalAccuracy, HOT * 0.9 + 0.1 / 3, P),
    (M.Accuracy, Y, PRED),
    (M.Accuracy, Y[:, None], PRED),
    (M.BinaryAccuracy, BIN, 1 - P[:, 0]),
    (M.BinaryAccuracy, BIN[:, None], 1 - P[:, :1]),
    (lambda: M.BinaryAccuracy(threshold=0.0), BIN, -Z[:, 0]),
    (M.BinaryAccuracy, MULTI, RNG.random((60, 4))),
    (M.Precision, BIN, 1 - P[:, 0]),
    (lambda: M.Precision(class_id=1, top_k=1), HOT, Z),
    (lambda: M.Precision(thresholds=0.0), HOT, Z),
    (lambda: M.AUC(from_logits=True), BIN, -Z[:, 0]),
    (lambda: M.AUC(multi_label=True), HOT, P),
    (M.F1Score, HOT, Z),
    (lambda: M.MeanIoU(3), Y, PRED),
    (lambda: M.MeanIoU(3, sparse_y_pred=False), Y, P),
    (M.MeanAbsoluteError, HOT, P),
    (lambda: "accuracy", Y, P),
    (lambda: M.sparse_categorical_accuracy, Y, Z),
    (lambda: own_accuracy, Y, Z),
    (lambda: lambda y, p: 0.25, Y, Z),
]

SICK = [
    (M.SparseCategoricalAccuracy, HOT, Z, "one-hot-labels"),
    (M.SparseCategoricalAccuracy, HOT[:3], Z[:3], "one-hot-labels"),
    (M.SparseCategoricalAccuracy, Y, PRED, "class-ids-as-scores"),
    (M.SparseCategoricalAccuracy, Y, PRED[:, None], "class-ids-as-scores"),
    (M.SparseCategoricalAccuracy, Z, Y, "swapped-arguments"),
    (M.SparseCategoricalAccuracy, Y[:1], Z, "batch-mismatch"),
    (M.SparseCategoricalAccuracy, Y[:50], Z, "batch-mismatch"),
    (M.SparseCategoricalAccuracy, Y, Z * np.nan, "nan-scores"),
    (M.SparseCategoricalAccuracy, Y, P[:, :1], "output-units"),
    (M.SparseCategoricalAccuracy, Y + 1, Z, "label-offset"),
    (M.SparseCategoricalAccuracy, Y / 255, Z, "fractional-labels"),
    (
        M.SparseCategoricalAccuracy,
        Y.reshape(3, 4, 5),
        np.moveaxis(P.reshape(3, 4, 5, 3), -1, 1),
        "wrong-axis",
    ),
    (M.SparseCategoricalAccuracy, ROLLED, 9 * np.eye(9)[ROLLED].T, "wrong-axis"),
    (M.SparseCategoricalAccuracy, Y, tf.sigmoid(Z * 30), "saturated-ties"),
    (M.CategoricalAccuracy, Y, P, "sparse-labels-to-categorical"),
    (M.CategoricalAccuracy, Y[:, None], P, "sparse-labels-to-categorical"),
    (M.CategoricalAccuracy, MULTI, RNG.random((60, 4)), "wrong-accuracy-metric"),
    (M.Accuracy, HOT, P, "wrong-accuracy-metric"),
    (M.Accuracy, Y[:, None], P, "wrong-accuracy-metric"),
    (M.BinaryAccuracy, HOT, P, "wrong-accuracy-metric"),
    (M.BinaryAccuracy, Y, P, "wrong-accuracy-metric"),
    (M.BinaryAccuracy, BIN, Z[:, 0], "metric-on-logits"),
    (M.Precision, HOT, Z, "metric-on-logits"),
    (M.AUC, BIN, Z[:, 0], "metric-on-logits"),
    (M.Precision, Y, P, "precision-on-sparse-labels"),
    (M.Precision, Y, PRED, "precision-on-sparse-labels"),
    (lambda: M.Precision(class_id=1), Y, P, "precision-on-sparse-labels"),
    (M.F1Score, Y[:, None], P, "precision-on-sparse-labels"),
    (lambda: M.MeanIoU(3), HOT, P, "wrong-accuracy-metric"),
    (lambda: own_broadcasting_accuracy, Y[:, None], Z, "broadcast-shapes"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "y", "p"), HEALTHY)
def test_a_fitting_metric_raises_no_alarm(make, y, p):
    report = checks.metric(make(), y, p)
    assert report.ok, report


@pytest.mark.parametrize(("make", "y", "p", "pitfall"), SICK)
def test_each_fault_is_named_and_nothing_else(make, y, p, pitfall):
    assert [f.pitfall for f in checks.metric(make(), y, p).alarms] == [pitfall]


def test_the_metric_passed_in_keeps_its_state():
    metric = M.SparseCategoricalAccuracy()
    metric.update_state([0, 1], [[1.0, 0.0], [1.0, 0.0]])
    before = [v.numpy() for v in metric.variables]
    assert checks.metric(metric, Y, Z).observed["reported"] == pytest.approx(accuracy(Y, Z))
    assert [v.numpy() for v in metric.variables] == before


def test_reported_and_true_figures_stand_side_by_side():
    (finding,) = checks.metric(M.SparseCategoricalAccuracy(), HOT[:3], Z[:3])
    reported = M.SparseCategoricalAccuracy()
    reported.update_state(HOT[:3], Z[:3])
    assert finding.evidence["reported"] == pytest.approx(float(reported.result()))
    assert finding.evidence["reference"] == pytest.approx(accuracy(Y[:3], Z[:3]))


def test_half_precision_merges_ids_where_keras_really_does():
    ids = RNG.integers(1000, 4095, 50)
    scores = RNG.random((50, 4096)).astype("float32") * 0.1
    scores[np.arange(50), ids + 1] = 1
    (finding,) = checks.metric("sparse_categorical_accuracy", ids, tf.cast(scores, tf.bfloat16))
    assert finding.pitfall == "low-precision-ids"
    assert finding.evidence["reported"] > 0.5 > finding.evidence["reference"]
    assert checks.metric("sparse_categorical_accuracy", ids, scores).ok


@pytest.mark.parametrize(
    ("metric", "y", "p", "error"),
    [
        (None, Y, Z, TypeError),
        (3, Y, Z, TypeError),
        ("acuracy", Y, Z, ValueError),
        (M.MeanIoU, Y, Z, TypeError),
        (M.Accuracy, None, Z, TypeError),
        (M.Accuracy, ["a"] * 60, Z, TypeError),
        (M.Accuracy, [], [], ValueError),
        (M.Accuracy, 1, 1, ValueError),
    ],
)
def test_bad_input_gets_a_clear_message(metric, y, p, error):
    with pytest.raises(error) as caught:
        checks.metric(metric, y, p)
    assert len(str(caught.value)) < 250
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_metric_of_ones_own_that_cannot_be_copied_keeps_its_state_too():
    class HitRate(M.Metric):
        def __init__(self):
            super().__init__(name="hit_rate")
            self.hits = self.add_variable(shape=(), initializer="zeros", name="hits")

        def update_state(self, y_true, y_pred, sample_weight=None):
            right = np.argmax(y_pred, -1) == np.asarray(y_true)
            self.hits.assign_add(float(right.sum()))

        def result(self):
            return self.hits

    metric = HitRate()
    metric.update_state([0], [[1.0, 0.0]])
    report = checks.metric(metric, Y, Z)
    assert report.observed["reported"] == (Z.argmax(-1) == Y).sum()
    assert float(metric.result()) == 1
