"""Graders of lesson 04: the reference, other right answers, and each plausible wrong one."""

from utils import exercises, reference
from utils.exercises import solutions

import keras
import numpy as np
import pytest
import tensorflow as tf

SCCE = keras.losses.SparseCategoricalCrossentropy


def trained(activation, loss_fn, epochs=60):
    """Return an answer to exercise a that trains a small net with this last activation."""

    def answer(x, y, num_classes):
        keras.utils.set_random_seed(0)
        model = keras.Sequential(
            [
                keras.layers.Input((x.shape[1],)),
                keras.layers.Dense(16, activation="relu"),
                keras.layers.Dense(num_classes, activation=activation),
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


def raw_op(y_true, logits):
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y_true, logits=logits)
    )


def squeezed(z):
    return (z - tf.reduce_min(z)) / (tf.reduce_max(z) - tf.reduce_min(z))


class TestA:
    exercise = exercises.get("04-a")

    def test_reference(self):
        scope = {"keras": keras, "tf": tf}
        exec(self.exercise.solution(), scope)
        assert self.exercise.check(scope["mended"]).correct

    @pytest.mark.parametrize(
        ("activation", "loss_fn"),
        [(None, SCCE(from_logits=True)), ("softmax", SCCE()), (None, raw_op)],
    )
    def test_other_right_answers(self, activation, loss_fn):
        assert self.exercise.check(trained(activation, loss_fn)).correct

    @pytest.mark.parametrize(
        ("activation", "loss_fn", "pitfall"),
        [
            (None, SCCE(), "logits-as-probabilities"),
            (tf.nn.softmax, SCCE(from_logits=True), "double-softmax"),
            ("softmax", SCCE(from_logits=True), "double-softmax"),
            (tf.nn.sigmoid, SCCE(), "wrong-output-activation"),
            ("sigmoid", SCCE(), "wrong-output-activation"),
            (squeezed, SCCE(), "wrong-output-activation"),
            (None, lambda y, z: 0.1 * raw_op(y, z), None),
        ],
    )
    def test_wrong_answers_are_told_their_pitfall(self, activation, loss_fn, pitfall):
        result = self.exercise.check(trained(activation, loss_fn))
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message

    def test_a_true_loss_of_an_untrained_model_is_not_enough(self):
        result = self.exercise.check(trained(None, SCCE(from_logits=True), epochs=0))
        assert result.status == "incorrect"
        assert "not learned" in result.message

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            (3, "function was expected"),
            (lambda x, y, num_classes: 0.1, "pair"),
            (lambda x, y, num_classes: (lambda v: np.zeros((len(v), 2)), raw_op), "shape"),
            (trained(None, lambda y, z: SCCE(True, reduction="none")(y, z), 0), "one number"),
            (lambda x: None, "TypeError"),
        ],
    )
    def test_unusable_answers(self, answer, told):
        result = self.exercise.check(answer)
        assert result.status == "could not run"
        assert told in result.message

    def test_the_stub_is_not_attempted(self):
        assert self.exercise.check(None).status == "not attempted"
        assert self.exercise.check(lambda x, y, num_classes: None).status == "not attempted"


class TestB:
    exercise = exercises.get("04-b")

    def test_reference(self):
        scope = {"np": np, "reference": reference}
        head = "def share_confident(model, x, threshold):\n"
        head += "    outputs = np.asarray(model(x), 'float64')\n"
        exec(head + solutions.code("04-b"), scope)
        assert self.exercise.check(scope["share_confident"]).correct

    def test_another_right_answer(self):
        def answer(model, x, threshold):
            outputs = model(x)
            if tf.reduce_min(outputs) < 0:
                outputs = tf.nn.softmax(outputs)
            return tf.reduce_mean(tf.cast(tf.reduce_max(outputs, axis=1) > threshold, tf.float32))

        assert self.exercise.check(answer).correct

    def test_by_the_last_layers_activation(self):
        def answer(model, x, threshold):
            outputs = model.predict(x, verbose=0)
            if model.layers[-1].activation is not keras.activations.softmax:
                outputs = reference.softmax(outputs)
            return (outputs.max(axis=1) > threshold).mean()

        assert self.exercise.check(answer).correct

    @pytest.mark.parametrize(
        ("to_score", "pitfall"),
        [
            (lambda z: z, "logits-as-probabilities"),
            (reference.softmax, "double-softmax"),
            (lambda z: 1 / (1 + np.exp(-z)), "wrong-output-activation"),
        ],
    )
    def test_wrong_answers_are_told_their_pitfall(self, to_score, pitfall):
        result = self.exercise.check(
            lambda model, x, t: np.mean(to_score(model(x).numpy()).max(axis=1) > t)
        )
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message

    @pytest.mark.parametrize(
        ("share", "told"),
        [
            (lambda p, t: np.mean(p > t), "Count examples"),
            (lambda p, t: np.mean(p.max(axis=1) <= t), "at or below"),
            (lambda p, t: 0.123, "Rows that are"),
        ],
    )
    def test_other_wrong_answers(self, share, told):
        def answer(model, x, threshold):
            outputs = model(x).numpy()
            p = outputs if outputs.min() >= 0 else reference.softmax(outputs)
            return share(p, threshold)

        result = self.exercise.check(answer)
        assert result.status == "incorrect"
        assert told in result.message

    @pytest.mark.parametrize("value", ["many", [0.1, 0.2], float("nan")])
    def test_unusable_answers(self, value):
        assert self.exercise.check(lambda m, x, t: value).status == "could not run"


class TestC:
    exercise = exercises.get("04-c")

    def test_reference(self):
        scope = {"np": np}
        exec("def logit_threshold(p):\n" + solutions.code("04-c"), scope)
        assert self.exercise.check(scope["logit_threshold"]).correct

    @pytest.mark.parametrize(
        "answer", [lambda p: -np.log(1 / p - 1), lambda p: np.log(p) - np.log1p(-p)]
    )
    def test_other_right_answers(self, answer):
        assert self.exercise.check(answer).correct

    def test_the_probability_itself_is_the_lessons_fault(self):
        result = self.exercise.check(lambda p: p)
        assert (result.status, result.pitfall) == ("incorrect", "logits-as-probabilities")

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            (lambda p: 1 / (1 + np.exp(-p)), "inverse"),
            (np.log, "log-probability"),
            (lambda p: p - 0.5, "one half only"),
            (lambda p: np.log((1 - p) / p), "sign"),
            (lambda p: p / (1 - p), "odds"),
            (lambda p: np.log2(p / (1 - p)), "natural"),
            (lambda p: np.log10(p / (1 - p)), "natural"),
            (lambda p: 0.0, "sigmoid(0.000) = 0.500"),
        ],
    )
    def test_wrong_answers(self, answer, told):
        result = self.exercise.check(answer)
        assert result.status == "incorrect"
        assert told in result.message

    @pytest.mark.parametrize("answer", [0.0, lambda p: "high", lambda p: [p, p], lambda: 0])
    def test_unusable_answers(self, answer):
        assert self.exercise.check(answer).status == "could not run"
