"""Graders of lesson 06: the reference, other right answers, and each plausible wrong one."""

from utils import exercises, reference
from utils.exercises import solutions

import keras
import numpy as np
import pytest
import tensorflow as tf

SCCE = keras.losses.SparseCategoricalCrossentropy


def gathered(log_p, y):
    return -tf.reduce_mean(tf.gather(log_p, y, batch_dims=1))


def textbook(y, z):
    e = tf.exp(z)
    return gathered(tf.math.log(e / tf.reduce_sum(e, axis=-1, keepdims=True)), y)


def log_sum_exp(y, z):
    return gathered(z - tf.reduce_logsumexp(z, axis=-1, keepdims=True), y)


def epsilon(size):
    return lambda y, z: gathered(tf.math.log(tf.nn.softmax(z) + size), y)


def nan_hidden(y, z):
    losses = -tf.gather(tf.math.log(tf.nn.softmax(z)), y, batch_dims=1)
    return tf.reduce_mean(tf.where(tf.math.is_finite(losses), losses, 0.0))


def clipped_logits(y, z):
    return log_sum_exp(y, tf.clip_by_value(z, -50.0, 50.0))


def trained(loss_fn, *, activation=None, layers=(), epochs=40):
    def answer(x, y, num_classes):
        keras.utils.set_random_seed(0)
        model = keras.Sequential(
            [
                keras.layers.Input((x.shape[1],)),
                *[make() for make in layers],
                keras.layers.Dense(num_classes, activation=activation),
            ]
        )
        optimizer = keras.optimizers.Adam(0.01)

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


def rescaling():
    return keras.layers.Rescaling(1 / 255)


class TestA:
    exercise = exercises.get("06-a")

    def test_reference(self):
        scope = {"keras": keras, "tf": tf}
        exec(self.exercise.solution(), scope)
        assert self.exercise.check(scope["mended"]).correct

    @pytest.mark.parametrize(
        ("loss_fn", "settings"),
        [
            (log_sum_exp, {}),
            (SCCE(from_logits=True), {"layers": [rescaling], "epochs": 150}),
            (SCCE(), {"activation": "softmax"}),  # Keras' softmax hands its logits on
        ],
    )
    def test_other_right_answers(self, loss_fn, settings):
        result = self.exercise.check(trained(loss_fn, **settings))
        assert result.correct, result.message

    @pytest.mark.parametrize(
        ("loss_fn", "settings", "pitfall"),
        [
            (textbook, {}, "nan-scores"),
            (textbook, {"layers": [rescaling], "epochs": 150}, "unstable-softmax"),
            (epsilon(1e-7), {}, "unstable-softmax"),
            (epsilon(1e-30), {}, "unstable-softmax"),
            (nan_hidden, {}, "nan-scores"),
            (clipped_logits, {}, "unstable-softmax"),
            (SCCE(), {"activation": lambda z: tf.identity(tf.nn.softmax(z))}, "unstable-softmax"),
        ],
    )
    def test_wrong_answers_are_told_their_pitfall(self, loss_fn, settings, pitfall):
        result = self.exercise.check(trained(loss_fn, **settings))
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message

    def test_a_true_loss_of_an_untrained_model_is_not_enough(self):
        result = self.exercise.check(trained(SCCE(from_logits=True), epochs=0))
        assert "not learned" in result.message

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            (1.5, "function was expected"),
            (lambda x, y, num_classes: 0.1, "pair"),
            (lambda x, y, num_classes: (lambda v: np.zeros((len(v), 9)), log_sum_exp), "shape"),
            (trained(lambda y, z: SCCE(True, reduction="none")(y, z), epochs=0), "one number"),
        ],
    )
    def test_unusable_answers(self, answer, told):
        result = self.exercise.check(answer)
        assert result.status == "could not run"
        assert told in result.message


class TestB:
    exercise = exercises.get("06-b")

    def test_reference(self):
        scope = {"np": np}
        head = "def my_log_softmax(z):\n    z = np.asarray(z, 'float32')\n"
        exec(head + solutions.code("06-b"), scope)
        assert self.exercise.check(scope["my_log_softmax"]).correct

    @pytest.mark.parametrize(
        "answer", [reference.log_softmax, tf.nn.log_softmax, lambda z: tf.nn.log_softmax(z).numpy()]
    )
    def test_other_right_answers(self, answer):
        assert self.exercise.check(answer).correct

    @pytest.mark.parametrize(
        ("answer", "told", "pitfall"),
        [
            (
                lambda z: z - np.log(np.exp(z).sum(axis=-1, keepdims=True)),
                "around 1000",
                "unstable-softmax",
            ),
            (lambda z: np.log(reference.softmax(z)), "on paper", "unstable-softmax"),
            (lambda z: np.log(reference.softmax(z) + 1e-7), "clipped", "unstable-softmax"),
            (reference.softmax, "That is the softmax", None),
            (lambda z: -reference.log_softmax(z), "at most 0", None),
            (lambda z: z - z.max(axis=-1, keepdims=True), "still missing", None),
            (
                lambda z: z - z.max() - np.log(np.exp(z - z.max()).sum()),
                "last axis only",
                None,
            ),
            (lambda z: z, "sums to", None),
        ],
    )
    def test_wrong_answers(self, answer, told, pitfall):
        result = self.exercise.check(answer)
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message
        assert told in result.message

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            (lambda z: z.sum(axis=-1), "keep the shape"),
            (lambda z: "log", "Expected an array"),
            (np.zeros(3), "function was expected"),
        ],
    )
    def test_unusable_answers(self, answer, told):
        result = self.exercise.check(answer)
        assert result.status == "could not run"
        assert told in result.message


@pytest.fixture(scope="module")
def material():
    return exercises.get("06-c").material()


class TestC:
    exercise = exercises.get("06-c")

    def test_reference(self, material):
        scope = {"np": np, "material": material}
        exec(self.exercise.solution(), scope)
        assert self.exercise.check(scope["answer"]).correct

    def test_other_right_answers(self, material):
        share = np.bincount(material["y_test"])[0] / len(material["y_test"])
        assert self.exercise.check(["b", round(share, 2)]).correct
        assert self.exercise.check((" B", np.float32(share))).correct

    def test_wrong_answers(self, material):
        share = np.mean(material["y_test"] == 0)
        wrong = {
            ("A", share): "commonest class",
            ("C", share): "still changes",
            ("B", np.mean(material["y_train"] == 0)): "training set",
            ("B", 1 / 3): "does not guess",
            ("B", 0.0): "sometimes it is the right one",
            ("B", np.mean(material["y_test"] == 1)): "class 1",
            ("B", 0.9): "argmax of a row of NaN",
        }
        for answer, told in wrong.items():
            result = self.exercise.check(answer)
            assert result.status == "incorrect"
            assert told in result.message

    @pytest.mark.parametrize("answer", ["B", ("B",), ("D", 0.2), ("B", None), ("B", np.nan), 0.2])
    def test_unusable_answers(self, answer):
        assert self.exercise.check(answer).status == "could not run"

    def test_the_curves_show_what_the_question_needs(self, material):
        y, curves = material["y_train"], material["curves"]
        assert curves["A"][-3:] == [np.mean(y == 1)] * 3
        assert curves["B"][-2:] == [np.mean(y == 0)] * 2
        assert max(curves["B"]) > 0.9, "it had learned before it died"
        assert len(set(curves["C"][-4:])) > 1


HALVES = (tf.float16, tf.bfloat16)


def survives(p, half):
    p = tf.cast(p, tf.float32)
    return bool(tf.reduce_all(p == tf.cast(tf.cast(p, half), tf.float32)))


def by_numbers(model, x):
    return any(survives(model(x), half) for half in HALVES)


def softmaxes(model):
    softmax = keras.activations.softmax
    return [
        layer
        for layer in model.layers
        if isinstance(layer, keras.layers.Softmax) or getattr(layer, "activation", None) is softmax
    ]


def by_layers(model, x):
    return any(layer.compute_dtype != "float32" for layer in softmaxes(model))


def by_layers_in_tensorflow(model, x):
    return tf.reduce_any(
        [
            layer.compute_dtype in ("float16", "bfloat16")
            for layer in model.layers
            if layer in softmaxes(model)
        ]
        or [False]
    )


class TestD:
    exercise = exercises.get("06-d")

    def test_reference(self):
        scope = {"tf": tf}
        exec("def softmax_in_half(model, x):\n" + solutions.code("06-d"), scope)
        result = self.exercise.check(scope["softmax_in_half"])
        assert result.correct, result.message

    @pytest.mark.parametrize("answer", [by_numbers, by_layers, by_layers_in_tensorflow])
    def test_other_right_answers(self, answer):
        result = self.exercise.check(answer)
        assert result.correct, result.message

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            (lambda m, x: True, "True of all 8 models"),
            (lambda m, x: False, "False of all 8 models"),
            (lambda m, x: m.layers[-1].dtype != "float32", "`layer.dtype`"),
            (lambda m, x: keras.mixed_precision.dtype_policy().name != "float32", "global policy"),
            (
                lambda m, x: m(x).dtype != tf.float32,
                "6 of 8. You say False of the model “softmax in",
            ),
            (lambda m, x: m(x).dtype != tf.float32, "a cast brings back"),
            (lambda m, x: m.layers[-1].compute_dtype != "float32", "a cast brings back"),
            (lambda m, x: m(x).dtype == tf.float16, "two kinds"),
            (lambda m, x: survives(m(x), tf.float16), "two kinds"),
            (
                lambda m, x: survives(m(x), tf.bfloat16),
                "You say False of the model “softmax in float16”",
            ),
            (lambda m, x: not by_numbers(m, x), "You say True of the model “all in float32”"),
            (
                lambda m, x: any(layer.compute_dtype != "float32" for layer in m.layers),
                "a hidden layer may compute in half",
            ),
        ],
    )
    def test_wrong_answers(self, answer, told):
        result = self.exercise.check(answer)
        assert (result.status, result.pitfall) == ("incorrect", "half-precision-softmax")
        assert told in result.message

    @pytest.mark.parametrize(
        ("answer", "status"),
        [
            (True, "could not run"),
            (lambda m, x: "float16", "could not run"),
            (lambda m, x: m(x) == 0, "could not run"),
            (lambda m: True, "could not run"),
            (lambda m, x: None, "not attempted"),
        ],
    )
    def test_unusable_answers(self, answer, status):
        assert self.exercise.check(answer).status == status
