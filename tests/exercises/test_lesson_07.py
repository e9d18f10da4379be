"""Graders of lesson 07: the reference, other right answers, and each plausible wrong one."""

from utils import exercises, reference
from utils.exercises import solutions

import keras
import numpy as np
import pytest
import tensorflow as tf


def evaluation(prepare, make=keras.metrics.SparseCategoricalAccuracy):
    """Return an answer to exercise a that prepares each batch of scores like this."""

    def answer(y_true, scores, batch_size=64):
        metric = make()
        for k in range(0, len(y_true), batch_size):
            metric.update_state(y_true[k : k + batch_size], prepare(scores[k : k + batch_size]))
        return float(metric.result())

    return answer


def by_hand(y_true, scores, batch_size=64):
    ids = np.argmax(np.asarray(tf.cast(scores, tf.float32)), axis=-1)
    return np.mean(ids == y_true)


def mean_of_batches(y_true, scores, batch_size=64):
    parts = range(0, len(y_true), batch_size)
    scores = tf.cast(scores, tf.float32).numpy()
    return np.mean(
        [reference.accuracy(y_true[k : k + batch_size], scores[k : k + batch_size]) for k in parts]
    )


class TestA:
    exercise = exercises.get("07-a")

    def test_reference(self):
        scope = {"keras": keras, "tf": tf}
        exec(self.exercise.solution(), scope)
        assert self.exercise.check(scope["mended"]).correct

    @pytest.mark.parametrize(
        "answer",
        [
            by_hand,
            evaluation(lambda s: tf.nn.log_softmax(tf.cast(s, tf.float32))),
            evaluation(lambda s: tf.cast(s, tf.float64)),
        ],
    )
    def test_other_right_answers(self, answer):
        result = self.exercise.check(answer)
        assert result.correct, result.message

    @pytest.mark.parametrize(
        ("prepare", "pitfall"),
        [
            (lambda s: tf.cast(tf.sigmoid(s), tf.bfloat16), "saturated-ties"),
            (lambda s: tf.sigmoid(tf.cast(s, tf.float32)), "saturated-ties"),
            (lambda s: tf.cast(tf.nn.softmax(s), tf.bfloat16), "saturated-ties"),
            (lambda s: s, "low-precision-ids"),
            (lambda s: tf.cast(tf.cast(s, tf.float32), tf.float16), "low-precision-ids"),
        ],
    )
    def test_wrong_answers_are_told_their_pitfall(self, prepare, pitfall):
        result = self.exercise.check(evaluation(prepare))
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message

    def test_a_mean_of_batch_means(self):
        result = self.exercise.check(mean_of_batches)
        assert result.status == "incorrect"
        assert "mean of batch accuracies" in result.message

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            (0.94, "function was expected"),
            (lambda y, s, batch_size: "good", "Expected one accuracy"),
            (lambda y, s: 0.5, "TypeError"),
        ],
    )
    def test_unusable_answers(self, answer, told):
        result = self.exercise.check(answer)
        assert result.status == "could not run"
        assert told in result.message


class TestB:
    exercise = exercises.get("07-b")

    def test_reference(self):
        scope = {}
        exec(self.exercise.solution(), scope)
        assert self.exercise.check(scope["answer"]).correct

    @pytest.mark.parametrize("answer", ["hfec", "C, E, F, H", {"C", "E", "F", "H"}, ["CE", "FH"]])
    def test_other_right_answers(self, answer):
        assert self.exercise.check(answer).correct

    @pytest.mark.parametrize(
        ("answer", "told", "pitfall"),
        [
            ("ACEFH", "softmax(z), moves no prediction", None),
            ("CEFHB", "z / 1000", None),
            ("CEFHD", "row's mean", None),
            ("CEFHG", "log_softmax", None),
            ("EFH", "axis=0", "wrong-axis"),
            ("CFH", "class's mean", None),
            ("CEH", "sigmoid", "saturated-ties"),
            ("CEF", "relu", "saturated-ties"),
        ],
    )
    def test_wrong_answers(self, answer, told, pitfall):
        result = self.exercise.check(answer)
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message
        assert told in result.message

    @pytest.mark.parametrize("answer", ["", "Z", 7, "all of them", {1: 2}])
    def test_unusable_answers(self, answer):
        assert self.exercise.check(answer).status == "could not run"

    def test_measuring_gives_the_same_answer(self):
        z = tf.constant(np.random.default_rng(1).normal(size=(2000, 6)) * 50 - 20, tf.float32)
        functions = self.exercise.material()
        moved = [
            letter
            for letter, (_, function) in functions.items()
            if (np.argmax(function(z), -1) != np.argmax(z, -1)).any()
        ]
        assert self.exercise.check("".join(moved)).correct


class TestC:
    exercise = exercises.get("07-c")

    def test_reference(self):
        scope = {"np": np}
        head = "def accuracy_range(y_true, scores):\n    scores = np.asarray(scores)\n"
        exec(head + solutions.code("07-c"), scope)
        assert self.exercise.check(scope["accuracy_range"]).correct

    def test_by_counting_who_is_above(self):
        def answer(y, scores):
            own = scores[np.arange(len(y)), y][:, None]
            above = (scores > own).sum(axis=1)
            level = (scores == own).sum(axis=1)
            return [np.mean((above == 0) & (level == 1)), np.mean(above == 0)]

        assert self.exercise.check(answer).correct

    def test_by_nudging_the_true_class(self):
        def answer(y, scores):
            nudge = 1e-3 * np.eye(scores.shape[1])[y]
            low, high = scores - nudge, scores + nudge
            return np.array([reference.accuracy(y, low), reference.accuracy(y, high)])

        assert self.exercise.check(answer).correct

    @staticmethod
    def right(y, scores):
        own = scores[np.arange(len(y)), y][:, None]
        top = (scores > own).sum(axis=1) == 0
        return np.mean(top & ((scores == own).sum(axis=1) == 1)), np.mean(top)

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            (lambda r, a: (r[1], r[0]), "lowest comes first"),
            (lambda r, a: (a, a), "first of the tied"),
            (lambda r, a: (a, r[1]), "one way to break ties"),
            (lambda r, a: (r[0], a), "among the tied"),
            (lambda r, a: (0.0, r[1]), "At worst"),
            (lambda r, a: (0.0, 1.0), "it is"),
        ],
    )
    def test_wrong_answers(self, answer, told):
        result = self.exercise.check(
            lambda y, s: answer(self.right(y, s), reference.accuracy(y, s))
        )
        assert result.status == "incorrect"
        assert told in result.message

    @pytest.mark.parametrize("value", [0.5, (0.5,), ("low", "high"), (0.1, float("nan"))])
    def test_unusable_answers(self, value):
        assert self.exercise.check(lambda y, s: value).status == "could not run"
