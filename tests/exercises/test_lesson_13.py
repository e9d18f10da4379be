"""Graders of lesson 13: the reference, other right answers, and each plausible wrong one."""

from utils import exercises, reference
from utils.exercises import lesson_13

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import precision_recall_curve, precision_score


class TestA:
    exercise = exercises.get("13-a")
    entropy = lesson_13._entropy((140, 40, 25, 12))

    def test_reference(self):
        scope = {"np": np, "runs_a": self.exercise.material()}
        exec(self.exercise.solution(), scope)
        assert self.exercise.check(scope["answer"]).correct

    @pytest.mark.parametrize("answer", [("c", entropy), ["C", round(entropy, 2)]])
    def test_other_right_answers(self, answer):
        assert self.exercise.check(answer).correct

    @pytest.mark.parametrize(
        ("answer", "pitfall", "told"),
        [
            (("A", np.log(4)), "loss-without-anchor", "its own anchor"),
            (("B", 0.887), "loss-without-anchor", "its own anchor"),
            (("C", np.log(4)), "loss-without-anchor", "equal classes"),
            (("C", entropy / np.log(2)), None, "bits"),
            (("C", 0.3), None, "Σ"),
        ],
    )
    def test_wrong_answers(self, answer, pitfall, told):
        result = self.exercise.check(answer)
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message
        assert told in result.message

    @pytest.mark.parametrize(
        "answer", ["C", ("C",), ("D", 1.0), ("C", "one"), 1.0, ("C", np.nan), {"C": 1}]
    )
    def test_unusable_answers(self, answer):
        assert self.exercise.check(answer).status == "could not run"

    def test_only_c_rests_on_its_entropy_and_it_is_not_the_worst_by_loss(self):
        runs = self.exercise.material()
        gaps = {k: abs(r.loss - lesson_13._entropy(r.counts)) for k, r in runs.items()}
        assert gaps["C"] < 0.001
        assert min(gaps["A"], gaps["B"]) > 0.1
        assert runs["A"].loss > runs["C"].loss + 0.05


def report(*, precision=reference.precision, mean=np.nanmean, change=lambda p: p, named=None):
    def mended(model, batches, num_classes):
        y = np.concatenate([y for _, y in batches])
        said = np.concatenate([np.argmax(model(x), axis=1) for x, _ in batches])
        matrix = reference.confusion_matrix(y, said, num_classes)
        by_class = change(precision(matrix))
        counts = matrix.sum(axis=0) if named is None else named(matrix)
        return counts, by_class, mean(by_class)

    return mended


def by_keras(model, batches, num_classes):
    precisions = [keras.metrics.Precision(class_id=k, top_k=1) for k in range(num_classes)]
    named = np.zeros(num_classes)
    for x, y in batches:
        for metric in precisions:
            metric.update_state(tf.one_hot(y, num_classes), model(x))
        named += np.bincount(np.argmax(model(x), axis=1), minlength=num_classes)
    by_class = np.array(
        [float(m.result()) if n else np.nan for m, n in zip(precisions, named, strict=True)]
    )
    return named, by_class, np.mean(by_class[named > 0])


def by_scikit_learn(model, batches, num_classes):
    y = np.concatenate([y for _, y in batches])
    said = np.concatenate([np.argmax(model(x), axis=1) for x, _ in batches])
    labels = list(range(num_classes))
    by_class = precision_score(y, said, labels=labels, average=None, zero_division=np.nan)
    return list(np.bincount(said, minlength=num_classes)), list(by_class), np.nanmean(by_class)


def by_predict(model, batches, num_classes):
    y = np.concatenate([y for _, y in batches])
    said = model.predict(batches, verbose=0).argmax(axis=1)
    x = np.concatenate([x for x, _ in batches])
    assert (np.argmax(model(x, training=False), axis=1) == said).all()
    matrix = reference.confusion_matrix(y, said, num_classes)
    return matrix.sum(axis=0), reference.precision(matrix), np.nanmean(reference.precision(matrix))


def zeros(matrix):
    return np.nan_to_num(reference.precision(matrix))


class TestB:
    exercise = exercises.get("13-b")

    def test_reference(self):
        scope = {"np": np, "reference": reference}
        exec(self.exercise.solution(), scope)
        result = self.exercise.check(scope["mended"])
        assert result.correct, result.message

    @pytest.mark.parametrize("answer", [report(), by_keras, by_scikit_learn, by_predict])
    def test_other_right_answers(self, answer):
        result = self.exercise.check(answer)
        assert result.correct, result.message

    @pytest.mark.parametrize(
        ("answer", "pitfall", "told"),
        [
            (report(precision=zeros), "undefined-precision", "0 for both"),
            (
                report(change=lambda p: np.where(p == 0, np.nan, p)),
                "undefined-precision",
                "its precision is 0",
            ),
            (report(mean=lambda p: np.nan_to_num(p).mean()), "undefined-precision", "as 0"),
            (report(mean=np.mean), None, "NaN"),
            (report(named=lambda m: m.sum(axis=1)), None, "the images by class"),
            (report(mean=lambda p: 0.5), None, "mean precision is"),
        ],
    )
    def test_wrong_answers(self, answer, pitfall, told):
        result = self.exercise.check(answer)
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message
        assert told in result.message

    def test_recall_in_its_place(self):
        def rows(matrix):
            values = reference.recall(matrix)
            values[2] = np.nan
            return values

        result = self.exercise.check(report(precision=rows))
        assert "recalls" in result.message

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            ([1, 2], "function was expected"),
            (lambda *_: (1, 2), "three things"),
            (lambda *_: ([1, 2], [0.5, 0.5], 0.5), "shapes"),
            (lambda *_: (["a"] * 4, [0.5] * 4, 0.5), "Numbers"),
            (lambda model: 1, "TypeError"),
        ],
    )
    def test_unusable_answers(self, answer, told):
        result = self.exercise.check(answer)
        assert result.status == "could not run"
        assert told in result.message

    def test_the_case_has_both_zeros(self):
        y, logits = lesson_13._four_classes()
        matrix = reference.confusion_matrix(y, logits.argmax(axis=1), 4)
        precision = reference.precision(matrix)
        assert np.isnan(precision[2])
        assert precision[3] == 0


def by_curve(is_nine, p_nine, recall):
    precision, reached, thresholds = precision_recall_curve(is_nine, p_nine)
    last = np.flatnonzero(reached[:-1] >= recall)[-1]
    return thresholds[last], precision[last]


def by_sorting(is_nine, p_nine, recall):
    need = int(np.ceil(recall * is_nine.sum() - 1e-9))
    t = np.sort(p_nine[is_nine])[::-1][need - 1]
    return t, is_nine[p_nine >= t].mean()


def quantile(is_nine, p_nine, recall):
    t = np.quantile(p_nine[is_nine], 1 - recall) + 1e-9
    return t, is_nine[p_nine >= t].mean()


class TestC:
    exercise = exercises.get("13-c")

    def test_reference(self):
        scope = {"np": np}
        exec(self.exercise.solution(), scope)
        result = self.exercise.check(scope["threshold_for"])
        assert result.correct, result.message

    @pytest.mark.parametrize("answer", [by_curve, by_sorting])
    def test_other_right_answers(self, answer):
        result = self.exercise.check(answer)
        assert result.correct, result.message

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            (lambda is_nine, p, r: (p.min(), is_nine.mean()), "so does a higher one"),
            (lambda is_nine, p, r: (0.5, is_nine[p >= 0.5].mean()), "the recall is"),
            (lambda is_nine, p, r: (2.0, 1.0), "the recall is"),
            (quantile, "recall"),
            (
                lambda is_nine, p, r: (
                    by_sorting(is_nine, p, r)[0],
                    (p[is_nine] >= by_sorting(is_nine, p, r)[0]).mean(),
                ),
                "is the recall there",
            ),
            (lambda is_nine, p, r: (by_sorting(is_nine, p, r)[0], 0.01), "the precision is"),
        ],
    )
    def test_wrong_answers(self, answer, told):
        result = self.exercise.check(answer)
        assert result.status == "incorrect", result.message
        assert told in result.message

    @pytest.mark.parametrize(
        "answer", [0.5, lambda *_: 0.5, lambda *_: (0.5,), lambda *_: ("a", "b"), lambda: 1]
    )
    def test_unusable_answers(self, answer):
        assert self.exercise.check(answer).status == "could not run"

    def test_stub(self):
        assert self.exercise.check(lambda *_: None).status == "not attempted"
