"""Graders of lesson 05: the reference, other right answers, and each plausible wrong one."""

from utils import exercises
from utils.exercises import solutions

import keras
import numpy as np
import pytest
import tensorflow as tf

SCCE = keras.losses.SparseCategoricalCrossentropy
BCE = keras.losses.BinaryCrossentropy
Dense = keras.layers.Dense


def trained(activation, loss_fn=None, epochs=80):
    loss_fn = loss_fn or SCCE(from_logits=True)

    def answer(x, y, num_classes):
        keras.utils.set_random_seed(0)
        model = keras.Sequential(
            [
                keras.layers.Input((x.shape[1],)),
                Dense(16, activation="relu"),
                Dense(num_classes, activation=activation),
            ]
        )
        optimizer = keras.optimizers.Adam(0.02)

        @tf.function
        def step():
            with tf.GradientTape() as tape:
                loss = loss_fn(y, model(x, training=True))
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

        for _ in range(epochs):
            step()
        return model, loss_fn

    return answer


class TestA:
    exercise = exercises.get("05-a")

    def test_reference(self):
        scope = {"keras": keras, "tf": tf}
        exec(self.exercise.solution(), scope)
        assert self.exercise.check(scope["mended"]).correct

    @pytest.mark.parametrize(
        ("activation", "loss_fn"), [(None, None), ("softmax", SCCE()), ("leaky_relu", None)]
    )
    def test_other_right_answers(self, activation, loss_fn):
        result = self.exercise.check(trained(activation, loss_fn))
        assert result.correct, result.message

    @pytest.mark.parametrize(
        ("activation", "loss_fn", "pitfall"),
        [
            ("relu", None, "wrong-output-activation"),
            ("relu6", None, "wrong-output-activation"),
            (tf.nn.sigmoid, None, "wrong-output-activation"),
            ("tanh", None, "wrong-output-activation"),
            (tf.nn.sigmoid, SCCE(), "wrong-output-activation"),
            ("softmax", None, "double-softmax"),
            (tf.nn.softmax, None, "double-softmax"),
            (None, SCCE(), "logits-as-probabilities"),
        ],
    )
    def test_wrong_answers_are_told_their_pitfall(self, activation, loss_fn, pitfall):
        result = self.exercise.check(trained(activation, loss_fn))
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message

    def test_an_untrained_model(self):
        result = self.exercise.check(trained(None, epochs=0))
        assert result.status == "incorrect"
        assert "not learned" in result.message

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            ("relu", "function was expected"),
            (lambda x, y, num_classes: "model", "pair"),
            (
                lambda x, y, num_classes: (lambda v: np.zeros((len(v), 1)), SCCE()),
                "should return shape",
            ),
        ],
    )
    def test_unusable_answers(self, answer, told):
        result = self.exercise.check(answer)
        assert result.status == "could not run"
        assert told in result.message

    def test_the_stub_is_not_attempted(self):
        assert self.exercise.check(lambda x, y, num_classes: None).status == "not attempted"


class TestB:
    exercise = exercises.get("05-b")

    def test_reference(self):
        scope = {"np": np}
        exec("def floor(low, high, num_classes):\n" + solutions.code("05-b"), scope)
        assert self.exercise.check(scope["floor"]).correct

    def test_by_softmax(self):
        def answer(low, high, num_classes):
            z = tf.constant([[high] + [low] * (num_classes - 1)], tf.float64)
            return SCCE(from_logits=True)(np.array([0]), z)

        assert self.exercise.check(lambda a, b, c: answer(float(a), float(b), c)).correct

    def test_by_hand(self):
        def answer(low, high, n):
            return -np.log(np.exp(high) / (np.exp(high) + (n - 1) * np.exp(low)))

        assert self.exercise.check(answer).correct

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            (lambda a, b, c: np.log(c), "ln C"),
            (lambda a, b, c: np.log(np.e + c - 1) - 1, "between 0 and 1"),
            (lambda a, b, c: np.log(1 + (c - 1) * np.exp(-b)), "need not be 0"),
            (lambda a, b, c: np.log(1 + c * np.exp(a - b)), "C − 1"),
            (lambda a, b, c: np.log(1 + (c - 1) * np.exp(b - a)), "highest loss"),
            (lambda a, b, c: 1 / (1 + (c - 1) * np.exp(a - b)), "Take −ln"),
            (lambda a, b, c: -np.log(1 + (c - 1) * np.exp(a - b)), "sign"),
            (lambda a, b, c: 0.0, "What is softmax of"),
        ],
    )
    def test_wrong_answers(self, answer, told):
        result = self.exercise.check(answer)
        assert result.status == "incorrect"
        assert told in result.message

    @pytest.mark.parametrize("answer", [1.461, lambda a, b, c: "low", lambda a, b: 0.0])
    def test_unusable_answers(self, answer):
        assert self.exercise.check(answer).status == "could not run"


RIGHT = {
    "one of n": lambda n: (Dense(n), SCCE(from_logits=True)),
    "any of n": lambda n: (Dense(n), BCE(from_logits=True)),
    "yes or no": lambda n: (Dense(1), BCE(from_logits=True)),
}


def heads(**changed):
    """Return right heads but for those given, by the first word of the question."""
    return lambda question, n: changed.get(question.split()[0], RIGHT[question])(n)


class TestC:
    exercise = exercises.get("05-c")

    def test_reference(self):
        scope = {"keras": keras}
        exec("def head(question, n):\n" + solutions.code("05-c"), scope)
        assert self.exercise.check(scope["head"]).correct

    @pytest.mark.parametrize(
        "answer",
        [
            heads(),
            heads(
                one=lambda n: (Dense(n, "softmax"), SCCE()),
                any=lambda n: (Dense(n, "sigmoid"), BCE()),
                yes=lambda n: (Dense(1, "sigmoid"), BCE()),
            ),
            heads(yes=lambda n: (Dense(2), SCCE(from_logits=True))),
            heads(yes=lambda n: (Dense(n, tf.nn.softmax), SCCE())),
        ],
    )
    def test_right_answers(self, answer):
        result = self.exercise.check(answer)
        assert result.correct, result.message

    @pytest.mark.parametrize(
        ("answer", "pitfall"),
        [
            (heads(one=lambda n: (Dense(1), SCCE(from_logits=True))), "output-units"),
            (heads(one=lambda n: (Dense(n + 1), SCCE(from_logits=True))), "output-units"),
            (heads(any=lambda n: (Dense(1), BCE(from_logits=True))), "output-units"),
            (heads(yes=lambda n: (Dense(1, "softmax"), BCE())), "output-units"),
            (heads(yes=lambda n: (Dense(1, tf.nn.softmax), BCE())), "output-units"),
            (heads(one=lambda n: (Dense(n, "sigmoid"), SCCE())), "wrong-output-activation"),
            (heads(one=lambda n: (Dense(n, tf.nn.sigmoid), SCCE())), "wrong-output-activation"),
            (heads(one=lambda n: (Dense(n, "relu"), SCCE(True))), "wrong-output-activation"),
            (heads(any=lambda n: (Dense(n, "softmax"), BCE())), "wrong-output-activation"),
            (heads(one=lambda n: (Dense(n), SCCE())), "logits-as-probabilities"),
            (heads(any=lambda n: (Dense(n), BCE())), "logits-as-probabilities"),
            (heads(yes=lambda n: (Dense(1), BCE())), "logits-as-probabilities"),
            (heads(one=lambda n: (Dense(n, "softmax"), SCCE(True))), "double-softmax"),
            (heads(one=lambda n: (Dense(n, tf.nn.softmax), SCCE(True))), "double-softmax"),
            (heads(yes=lambda n: (Dense(1, "sigmoid"), BCE(True))), "double-softmax"),
            (heads(any=lambda n: (Dense(n, "sigmoid"), BCE(True))), "double-softmax"),
        ],
    )
    @pytest.mark.filterwarnings("ignore")
    def test_wrong_answers_are_told_their_pitfall(self, answer, pitfall):
        result = self.exercise.check(answer)
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message

    def test_a_loss_for_other_labels(self):
        cce = keras.losses.CategoricalCrossentropy(from_logits=True)
        result = self.exercise.check(heads(one=lambda n: (Dense(n), cce)))
        assert result.status == "incorrect"
        assert "does not take labels" in result.message

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            (lambda question, n: Dense(n), "pair"),
            (lambda question, n: ("dense", SCCE()), "should be a layer"),
            (lambda question, n: (keras.layers.Softmax(), SCCE()), "one Dense layer"),
            (lambda question: None, "TypeError"),
        ],
    )
    def test_unusable_answers(self, answer, told):
        result = self.exercise.check(answer)
        assert result.status == "could not run"
        assert told in result.message
