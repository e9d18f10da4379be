"""Graders of lesson 15: the reference, other right answers, and each plausible wrong one."""

from utils import exercises, reference
from utils.exercises import lesson_15

import keras
import numpy as np
import pytest
import tensorflow as tf


def with_metrics(**settings):
    """Return an evaluation by Keras' Recall, with labels as they come or one-hot."""
    one_hot = settings.pop("one_hot", True)

    def evaluate(model, batches, num_classes):
        recalls = [keras.metrics.Recall(class_id=k, **settings) for k in range(num_classes)]
        for x, y in batches:
            y_pred = model(x)
            for recall in recalls:
                recall.update_state(tf.one_hot(y, num_classes) if one_hot else y, y_pred)
        return [float(recall.result()) for recall in recalls]

    return evaluate


def collected(figure):
    """Return an evaluation that collects labels and predicted ids, and applies `figure`."""

    def evaluate(model, batches, num_classes):
        y = np.concatenate([y for _, y in batches])
        named = np.concatenate([np.argmax(model(x), axis=1) for x, _ in batches])
        return figure(reference.confusion_matrix(y, named, num_classes))

    return evaluate


def running_matrix(model, batches, num_classes):
    matrix = tf.zeros((num_classes, num_classes))
    for x, y in batches:
        named = tf.argmax(model(x), axis=1)
        matrix += tf.math.confusion_matrix(y, named, num_classes, dtype=tf.float32)
    return tf.linalg.diag_part(matrix) / tf.reduce_sum(matrix, axis=1)


def mean_of_batches(absent):
    def evaluate(model, batches, num_classes):
        rows = []
        for x, y in batches:
            matrix = reference.confusion_matrix(y, np.argmax(model(x), axis=1), num_classes)
            rows.append(np.nan_to_num(reference.recall(matrix), nan=absent))
        return np.nanmean(rows, axis=0)

    return evaluate


def last_batch(model, batches, num_classes):
    for x, y in batches:
        recalls = [keras.metrics.Recall(class_id=k, top_k=1) for k in range(num_classes)]
        for recall in recalls:
            recall.update_state(tf.one_hot(y, num_classes), model(x))
    return [float(recall.result()) for recall in recalls]


class TestA:
    exercise = exercises.get("15-a")

    def test_reference(self):
        scope = {"keras": keras, "tf": tf}
        exec(self.exercise.solution(), scope)
        assert self.exercise.check(scope["mended"]).correct

    @pytest.mark.parametrize("answer", [collected(reference.recall), running_matrix])
    def test_other_right_answers(self, answer):
        result = self.exercise.check(answer)
        assert result.correct, result.message

    @pytest.mark.parametrize(
        ("answer", "pitfall"),
        [
            (with_metrics(one_hot=False), "precision-on-sparse-labels"),
            (with_metrics(one_hot=False, top_k=1), "precision-on-sparse-labels"),
            (with_metrics(), "metric-on-logits"),
            (mean_of_batches(0.0), "per-batch-precision"),
            (mean_of_batches(np.nan), "per-batch-precision"),
            (last_batch, "last-batch-metric"),
        ],
    )
    def test_wrong_answers_are_told_their_pitfall(self, answer, pitfall):
        result = self.exercise.check(answer)
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            (collected(reference.precision), "precisions"),
            (collected(lambda m: [np.trace(m) / m.sum()] * len(m)), "one figure for all"),
            (lambda *_: [0.1, 0.2, 0.3, 0.4, 0.5], "confusion matrix"),
        ],
    )
    def test_other_wrong_answers(self, answer, told):
        result = self.exercise.check(answer)
        assert (result.status, result.pitfall) == ("incorrect", None)
        assert told in result.message

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            ([0.5, 0.5], "function was expected"),
            (lambda *_: 0.5, "five recalls"),
            (lambda *_: [0.5] * 4, "five recalls"),
            (lambda *_: [np.nan] * 5, "five recalls"),
            (lambda model: None, "TypeError"),
        ],
    )
    def test_unusable_answers(self, answer, told):
        result = self.exercise.check(answer)
        assert result.status == "could not run"
        assert told in result.message

    def test_stub(self):
        assert self.exercise.check(lambda *_: None).status == "not attempted"


class TestB:
    exercise = exercises.get("15-b")
    right = lesson_15.NAMES

    def test_the_figures_are_those_of_keras_and_scikit_learn(self):
        from sklearn.metrics import precision_score

        report = self.exercise.material()
        y, named = report.y_true, report.y_pred.argmax(axis=1)
        pooled, ids = keras.metrics.Precision(), keras.metrics.Precision()
        pooled.update_state(np.eye(3)[y], report.y_pred)
        ids.update_state(y, named)
        settings = {"labels": [0, 1, 2], "average": "macro", "zero_division": 0}
        parts = [slice(i, i + 32) for i in range(0, len(y), 32)]
        values = {
            "macro": precision_score(y, named, average="macro"),
            "pooled": float(pooled.result()),
            "ids": float(ids.result()),
            "batch mean": np.mean([precision_score(y[p], named[p], **settings) for p in parts]),
        }
        for letter, name in self.right.items():
            assert report.figures[letter] == pytest.approx(values[name], abs=1e-6)
        figures = sorted(report.figures.values())
        assert min(np.diff(figures)) > 0.02, "near figures would be guessed, not computed"

    def test_reference(self):
        report = self.exercise.material()
        assert self.exercise.check(dict(self.right)).correct
        assert set(report.figures) == set(self.right)

    @pytest.mark.parametrize("change", [str.upper, lambda name: f" {name} "])
    def test_other_right_answers(self, change):
        assert self.exercise.check({k.lower(): change(v) for k, v in self.right.items()}).correct

    @pytest.mark.parametrize(
        ("swap", "pitfall"),
        [
            (("batch mean", "macro"), "per-batch-precision"),
            (("ids", "macro"), "precision-on-sparse-labels"),
            (("pooled", "macro"), None),
        ],
    )
    def test_wrong_answers(self, swap, pitfall):
        exchange = {swap[0]: swap[1], swap[1]: swap[0]}
        result = self.exercise.check({k: exchange.get(v, v) for k, v in self.right.items()})
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message

    @pytest.mark.parametrize(
        "answer", ["A", {"A": "macro"}, {**right, "A": "micro"}, {1: 2}, ["macro"] * 4, 0.5]
    )
    def test_unusable_answers(self, answer):
        assert self.exercise.check(answer).status == "could not run"


class Counting(keras.metrics.Metric):
    """A right answer to exercise c, with places to break it."""

    def __init__(self, num_classes):
        super().__init__(name="f1")
        self.num_classes = num_classes
        shape = (num_classes, num_classes)
        self.matrix = self.add_weight(shape=shape, initializer="zeros", name="matrix")

    def update_state(self, y_true, y_pred, sample_weight=None):
        counts = tf.math.confusion_matrix(
            tf.reshape(y_true, [-1]), self.predicted(y_pred), self.num_classes, dtype=tf.float32
        )
        self.keep(counts)

    def predicted(self, y_pred):
        return tf.argmax(y_pred, axis=-1)

    def keep(self, counts):
        self.matrix.assign_add(counts)

    def result(self):
        return self.rate(tf.convert_to_tensor(self.matrix))

    def rate(self, m):
        named_and_actual = tf.reduce_sum(m, axis=0) + tf.reduce_sum(m, axis=1)
        return tf.math.divide_no_nan(2 * tf.linalg.diag_part(m), named_and_actual)


class InPythonFloats(Counting):
    def keep(self, counts):
        self.total = getattr(self, "total", 0) + counts

    def result(self):
        return self.rate(self.total)

    def reset_state(self):
        self.total = 0


class WithNumPy(Counting):
    def update_state(self, y_true, y_pred, sample_weight=None):
        labels = y_true.numpy() if tf.is_tensor(y_true) else y_true
        super().update_state(tf.constant(np.asarray(labels)), y_pred)


class NeverReset(Counting):
    def reset_state(self):
        pass


class LastBatch(Counting):
    def keep(self, counts):
        self.matrix.assign(counts)


class MeanOfBatches(Counting):
    def __init__(self, num_classes):
        super().__init__(num_classes)
        self.sum = self.add_weight(shape=(num_classes,), initializer="zeros", name="sum")
        self.batches = self.add_weight(shape=(), initializer="zeros", name="batches")

    def keep(self, counts):
        self.sum.assign_add(self.rate(counts))
        self.batches.assign_add(1.0)

    def result(self):
        return self.sum / self.batches


class PlainDivision(Counting):
    def rate(self, m):
        return 2 * tf.linalg.diag_part(m) / (tf.reduce_sum(m, axis=0) + tf.reduce_sum(m, axis=1))


class PrecisionInstead(Counting):
    def rate(self, m):
        return tf.math.divide_no_nan(tf.linalg.diag_part(m), tf.reduce_sum(m, axis=0))


class Halved(Counting):
    def rate(self, m):
        return super().rate(m) / 2


class Thresholded(keras.metrics.F1Score):
    def __init__(self, num_classes):
        super().__init__(threshold=0.5)
        self.num_classes = num_classes

    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(tf.one_hot(tf.reshape(y_true, [-1]), self.num_classes), y_pred)


class Subclassed(Thresholded):
    def __init__(self, num_classes):
        keras.metrics.F1Score.__init__(self)
        self.num_classes = num_classes


class TestC:
    exercise = exercises.get("15-c")

    def test_reference(self):
        scope = {"keras": keras, "tf": tf}
        exec(self.exercise.solution(), scope)
        result = self.exercise.check(scope["StreamingF1"])
        assert result.correct, result.message

    @pytest.mark.parametrize("answer", [Counting, Subclassed])
    def test_other_right_answers(self, answer):
        result = self.exercise.check(answer)
        assert result.correct, result.message

    @pytest.mark.parametrize(
        ("answer", "pitfall"),
        [
            (InPythonFloats, "python-side-effects"),
            (WithNumPy, "python-side-effects"),
            (NeverReset, "metric-not-reset"),
            (LastBatch, "last-batch-metric"),
            (MeanOfBatches, "per-batch-precision"),
            (PlainDivision, "undefined-precision"),
            (Thresholded, "metric-on-logits"),
        ],
    )
    def test_wrong_answers_are_told_their_pitfall(self, answer, pitfall):
        result = self.exercise.check(answer)
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message

    @pytest.mark.parametrize(
        ("answer", "told"), [(PrecisionInstead, "is the precision"), (Halved, "Half of it")]
    )
    def test_wrong_formulas(self, answer, told):
        result = self.exercise.check(answer)
        assert (result.status, result.pitfall) == ("incorrect", None)
        assert told in result.message

    def test_labels_in_a_column(self):
        class Column(Counting):
            def update_state(self, y_true, y_pred, sample_weight=None):
                if len(y_true.shape) == 2:  # what (B, 1) == (B,) makes of it
                    y_true = tf.repeat(y_true, len(y_true), axis=1)
                    y_pred = tf.repeat(y_pred[None], len(y_pred), axis=0)
                    y_pred = tf.reshape(y_pred, [-1, self.num_classes])
                super().update_state(y_true, y_pred)

        result = self.exercise.check(Column)
        assert (result.status, result.pitfall) == ("incorrect", "broadcast-shapes")

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            (Counting(4), "not an instance"),
            (3, "function was expected"),
            (lambda num_classes: object(), "update_state"),
            (keras.metrics.F1Score, "raised"),
            (lambda num_classes: keras.metrics.Mean(), "raised"),
        ],
    )
    def test_unusable_answers(self, answer, told):
        result = self.exercise.check(answer)
        assert result.status == "could not run"
        assert told in result.message, result.message
