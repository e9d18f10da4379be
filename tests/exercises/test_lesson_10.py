"""Graders of lesson 10: the reference, other right answers, and each plausible wrong one."""

from utils import exercises, reference
from utils.exercises import solutions

import keras
import numpy as np
import pytest
import tensorflow as tf

loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
per_example = keras.losses.sparse_categorical_crossentropy


def hits(y, p):
    return keras.metrics.sparse_categorical_accuracy(y, p)


def one_pass(model, dataset):
    pairs = [(y.numpy(), model(x, training=False).numpy()) for x, y in dataset]
    y, p = (np.concatenate(part) for part in zip(*pairs, strict=True))
    return reference.cross_entropy(y, p).mean(), reference.accuracy(y, p)


def two_passes(model, dataset):
    p = model.predict(dataset, verbose=0)
    y = np.concatenate([y.numpy() for _, y in dataset])
    return reference.cross_entropy(y, p).mean(), reference.accuracy(y, p)


def by_sums(model, dataset, scale=None):
    loss = right = count = 0.0
    for x, y in dataset:
        p = model(x)
        loss += float(tf.reduce_sum(per_example(y, p, from_logits=True)))
        right += float(tf.reduce_sum(hits(y, p)))
        count += len(y)
    return [loss / (scale or count), right / count]


def batch_means(flag=False, only=None):
    def answer(model, dataset):
        rows = []
        for x, y in dataset:
            p = model(x, training=flag)
            rows.append((float(loss_fn(y, p)), float(tf.reduce_mean(hits(y, p)))))
        means = np.mean(rows, axis=0)
        if only == "loss":
            return means[0], one_pass(model, dataset)[1]
        return tuple(means)

    return answer


def last_batch(model, dataset):
    x, y = list(dataset)[-1]
    p = model(x, training=False)
    return float(loss_fn(y, p)), float(tf.reduce_mean(hits(y, p)))


def softmax_too_many(model, dataset):
    pairs = [(y.numpy(), model(x).numpy()) for x, y in dataset]
    y, p = (np.concatenate(part) for part in zip(*pairs, strict=True))
    return reference.cross_entropy(y, reference.softmax(p)).mean(), reference.accuracy(y, p)


class TestA:
    exercise = exercises.get("10-a")

    def test_reference(self):
        scope = {"keras": keras, "tf": tf, "loss_fn": loss_fn}
        exec(self.exercise.solution(), scope)
        assert self.exercise.check(scope["mended"]).correct

    @pytest.mark.parametrize("answer", [one_pass, by_sums])
    def test_other_right_answers(self, answer):
        result = self.exercise.check(answer)
        assert result.correct, result.message

    @pytest.mark.parametrize(
        ("answer", "pitfall", "told"),
        [
            (batch_means(True), "training-flag", "changed the model"),
            (batch_means(), "ragged-batch", "loss is"),
            (batch_means(only="loss"), "ragged-batch", "loss is"),
            (
                lambda m, d: (one_pass(m, d)[0], batch_means()(m, d)[1]),
                "ragged-batch",
                "accuracy is",
            ),
            (two_passes, "reshuffled-pass", "two passes"),
            (last_batch, "last-batch-metric", "last batch"),
            (lambda m, d: by_sums(m, d, scale=1), "summed-loss", "sum"),
            (softmax_too_many, "double-softmax", "softmax"),
            (lambda m, d: (0.5, 0.5), None, "average over examples"),
        ],
    )
    def test_wrong_answers_are_told_their_pitfall(self, answer, pitfall, told):
        result = self.exercise.check(answer)
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message
        assert told in result.message

    @pytest.mark.parametrize(
        "answer", [0.9, lambda m, d: 0.9, lambda m, d: (0.9,), lambda m, d: ("a", "b"), lambda m: 1]
    )
    def test_unusable_answers(self, answer):
        assert self.exercise.check(answer).status == "could not run"


def figures(model, x, y, x_val, y_val, passes=20):
    on = np.mean([reference.accuracy(y, model(x, training=True)) for _ in range(passes)])
    off = reference.accuracy(y, model(x, training=False))
    return on, off, reference.accuracy(y_val, model(x_val, training=False))


def decompose(*args):
    *data, reported = args
    on, off, val = figures(*data)
    return on - reported, off - on, val - off


def decompose_flag_off(model, x, y, x_val, y_val, reported):
    off, val = reference.accuracy(y, model(x)), reference.accuracy(y_val, model(x_val))
    return off - reported, 0.0, val - off


class TestB:
    exercise = exercises.get("10-b")

    def test_reference(self):
        scope = {"np": np, "reference": reference}
        head = "def decompose(model, x, y, x_val, y_val, reported):\n"
        exec(head + solutions.code("10-b"), scope)
        assert self.exercise.check(scope["decompose"]).correct

    def test_other_right_answers(self):
        names = ("moving weights", "dropout", "new data")
        for form in (np.array, lambda t: dict(zip(names, t, strict=True))):
            assert self.exercise.check(lambda *a, form=form: form(decompose(*a))).correct

    @pytest.mark.parametrize(
        ("answer", "pitfall", "told"),
        [
            (lambda *a: tuple(-t for t in decompose(*a)), None, "signs"),
            (lambda *a: decompose(*a)[::-1], None, "order"),
            (decompose_flag_off, "training-flag", "model(x) means"),
            (lambda *a: (decompose(*a)[0], decompose(*a)[1], 0.2), None, "add up"),
            (lambda *a: [a[5]] * 3, None, "add up"),
        ],
    )
    def test_wrong_answers(self, answer, pitfall, told):
        result = self.exercise.check(answer)
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message
        assert told in result.message

    @pytest.mark.parametrize(
        "answer", [(0.1, 0.2, 0.3), lambda *a: 0.1, lambda *a: (0.1, 0.2), lambda *a: "abc"]
    )
    def test_unusable_answers(self, answer):
        assert self.exercise.check(answer).status == "could not run"


def agreement(x, y):
    chosen = np.random.default_rng(1).permutation(len(x))[:300]
    x, y = x[chosen], y[chosen]
    distance = ((x[:, None] - x[None]) ** 2).sum(axis=-1)
    np.fill_diagonal(distance, np.inf)
    return np.mean(y[distance.argmin(axis=1)] == y), y


def against_a_shuffle(x, y):
    return agreement(x, y)[0] > agreement(x, np.random.default_rng(2).permutation(y))[0] + 0.15


def linear_model(x, y):
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score

    chosen = np.random.default_rng(3).permutation(len(x))[:300]
    model = LogisticRegression(max_iter=200)
    score = cross_val_score(model, x[chosen], y[chosen], cv=3).mean()
    return bool(score > np.bincount(y[chosen]).max() / len(chosen) + 0.08)


def first_and_last_half(x, y):
    half = len(x) // 2
    distance = ((x[half:, None] - x[None, :half]) ** 2).sum(axis=-1)
    return np.mean(y[:half][distance.argmin(axis=1)] == y[half:]) > 0.5


class TestC:
    exercise = exercises.get("10-c")

    def test_reference(self):
        scope = {"np": np}
        exec("def belong_together(x, y):\n" + solutions.code("10-c"), scope)
        assert self.exercise.check(scope["belong_together"]).correct

    @pytest.mark.parametrize("answer", [against_a_shuffle, linear_model])
    def test_other_right_answers(self, answer):
        result = self.exercise.check(answer)
        assert result.correct, result.message

    @pytest.mark.parametrize(
        ("answer", "pitfall"),
        [
            (lambda x, y: len(x) == len(y), "misaligned-labels"),
            (lambda x, y: False, None),
            (lambda x, y: agreement(x, y)[0] > 0.5, "class-imbalance"),
            (first_and_last_half, "sorted-split"),
        ],
    )
    def test_wrong_answers(self, answer, pitfall):
        result = self.exercise.check(answer)
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message

    @pytest.mark.parametrize("answer", [True, lambda x, y: "yes", lambda x, y: 0.9, lambda x: True])
    def test_unusable_answers(self, answer):
        assert self.exercise.check(answer).status == "could not run"
