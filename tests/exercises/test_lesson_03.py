"""Graders of lesson 03: the reference, other right answers, and each plausible wrong one."""

from utils import exercises, reference
from utils.exercises import solutions

import keras
import numpy as np
import pytest
import tensorflow as tf


def train(x, y, num_classes, activation, loss_fn, epochs=60):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.layers.Input((x.shape[1],)),
            keras.layers.Dense(16, activation="relu"),
            keras.layers.Dense(num_classes, activation=activation),
        ]
    )
    optimizer = keras.optimizers.Adam(0.02)
    for _ in range(epochs):
        with tf.GradientTape() as tape:
            loss = loss_fn(y, model(x, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
    return model, loss_fn


def answer_a(activation, loss_fn, epochs=60):
    return lambda x, y, num_classes, **_: train(x, y, num_classes, activation, loss_fn, epochs)


def scce(**settings):
    return keras.losses.SparseCategoricalCrossentropy(**settings)


def by_hand(y_true, logits):
    return -tf.reduce_mean(tf.gather(tf.nn.log_softmax(logits), y_true, axis=1, batch_dims=1))


class TestA:
    exercise = exercises.get("03-a")

    def test_reference(self):
        scope = {"keras": keras, "tf": tf}
        exec(self.exercise.solution(), scope)
        assert self.exercise.check(scope["mended"]).correct

    @pytest.mark.parametrize(
        ("activation", "loss_fn"),
        [
            (None, scce(from_logits=True)),
            (tf.nn.softmax, scce()),
            ("softmax", scce()),
            (None, by_hand),
        ],
    )
    def test_other_right_answers(self, activation, loss_fn):
        assert self.exercise.check(answer_a(activation, loss_fn)).correct

    @pytest.mark.parametrize(
        ("activation", "loss_fn", "pitfall"),
        [
            (tf.nn.softmax, scce(from_logits=True), "double-softmax"),
            ("softmax", scce(from_logits=True), "double-softmax"),
            (None, scce(from_logits=False), "logits-as-probabilities"),
            (tf.nn.sigmoid, scce(), "wrong-output-activation"),
            (tf.nn.softmax, lambda y, p: scce(from_logits=True)(y, p) - 0.744, None),
        ],
    )
    def test_wrong_answers_are_told_their_pitfall(self, activation, loss_fn, pitfall):
        result = self.exercise.check(answer_a(activation, loss_fn))
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message

    def test_a_true_loss_of_an_untrained_model_is_not_enough(self):
        result = self.exercise.check(answer_a(None, scce(from_logits=True), epochs=0))
        assert result.status == "incorrect"
        assert "not learned" in result.message

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            (3, "function was expected"),
            (lambda x, y, num_classes: 0.1, "pair"),
            (lambda x, y, num_classes: (lambda v: np.zeros((len(v), 2)), by_hand), "shape"),
            (
                answer_a(
                    None, lambda y, p: keras.losses.sparse_categorical_crossentropy(y, p, True)
                ),
                "one number",
            ),
            (lambda x: None, "TypeError"),
        ],
    )
    def test_unusable_answers(self, answer, told):
        result = self.exercise.check(answer)
        assert result.status == "could not run"
        assert told in result.message


class TestB:
    exercise = exercises.get("03-b")
    floor = reference.double_softmax_floor(6)

    def test_reference(self):
        scope = {"np": np}
        exec(self.exercise.solution(), scope)
        assert self.exercise.check(scope["answer"]).correct

    @pytest.mark.parametrize(
        "answer", [("b", floor), ["B", round(floor, 2)], (" B ", np.float32(floor))]
    )
    def test_other_right_answers(self, answer):
        assert self.exercise.check(answer).correct

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            (("A", floor), "A falls to"),
            (("C", floor), "C falls to"),
            (("B", np.log(6)), "knows nothing"),
            (("B", 1.461), "ten classes"),
            (("B", np.log(np.e + 6) - 1), "C − 1"),
            (("B", 0.352), "take −ln"),
            (("B", 0.0), "What does softmax make"),
        ],
    )
    def test_wrong_answers(self, answer, told):
        result = self.exercise.check(answer)
        assert result.status == "incorrect"
        assert told in result.message

    @pytest.mark.parametrize(
        "answer", ["B", ("B",), ("B", "one"), ("D", 1.0), ("B", None), 1.04, {"B": 1}]
    )
    def test_unusable_answers(self, answer):
        assert self.exercise.check(answer).status == "could not run"

    def test_only_b_stays_above_the_floor(self):
        curves = self.exercise.material()
        assert [name for name, c in curves.items() if min(c) > self.floor] == ["B"]
        assert abs(curves["A"][19] - curves["B"][19]) < 0.1, (
            "halfway the two are hard to tell apart"
        )


class TestC:
    exercise = exercises.get("03-c")
    loss_fn = staticmethod(scce(from_logits=True))

    def losses(self, model, x, y, compiled_model=True):
        @tf.function
        def compiled(x, y):
            return self.loss_fn(y, model(x))

        @tf.function
        def loss_alone(y, p):
            return self.loss_fn(y, p)

        p = model(x).numpy()
        sums_to_one = np.allclose(p.sum(axis=1), 1, atol=1e-3) and p.min() >= 0
        probabilities = p if sums_to_one else reference.softmax(p)
        truth = reference.cross_entropy_from_probabilities(y, probabilities).mean()
        graph = compiled(x, y) if compiled_model else loss_alone(y, model(x))
        return float(self.loss_fn(y, model(x))), float(graph), float(truth)

    def test_reference(self):
        scope = {"keras": keras, "np": np, "tf": tf, "reference": reference}
        code = solutions.code("03-c")
        body = "def three_losses(model, x, y):\n"
        body += "    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)\n"
        exec(body + code, scope)
        assert self.exercise.check(scope["three_losses"]).correct

    def test_another_right_answer(self):
        assert self.exercise.check(lambda m, x, y: list(self.losses(m, x, y))).correct

    def test_the_model_left_out_of_the_compiled_function(self):
        result = self.exercise.check(lambda m, x, y: self.losses(m, x, y, compiled_model=False))
        assert (result.status, result.pitfall) == ("incorrect", "double-softmax")
        assert "inside the tf.function" in result.message

    def test_wrong_order(self):
        def swapped(model, x, y):
            a, b, c = self.losses(model, x, y)
            return b, a, c

        assert "wrong order" in self.exercise.check(swapped).message

    def test_probabilities_taken_for_logits_in_the_truth(self):
        def wrong(model, x, y):
            a, b, _ = self.losses(model, x, y)
            return a, b, float(reference.cross_entropy(y, model(x).numpy()).mean())

        assert "logits or probabilities" in self.exercise.check(wrong).message

    def test_compiled_twice(self):
        def wrong(model, x, y):
            _, b, c = self.losses(model, x, y)
            return b, b, c

        result = self.exercise.check(wrong)
        assert "outside of any tf.function" in result.message

    @pytest.mark.parametrize("value", [1.0, (1.0, 2.0), ("a", "b", "c"), (1.0, 2.0, float("nan"))])
    def test_unusable_answers(self, value):
        assert self.exercise.check(lambda m, x, y: value).status == "could not run"
