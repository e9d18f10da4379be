"""Graders of lesson 11: the reference, other right answers, and each plausible wrong one."""

from utils import exercises, reference
from utils.exercises import lesson_11, solutions

import keras
import numpy as np
import pytest
import tensorflow as tf

RIGHT = lesson_11.RIGHT


def test_no_run_of_a_rests_on_the_last_digits_of_its_data(monkeypatch):
    # A processor that rounds otherwise is a nudge like this one, in every step.
    digits = lesson_11.data.digits
    nudge = 1 + 1e-12

    def nudged(**given):
        split = digits(**given)
        x, x_new = (v.astype(np.float64) * nudge for v in (split.x_train, split.x_test))
        return split._replace(x_train=x, x_test=x_new)

    stored = lesson_11._material()
    monkeypatch.setattr(lesson_11.data, "digits", nudged)
    for letter, run in lesson_11._material.__wrapped__().items():
        for figure in ("training", "new"):
            assert run[figure] == pytest.approx(stored[letter][figure], rel=1e-7), letter


class TestA:
    exercise = exercises.get("11-a")

    def test_reference(self):
        scope = {"np": np}
        exec(self.exercise.solution(), scope)
        assert self.exercise.check(scope["answer"]).correct

    def test_other_right_answers(self):
        assert self.exercise.check({f" {k.upper()}": v.lower() for k, v in RIGHT.items()}).correct
        assert self.exercise.check(dict(reversed(RIGHT.items()))).correct

    @pytest.mark.parametrize(
        ("name", "letter", "pitfall"),
        [
            ("knows nothing", "E", "loss-without-anchor"),
            ("knows the frequencies", "C", "class-imbalance"),
            ("double softmax", "D", "double-softmax"),
            ("label smoothing 0.1", "A", "loss-without-anchor"),
            ("learned by heart", "D", "memorised-noise"),
        ],
    )
    def test_wrong_answers(self, name, letter, pitfall):
        result = self.exercise.check(dict(RIGHT, **{name: letter}))
        assert (result.status, result.pitfall) == ("incorrect", pitfall)
        assert f"“{name}” is not {letter}" in result.message

    @pytest.mark.parametrize(
        "answer",
        ["C", {"knows nothing": "C"}, dict(RIGHT, **{"double softmax": "Z"}), 2.3, {3: "A"}],
    )
    def test_unusable_answers(self, answer):
        assert self.exercise.check(answer).status == "could not run"

    def test_each_run_stands_at_its_own_line_and_at_no_other(self):
        runs = self.exercise.material()
        lines = {
            "A": reference.double_softmax_floor(4),
            "C": np.log(7),
            "D": lesson_11.smoothing_floor(4, 0.1),
            "E": -(runs["E"]["frequencies"] * np.log(runs["E"]["frequencies"])).sum(),
        }
        for letter, line in lines.items():
            assert abs(runs[letter]["training"] - line) < 0.05
        assert runs["B"]["training"] < 0.05
        assert runs["B"]["new"] > np.log(10)


def trained(x, y, num_classes, steps=150, hidden=256, softmax=False):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.layers.Input((x.shape[1],)),
            keras.layers.Dense(hidden, activation="relu"),
            keras.layers.Dense(num_classes, activation="softmax" if softmax else None),
        ]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=not softmax)
    optimizer = keras.optimizers.Adam(0.01)

    @tf.function
    def train_step(x, y):
        with tf.GradientTape() as tape:
            loss = loss_fn(y, model(x, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    for _ in range(steps):
        train_step(x, y)
    return model


def report(model, x, y):
    return model, lesson_11.true_loss(y, model(x)), reference.accuracy(y, model(x))


def held_out(share, **settings):
    def answer(x, y, num_classes):
        cut = int(share * len(x))
        return report(trained(x[:cut], y[:cut], num_classes, **settings), x[cut:], y[cut:])

    return answer


def training_figures(x, y, num_classes):
    return report(trained(x, y, num_classes), x, y)


def held_out_but_trained_on(x, y, num_classes):
    return report(trained(x, y, num_classes), x[300:], y[300:])


def always_chance(x, y, num_classes):
    return trained(x, y, num_classes), float(np.log(num_classes)), 1 / num_classes


def summed_loss(x, y, num_classes):
    model, loss, accuracy = held_out(0.5)(x, y, num_classes)
    return model, loss * 200, accuracy


class TestB:
    exercise = exercises.get("11-b")

    def test_reference(self):
        def build_model(num_features, num_classes, hidden=64):
            return keras.Sequential(
                [
                    keras.layers.Input((num_features,)),
                    keras.layers.Dense(hidden, activation="relu"),
                    keras.layers.Dense(num_classes),
                ]
            )

        loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        scope = {"keras": keras, "tf": tf, "reference": reference}
        scope |= {"build_model": build_model, "loss_fn": loss_fn}
        exec(self.exercise.solution(), scope)
        assert self.exercise.check(scope["mended"]).correct

    @pytest.mark.parametrize("answer", [held_out(0.5), held_out(0.8, softmax=True)])
    def test_other_right_answers(self, answer):
        result = self.exercise.check(answer)
        assert result.correct, result.message

    @pytest.mark.parametrize(
        ("answer", "pitfall", "told"),
        [
            (training_figures, "memorised-noise", "by heart"),
            (held_out_but_trained_on, "memorised-noise", "by heart"),
            (always_chance, None, "the loss is not"),
            (summed_loss, None, "the loss is not"),
            (held_out(0.5, steps=1), None, "hardly learned"),
        ],
    )
    def test_wrong_answers_are_told_their_pitfall(self, answer, pitfall, told):
        result = self.exercise.check(answer)
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message
        assert told in result.message

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            (0.9, "function was expected"),
            (lambda x, y, num_classes: (0.5, 0.5), "three things"),
            (lambda x, y, num_classes: (np.asarray, 0.5, "good"), "two finite numbers"),
            (lambda x, y, num_classes: (lambda v: np.zeros((len(v), 3)), 1.0, 0.5), "shape"),
            (lambda x: None, "TypeError"),
        ],
    )
    def test_unusable_answers(self, answer, told):
        result = self.exercise.check(answer)
        assert result.status == "could not run"
        assert told in result.message


class TestC:
    exercise = exercises.get("11-c")

    def test_reference(self):
        scope = {"np": np, "reference": reference}
        exec("def suspects(logits, y, k):\n" + solutions.code("11-c"), scope)
        assert self.exercise.check(scope["suspects"]).correct

    def test_other_right_answers(self):
        def by_probability(logits, y, k):
            return np.argsort(reference.softmax(logits)[np.arange(len(y)), y])[:k].tolist()

        def by_margin(logits, y, k):
            return np.argsort(logits[np.arange(len(y)), y] - logits.max(axis=1))[:k]

        assert self.exercise.check(by_probability).correct
        assert self.exercise.check(by_margin).correct

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            (lambda z, y, k: np.argsort(reference.cross_entropy(y, z))[:k], "turn the order"),
            (lambda z, y, k: np.argsort(reference.softmax(z).max(axis=1))[:k], "unsure"),
            (lambda z, y, k: np.arange(k), "Sort by"),
        ],
    )
    def test_wrong_answers(self, answer, told):
        result = self.exercise.check(answer)
        assert result.status == "incorrect"
        assert told in result.message

    @pytest.mark.parametrize(
        "answer",
        [
            [1, 2, 3],
            lambda z, y, k: reference.cross_entropy(y, z)[:k],
            lambda z, y, k: [0] * k,
            lambda z, y, k: np.arange(k - 1),
            lambda z, y, k: np.arange(k) + len(y),
        ],
    )
    def test_unusable_answers(self, answer):
        assert self.exercise.check(answer).status == "could not run"
