"""Graders of lesson 16: the reference answer, other right ones, each plausible wrong one."""

import utils  # noqa: F401
from utils import exercises, reference
from utils.exercises import lesson_16, loop_patients, solutions

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


def judged(y, p):
    return reference.cross_entropy_from_probabilities(y, p)


def close(a, b):
    return bool(np.allclose(a, b, atol=1e-4))


class TestD:
    exercise = exercises.get("16-d")
    stub = "def is_per_example(loss_fn, y_true, probabilities):\n"

    def test_reference(self):
        scope = run_solution("16-d", self.stub, reference=reference)
        result = self.exercise.check(scope["is_per_example"])
        assert result.correct, result.message
        assert "3 healthy loss functions from 5 sick ones" in result.message

    def test_other_right_answers(self):
        def by_the_true_class(loss_fn, y, p):
            losses = loss_fn(y, p)
            if len(losses.shape) != 1 or losses.shape[0] != len(y):
                return False
            return tf.reduce_all(tf.abs(tf.exp(-losses) - p[np.arange(len(y)), y]) < 1e-4)

        def one_by_one(loss_fn, y, p):
            together = np.asarray(loss_fn(y, p))
            alone = [float(np.mean(loss_fn(y[k : k + 1], p[k : k + 1]))) for k in range(len(y))]
            return (
                together.shape == y.shape and close(together, alone) and close(alone, judged(y, p))
            )

        for answer in (by_the_true_class, one_by_one):
            result = self.exercise.check(answer)
            assert result.correct, result.message

    @pytest.mark.parametrize(
        ("answer", "pitfall", "told"),
        [
            (lambda f, y, p: True, "positional-reduction", "The first argument is from_logits"),
            (lambda f, y, p: False, None, "refuses SparseCategoricalCrossentropy(reduction="),
            (
                lambda f, y, p: np.shape(f(y, p)) == np.shape(y),
                "positional-reduction",
                "still taken for from_logits",
            ),
            (lambda f, y, p: np.shape(f(y, p)) != (), "positional-reduction", "from_logits"),
            (
                lambda f, y, p: close(f(y, p), judged(y, p)),
                "positional-reduction",
                "compare the shapes too",
            ),
            (
                lambda f, y, p: close(np.mean(f(y, p)), np.mean(judged(y, p))),
                "positional-reduction",
                "compare the shapes too",
            ),
            (
                lambda f, y, p: (
                    np.size(f(y, p)) == len(y) and close(np.mean(f(y, p)), np.mean(judged(y, p)))
                ),
                None,
                "With one flower",
            ),
            (
                lambda f, y, p: np.ndim(f(y, p)) > 0 and close(f(y, p), judged(y, p)),
                None,
                "table of shape (20, 20)",
            ),
            (
                lambda f, y, p: getattr(f, "reduction", "") == "none",
                None,
                "refuses keras.losses.sparse_categorical_crossentropy",
            ),
        ],
    )
    def test_wrong_answers(self, answer, pitfall, told):
        result = self.exercise.check(answer)
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message
        assert told in result.message, result.message

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            (True, "function was expected"),
            (lambda f, y, p: f.get_config()["reduction"] == "none", "not every loss is an object"),
            (lambda f, y, p: len(f(y, p)) == len(y), "not every loss returns a vector"),
            (lambda f, y, p: f(y, p), "Return True or False"),
            (lambda f, y, p: "yes", "Return True or False"),
            (lambda f: True, "TypeError"),
        ],
    )
    def test_unusable_answers(self, answer, told):
        result = self.exercise.check(answer)
        assert result.status == "could not run", result.message
        assert told.lower() in result.message.lower(), result.message

    def test_the_stub_is_not_attempted(self):
        assert self.exercise.check(lambda f, y, p: None).status == "not attempted"

    def test_every_sick_loss_is_tried_where_it_is_wrong_and_every_healthy_one_everywhere(self):
        trials = list(loop_patients.trials())
        cases = {trial.case for trial in trials}
        for name in {trial.name for trial in trials}:
            seen = [trial for trial in trials if trial.name == name]
            assert len({trial.healthy for trial in seen}) == 1
            assert not seen[0].healthy or {trial.case for trial in seen} == cases

    def test_elsewhere_the_first_argument_is_the_reduction(self):
        # The teacher's notes say so: a test that reads the call would refuse what is healthy.
        assert keras.losses.MeanSquaredError("none").reduction == "none"
