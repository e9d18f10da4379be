"""Graders of lesson 01: the reference, other right answers, and each plausible wrong one."""

from utils import exercises
from utils.exercises import solutions

import keras
import numpy as np
import pytest
import tensorflow as tf

M = keras.metrics


def loop(metric, labels=lambda y: y, scores=lambda s: s, size=None):
    def mended(model, x, y_one_hot, batch_size=3):
        seen = metric()
        step = size or batch_size
        for start in range(0, len(x), step):
            y_batch = labels(y_one_hot[start : start + step])
            seen.update_state(y_batch, scores(model(x[start : start + step], training=False)))
        return float(seen.result())

    return mended


def ids(y):
    return np.argmax(y, axis=-1)


def in_one_go(model, x, y_one_hot, batch_size=3):
    return np.mean(np.argmax(model(x), -1) == ids(y_one_hot))


def mean_of_batches(model, x, y_one_hot, batch_size=3):
    right = np.argmax(model(x), -1) == ids(y_one_hot)
    return np.mean([right[k : k + batch_size].mean() for k in range(0, len(x), batch_size)])


def last_batch(model, x, y_one_hot, batch_size=3):
    right = np.argmax(model(x), -1) == ids(y_one_hot)
    return [right[k : k + batch_size].mean() for k in range(0, len(x), batch_size)][-1]


def without_the_rest(model, x, y_one_hot, batch_size=3):
    right = np.argmax(model(x), -1) == ids(y_one_hot)
    return right[: len(x) // batch_size * batch_size].mean()


class TestA:
    exercise = exercises.get("01-a")

    def test_reference(self):
        scope = {"keras": keras}
        exec(self.exercise.solution(), scope)
        assert self.exercise.check(scope["mended"]).correct

    @pytest.mark.parametrize(
        "mended",
        [
            loop(M.SparseCategoricalAccuracy, ids),
            loop(M.Accuracy, ids, lambda s: np.argmax(s, -1)),
            loop(M.CategoricalAccuracy, size=32),
            in_one_go,
        ],
    )
    def test_other_right_answers(self, mended):
        result = self.exercise.check(mended)
        assert result.correct, result.message

    @pytest.mark.parametrize(
        ("mended", "pitfall"),
        [
            (loop(M.SparseCategoricalAccuracy, size=1), None),
            (
                lambda model, x, y, batch_size: loop(M.SparseCategoricalAccuracy)(
                    model, x, y, batch_size
                ),
                "one-hot-labels",
            ),
            (loop(M.BinaryAccuracy), "wrong-accuracy-metric"),
            (
                loop(M.CategoricalAccuracy, lambda y: ids(y)[:, None]),
                "sparse-labels-to-categorical",
            ),
            (mean_of_batches, "ragged-batch"),
            (last_batch, "last-batch-metric"),
            (without_the_rest, "ragged-batch"),
            (lambda *a, **k: 100 * in_one_go(*a, **k), None),
            (lambda model, x, y, batch_size: 0.5, None),
        ],
    )
    def test_wrong_answers_are_told_their_pitfall(self, mended, pitfall):
        result = self.exercise.check(mended)
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            (0.9, "function was expected"),
            (loop(M.SparseCategoricalAccuracy, size=32), "shapes that do not fit"),
            (lambda *a, **k: "high", "one number"),
            (lambda *a, **k: [0.9, 0.8], "one number"),
            (lambda model, x: 0.9, "TypeError"),
        ],
    )
    def test_unusable_answers(self, answer, told):
        result = self.exercise.check(answer)
        assert result.status == "could not run"
        assert told in result.message

    def test_the_stub_is_not_attempted(self):
        assert self.exercise.check(lambda *a, **k: None).status == "not attempted"


class TestB:
    exercise = exercises.get("01-b")

    def test_reference(self):
        scope = {"np": np}
        exec("def reported(y_true, predicted, num_classes):\n" + solutions.code("01-b"), scope)
        assert self.exercise.check(scope["reported"]).correct

    @pytest.mark.parametrize(
        "reported",
        [
            lambda y, p, c: float(np.mean(keras.utils.to_categorical(y, c) == p[None, :])),
            lambda y, p, c: tf.reduce_mean(
                tf.cast(tf.one_hot(y, c, dtype=tf.int64) == p, tf.float32)
            ),
            lambda y, p, c: (
                sum(
                    np.mean(y != j) if p[j] == 0 else np.mean(y == j) if p[j] == 1 else 0
                    for j in range(c)
                )
                / c
            ),
        ],
    )
    def test_other_right_answers(self, reported):
        result = self.exercise.check(reported)
        assert result.correct, result.message

    @pytest.mark.parametrize(
        ("reported", "told"),
        [
            (lambda y, p, c: np.mean(y == p), "true accuracy"),
            (lambda y, p, c: np.mean(np.eye(c)[y] == p[:, None]), "meets column j"),
            (lambda y, p, c: np.mean(y[:, None] == p), "each id against each id"),
            (
                lambda y, p, c: np.mean(p == 0) * (1 - 1 / c) + np.mean(p == 1) / c,
                "value on average",
            ),
            (lambda y, p, c: 1 / c, "many even batches"),
            (lambda y, p, c: 0.0, "Which axis"),
        ],
    )
    def test_wrong_answers(self, reported, told):
        result = self.exercise.check(reported)
        assert (result.status, result.pitfall) == ("incorrect", "one-hot-labels")
        assert told in result.message

    @pytest.mark.parametrize(
        ("answer", "status"),
        [
            (0.1, "could not run"),
            (lambda y, p, c: np.eye(c)[y] == p, "could not run"),
            (lambda y, p, c: "0.1", "incorrect"),
            (lambda y, p, c: {}, "could not run"),
            (lambda y, p: 0.1, "could not run"),
            (lambda y, p, c: None, "not attempted"),
        ],
    )
    def test_unusable_answers(self, answer, status):
        assert self.exercise.check(answer).status == status


def gate(labels, c, *, exact=True, single=True, cast=True):
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] == c:
        if exact and not np.isin(labels, (0, 1)).all():
            raise ValueError("not one-hot")
        if single and not np.allclose(labels.sum(axis=1), 1):
            raise ValueError("not one-hot")
        return labels.argmax(axis=1)
    labels = labels.reshape(-1)
    return labels.astype(int) if cast else labels


def asserting(labels, c):
    try:
        return gate(labels, c)
    except ValueError as error:
        raise AssertionError("not one-hot") from error


class TestC:
    exercise = exercises.get("01-c")

    def test_reference(self):
        scope = {"np": np}
        exec("def to_ids(labels, num_classes):\n" + solutions.code("01-c"), scope)
        assert self.exercise.check(scope["to_ids"]).correct

    def test_other_right_answers(self):
        def by_tensorflow(labels, c):
            labels = tf.cast(labels, tf.int64) if exactly_whole(labels) else refuse()
            if labels.shape.rank == 2 and labels.shape[1] == c:
                if not bool(tf.reduce_all(tf.sort(labels, axis=-1)[:, -1] == 1)) or not bool(
                    tf.reduce_all(tf.reduce_sum(tf.abs(labels), axis=-1) == 1)
                ):
                    refuse()
                return tf.argmax(labels, axis=-1)
            return tf.reshape(labels, [-1])

        def exactly_whole(labels):
            return np.array_equal(np.asarray(labels), np.round(np.asarray(labels)))

        def refuse():
            raise ValueError("not one-hot")

        assert self.exercise.check(gate).correct
        assert self.exercise.check(by_tensorflow).correct

    @pytest.mark.parametrize(
        ("answer", "pitfall", "told"),
        [
            (
                lambda y, c: np.argmax(y, axis=-1) if np.ndim(y) > 1 else np.asarray(y),
                "sparse-labels-to-categorical",
                "always 0",
            ),
            (lambda y, c: np.asarray(y), None, "shape (30, 1)"),
            (lambda y, c: np.ravel(y).astype(int), None, "shape (120,)"),
            (
                lambda y, c: np.asarray(y) if np.shape(y)[1:] != (1,) else np.ravel(y).astype(int),
                "one-hot-labels",
                "(30, 4)",
            ),
            (lambda y, c: gate(y, c, cast=False), None, "integer dtype"),
            (lambda y, c: gate(y, c, exact=False, single=False), "one-hot-labels", "two ones"),
            (lambda y, c: gate(y, c, single=False), "one-hot-labels", "two ones"),
            (lambda y, c: gate(y, c, exact=False), "one-hot-labels", "smoothed"),
            (asserting, None, "ValueError is asked for"),
            (lambda y, c: y[:, 0] if y.shape[1:] == (1,) else gate(y, c), None, "integer dtype"),
            (
                lambda y, c: gate(y, c) if len(y) != c else np.argmax(y, axis=-1),
                None,
                "N = C",
            ),
        ],
    )
    def test_wrong_answers(self, answer, pitfall, told):
        result = self.exercise.check(answer)
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message
        assert told in result.message

    @pytest.mark.parametrize(
        ("answer", "status"),
        [
            ([1, 2], "could not run"),
            (lambda y: y, "could not run"),
            (lambda y, c: 1 / 0, "could not run"),
            (lambda y, c: None, "not attempted"),
        ],
    )
    def test_unusable_answers(self, answer, status):
        assert self.exercise.check(answer).status == status
