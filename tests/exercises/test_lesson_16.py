"""Graders of lesson 16: the reference answer, other right ones, each plausible wrong one."""

import utils  # noqa: F401
from utils import exercises
from utils.exercises import lesson_16, solutions

import keras
import numpy as np
import pytest
import tensorflow as tf

SCOPE = {"keras": keras, "np": np, "tf": tf, "exercises": exercises}


def run_solution(id_, before="", **extra):
    scope = {**SCOPE, **extra}
    exec(before + solutions.code(id_), scope)
    return scope


def loop(
    *,
    objective=lambda each, penalty: tf.reduce_mean(each) + penalty,
    report=lambda each, penalty: float(tf.reduce_mean(each) + penalty),
    pool=lambda values, sizes: np.average(values, weights=sizes),
    rate_of=lambda rate, batch_size: rate,
    compiled=False,
):
    """Return a loop for exercise a, with one part exchanged."""

    def mended(model, x, y, batch_size, epochs, rate):
        loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")
        optimizer = keras.optimizers.SGD(rate_of(rate, batch_size))

        def step(xb, yb):
            with tf.GradientTape() as tape:
                each = loss_fn(yb, model(xb, training=True))
                penalty = tf.add_n(model.losses)
                loss = objective(each, penalty)
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables))
            return each, penalty

        step = tf.function(step) if compiled else step
        history = []
        for _ in range(epochs):
            values, sizes = [], []
            for start in range(0, len(x), batch_size):
                rows = slice(start, start + batch_size)
                values.append(report(*step(tf.constant(x[rows]), tf.constant(y[rows]))))
                sizes.append(len(x[rows]))
            history.append(pool(values, sizes))
        return history

    return mended


class TestA:
    exercise = exercises.get("16-a")

    def test_reference(self):
        result = self.exercise.check(run_solution("16-a")["mended"])
        assert result.correct, result.message

    def test_fit_itself(self):
        def by_fit(model, x, y, batch_size, epochs, rate):
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            model.compile(keras.optimizers.SGD(rate), loss)
            told = model.fit(x, y, batch_size=batch_size, epochs=epochs, shuffle=False, verbose=0)
            return told.history["loss"]

        result = self.exercise.check(by_fit)
        assert result.correct, result.message

    def test_per_example_losses_averaged_in_a_compiled_step(self):
        result = self.exercise.check(loop(compiled=True))
        assert result.correct, result.message

    @pytest.mark.parametrize(
        ("changed", "pitfall", "told"),
        [
            ({"objective": lambda e, p: e}, "vector-loss", "sum over the batch"),
            ({"objective": lambda e, p: e + p}, "vector-loss", "once for every example"),
            (
                {"objective": lambda e, p: tf.reduce_sum(e) + p},
                "vector-loss",
                "counted once",
            ),
            (
                {"objective": lambda e, p: tf.reduce_mean(e)},
                "missing-regularisation",
                "model.losses",
            ),
            (
                {"objective": lambda e, p: tf.reduce_mean(e) + 2 * p},
                "missing-regularisation",
                "twice",
            ),
            (
                {"objective": lambda e, p: e + p, "rate_of": lambda r, b: r / b},
                "vector-loss",
                "full batches only",
            ),
            (
                {"objective": lambda e, p: tf.reduce_sum(e) / lesson_16.BATCH + p},
                "vector-loss",
                "full batches only",
            ),
            ({"report": lambda e, p: float(tf.reduce_mean(e))}, None, "without the penalty"),
            ({"pool": lambda v, n: np.mean(v)}, "ragged-batch", "batches' means"),
            ({"pool": lambda v, n: v[-1]}, "last-batch-metric", "last batch"),
            ({"pool": lambda v, n: np.sum(v)}, "summed-loss", "a sum over the batches"),
            ({"rate_of": lambda r, b: r * 3}, None, "Same optimizer"),
            ({"rate_of": lambda r, b: 0.0}, "gradients-none", "not moved"),
            ({"pool": lambda v, n: 1.0}, None, "mean over the examples"),
        ],
    )
    def test_wrong_answers(self, changed, pitfall, told):
        result = self.exercise.check(loop(**changed))
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message
        assert told in result.message

    @pytest.mark.parametrize(
        "answer",
        [
            3.0,
            loop(pool=lambda v, n: "much"),
            loop(pool=lambda v, n: float("nan")),
            lambda *a, **k: 0.5,
            lambda *a, **k: [0.5],
            lambda model: [0.5],
        ],
    )
    def test_unusable_answers(self, answer):
        assert self.exercise.check(answer).status == "could not run"

    def test_the_stub_is_not_attempted(self):
        assert self.exercise.check(None).status == "not attempted"
        assert self.exercise.check(lambda *a, **k: None).status == "not attempted"


class TestB:
    exercise = exercises.get("16-b")

    def test_reference(self):
        scope = run_solution("16-b", boxes={}, one_step=None, make_model=None)
        assert self.exercise.check(scope["answer"]).correct

    def test_other_right_answers(self):
        right = lesson_16.RIGHT
        assert self.exercise.check({f" {k.upper()}": v.lower() for k, v in right.items()}).correct
        assert self.exercise.check(dict(reversed(right.items()))).correct

    @pytest.mark.parametrize("name", list(lesson_16.RIGHT))
    def test_each_name_given_to_another(self, name):
        other = next(k for k in lesson_16.RIGHT if k > name or name == max(lesson_16.RIGHT))
        answer = dict(lesson_16.RIGHT)
        answer[name], answer[other] = answer[other], answer[name]
        result = self.exercise.check(answer)
        assert result.status == "incorrect"
        assert result.pitfall in {None, name, other}
        assert "Measure again" in result.message

    @pytest.mark.parametrize(
        "answer", ["A", {}, {"healthy": "A"}, dict(lesson_16.RIGHT, healthy="E"), 3]
    )
    def test_unusable_answers(self, answer):
        assert self.exercise.check(answer).status == "could not run"


class TestC:
    exercise = exercises.get("16-c")
    stub = "def unreached(model, loss_of):\n"

    @staticmethod
    def paths(model, loss_of, variables, missing):
        with tf.GradientTape() as tape:
            loss = loss_of(model)
        gradients = tape.gradient(loss, variables)
        return [v.path for v, g in zip(variables, gradients) if missing(g)]

    def test_reference(self):
        result = self.exercise.check(run_solution("16-c", self.stub)["unreached"])
        assert result.correct, result.message

    def test_other_right_answers(self):
        def by_each(model, loss_of):
            found = set()
            for v in model.trainable_variables:
                found |= set(self.paths(model, loss_of, [v], lambda g: g is None))
            return found

        assert self.exercise.check(by_each).correct
        assert self.exercise.check(
            lambda m, f: tuple(self.paths(m, f, m.trainable_variables[::-1], lambda g: g is None))
        ).correct

    def test_not_trainable_ones_listed(self):
        result = self.exercise.check(
            lambda m, f: self.paths(m, f, m.variables, lambda g: g is None)
        )
        assert result.status == "incorrect"
        assert "not trainable" in result.message

    def test_zeros_taken_for_none(self):
        result = self.exercise.check(
            lambda m, f: self.paths(
                m, f, m.trainable_variables, lambda g: g is None or not np.any(np.asarray(g))
            )
        )
        assert result.status == "incorrect"
        assert "zeros is a gradient" in result.message

    def test_nobody_listed(self):
        result = self.exercise.check(lambda m, f: [])
        assert (result.status, result.pitfall) == ("incorrect", "gradients-none")

    def test_names_in_place_of_paths(self):
        def names(model, loss_of):
            given = self.paths(model, loss_of, model.trainable_variables, lambda g: g is None)
            return [p.split("/")[-1] for p in given]

        assert "no path" in self.exercise.check(names).message

    @pytest.mark.parametrize("value", ["dense/kernel", 3, {"a": 1}])
    def test_unusable_answers(self, value):
        assert self.exercise.check(lambda m, f: value).status == "could not run"

    def test_the_stub_is_not_attempted(self):
        assert self.exercise.check(lambda m, f: None).status == "not attempted"
