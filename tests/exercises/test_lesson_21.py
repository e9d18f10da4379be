"""Graders of lesson 21: the reference, other right answers, and each plausible wrong one."""

from utils import exercises, reference
from utils.exercises import lesson_21

import numpy as np
import pytest
import tensorflow as tf


def experiment(draw, softmax=reference.softmax, tries=30):
    """Return a `decide` that compares scores drawn by `draw` with their softmax."""

    def decide(metric):
        rng = np.random.default_rng(3)
        for _ in range(tries):
            z = draw(rng)
            y = rng.integers(0, z.shape[1], len(z))
            if abs(metric(y, z) - metric(y, softmax(z))) > 1e-9:
                return "true"
        return "false"

    return decide


def wide(rng):
    return rng.uniform(-10, 10, (40, 3))


def over_the_rows(z):
    return reference.softmax(z.T).T


class TestA:
    exercise = exercises.get("21-a")

    def test_reference(self):
        scope = {"np": np, "reference": reference}
        exec(f"def decide(metric):\n{self.exercise.solution()}", scope)
        assert self.exercise.check(scope["decide"]).correct

    def test_with_tensorflows_softmax(self):
        def draw(rng):
            return tf.constant(rng.normal(0, 4, (60, 3)), tf.float32)

        assert self.exercise.check(experiment(draw, tf.nn.softmax)).correct

    def test_by_one_large_batch_and_a_bool(self):
        def decide(metric):
            rng = np.random.default_rng(0)
            z, y = rng.uniform(-10, 10, (2000, 4)), rng.integers(0, 4, 2000)
            return metric(y, z) != metric(y, reference.softmax(z))

        assert self.exercise.check(decide).correct

    def test_by_cases_written_out(self):
        z = np.array([[-1.0, -2.0, -3.0], [-3.0, -1.0, -2.0], [9.0, 7.0, 5.0], [5.0, 7.0, 9.0]])
        z = np.concatenate([z, z + 0.3])

        def decide(metric):
            pairs = ((metric([k] * 8, z), metric([k] * 8, tf.nn.softmax(z))) for k in range(3))
            return "false" if all(a == b for a, b in pairs) else "true"

        assert self.exercise.check(decide).correct

    @pytest.mark.parametrize(
        ("answer", "pitfall", "told"),
        [
            (lambda metric: "false", None, "without calling"),
            (lambda metric: "true", None, "without calling"),
            (
                lambda metric: "true" if metric([0], [[2.0, 1.0]]) < 1 else "false",
                None,
                "a single call",
            ),
            (experiment(lambda rng: rng.random((40, 3))), "metric-on-logits", "below 0|negative"),
            (
                experiment(lambda rng: rng.normal(0, 0.5, (40, 3))),
                "metric-on-logits",
                "two scores above 4",
            ),
            (
                experiment(lambda rng: np.array([[3.0, 1.0, -2.0]]), tries=1),
                "metric-on-logits",
                "sides of 0.5|negative|above 4",
            ),
            (experiment(wide, over_the_rows), "wrong-axis", "over the rows"),
            (
                experiment(lambda rng: 80 * wide(rng).astype("float32"), tf.nn.softmax),
                "saturated-ties",
                "rounded to the same",
            ),
            (experiment(wide, lambda z: -z), None, "keeps the order"),
        ],
    )
    def test_wrong_answers_are_told_their_pitfall(self, answer, pitfall, told):
        result = self.exercise.check(answer)
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message
        assert any(text in result.message for text in told.split("|")), result.message

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            ("false", "function was expected"),
            (lambda metric: 0.5, '"true" or "false"'),
            (lambda metric: metric([0, 1], [2.0, 1.0]), "shapes"),
            (lambda metric: metric([0, 5], np.eye(2)), "between 0 and 1"),
            (lambda metric: 1 / 0, "ZeroDivisionError"),
        ],
    )
    def test_unusable_answers(self, answer, told):
        result = self.exercise.check(answer)
        assert result.status == "could not run"
        assert told in result.message

    def test_the_stub_is_not_attempted(self):
        assert self.exercise.check(lambda metric: None).status == "not attempted"


BATCH = np.array([0, 2, 1]), np.array([[2.0, 0.0, 1.0], [0.5, 1.0, 0.0], [0.0, 1.0, 2.0]])
TIE = [0, 1], [[1, 1, 0], [1, 1, 0]]


def entries(**changes):
    return {"A": ("true", None), "B": ("conditional", TIE), "C": ("false", BATCH)} | changes


class TestB:
    exercise = exercises.get("21-b")

    def test_reference(self):
        scores = np.array([[2.0, -1.0, 0.5], [0.3, 1.2, -0.8]], np.float32)
        scope = {"np": np, "y": np.array([0, 1]), "scores": scores}
        exec(self.exercise.solution(), scope)
        assert self.exercise.check(scope["answer"]).correct

    @pytest.mark.parametrize(
        "answer",
        [
            entries(),
            {"a": "True", "b": ["Conditional ", (tf.constant([1, 1]), tf.zeros((2, 3)))]}
            | {"c": ("false", ([0, 0], [[0.0, 1.0], [0.0, 1.0]]))},
        ],
    )
    def test_other_right_answers(self, answer):
        assert self.exercise.check(answer).correct

    @pytest.mark.parametrize(
        ("changes", "pitfall", "told"),
        [
            ({"B": ("true", None)}, "saturated-ties", "highest scores tie"),
            ({"B": ("false", TIE)}, None, "20 agree with the claim"),
            ({"B": ("conditional", None)}, None, "Now the evidence"),
            ({"B": ("conditional", BATCH)}, None, "does not refute"),
            ({"C": ("true", None)}, "padding-counted", "still counted"),
            ({"C": ("conditional", BATCH)}, None, "0 agree with the claim"),
            ({"C": "false"}, None, "Now the evidence"),
            ({"A": ("false", BATCH)}, None, "no batch that refutes it"),
            ({"A": ("conditional", None)}, None, "no batch that refutes it"),
        ],
    )
    def test_wrong_answers(self, changes, pitfall, told):
        result = self.exercise.check(entries(**changes))
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message
        assert told in result.message

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            ("true", "dictionary"),
            ({"A": "true"}, "dictionary"),
            (entries(A="perhaps"), "The words here"),
            (entries(A=3), "a pair"),
            (entries(B=("conditional", 3)), "labels and scores"),
            (entries(B=("conditional", ([0], [[1, 1]]))), "N at least 2"),
            (entries(B=("conditional", ([0, 3], np.eye(2)))), "whole numbers"),
            (entries(B=("conditional", ([0, 0.5], np.eye(2)))), "whole numbers"),
            (entries(B=("conditional", ([0, 1], np.full((2, 2), np.nan)))), "between −100"),
            (entries(C=("false", ([0, 1], 1e9 * np.eye(2)))), "between −100"),
        ],
    )
    def test_unusable_answers(self, answer, told):
        result = self.exercise.check(answer)
        assert result.status == "could not run"
        assert told in result.message

    def test_the_three_verdicts_all_occur_and_are_found_by_running(self):
        assert [lesson_21._truth(letter) for letter in "ABC"] == ["true", "conditional", "false"]

    def test_the_claims_are_not_in_the_ledger(self):
        from utils import claims

        text = " ".join(c.claim for c in claims.all())
        assert "TopK" not in text
        assert "weight of 0" not in text


def test_a_prediction_near_the_share_counts_as_right():
    (prediction,) = lesson_21.PREDICTIONS
    assert prediction.agrees(40.0, 36.0)
    assert not prediction.agrees(75.0, 36.0)
