"""Graders of lesson 17: the reference answer, other right ones, each plausible wrong one."""

import utils  # noqa: F401
from utils import exercises
from utils.exercises import lesson_17, solutions

import keras
import numpy as np
import pytest
import tensorflow as tf

loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
SCOPE = {"keras": keras, "np": np, "tf": tf, "loss_fn": loss_fn}


def loop(
    *,
    compiler=tf.function,
    rate_of=lambda k, rate, warm_up: rate * tf.minimum(1.0, tf.cast(k, tf.float32) / warm_up),
    argument=lambda k: tf.constant(float(k)),
    steps_of=lambda n, k: n,
    shown=lambda rates: rates[-1],
    pool=lambda losses, sizes: np.mean(losses),
):
    """Return a loop for exercise a, with one part exchanged; the step number is handed in."""

    def mended(model, batches, epochs, rate, warm_up):
        @compiler
        def step(x, y, k):
            with tf.GradientTape() as tape:
                loss = loss_fn(y, model(x, training=True))
            gradients = tape.gradient(loss, model.trainable_variables)
            current = rate_of(k, rate, warm_up)
            for variable, gradient in zip(model.trainable_variables, gradients):
                variable.assign_sub(current * gradient)
            return loss

        log, k = [], 0
        for _ in range(epochs):
            losses, rates, sizes = [], [], []
            for x, y in batches:
                k += 1
                losses.append(float(step(x, y, argument(k))))
                rates.append(rate * min(1.0, k / warm_up))
                sizes.append(len(x))
            log.append(
                {
                    "steps": steps_of(len(losses), k),
                    "rate": shown(rates),
                    "loss": pool(losses, sizes),
                }
            )
        return log

    return mended


class TestA:
    exercise = exercises.get("17-a")

    def test_reference(self):
        scope = dict(SCOPE)
        exec(solutions.code("17-a"), scope)
        result = self.exercise.check(scope["mended"])
        assert result.correct, result.message

    def test_other_right_answers(self):
        result = self.exercise.check(loop())
        assert result.correct, result.message

        def by_optimizer(model, batches, epochs, rate, warm_up):
            class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
                def __call__(self, step):
                    return rate * tf.minimum(1.0, (tf.cast(step, tf.float32) + 1) / warm_up)

            optimizer, log = keras.optimizers.SGD(WarmUp()), []

            @tf.function
            def step(x, y):
                with tf.GradientTape() as tape:
                    loss = loss_fn(y, model(x, training=True))
                gradients = tape.gradient(loss, model.trainable_variables)
                optimizer.apply_gradients(zip(gradients, model.trainable_variables))
                return loss

            for _ in range(epochs):
                losses = [float(step(x, y)) for x, y in batches]
                last = rate * min(1.0, int(optimizer.iterations) / warm_up)
                log.append({"steps": len(losses), "rate": last, "loss": np.mean(losses)})
            return log

        result = self.exercise.check(by_optimizer)
        assert result.correct, result.message

    @pytest.mark.parametrize(
        ("changed", "pitfall", "told"),
        [
            ({"argument": lambda k: k}, "retracing", "traced 9 times"),
            ({"compiler": lambda f: f}, None, "nothing is compiled"),
            ({"steps_of": lambda n, k: k}, None, "from the beginning"),
            ({"steps_of": lambda n, k: 0}, "python-side-effects", "counts traces"),
            ({"steps_of": lambda n, k: 7}, None, "right is 3"),
            ({"shown": lambda rates: 0.12}, "python-side-effects", "frozen there"),
            ({"shown": lambda rates: 0.999}, None, "says for rate"),
            ({"pool": lambda v, n: v[-1]}, "last-batch-metric", "last batch alone"),
            ({"pool": lambda v, n: np.average(v, weights=n)}, None, "over examples"),
            ({"pool": lambda v, n: 0.5}, None, "at the right rate"),
        ],
    )
    def test_wrong_answers(self, changed, pitfall, told):
        result = self.exercise.check(loop(**changed))
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message
        assert told in result.message

    def test_the_log_mended_and_the_rate_still_frozen(self):
        """The reported losses are made up to be right, so that only the weights can tell."""
        right = lesson_17._truth()[1]

        def frozen(model, batches, epochs, rate, warm_up):
            told = loop(rate_of=lambda k, r, w: r / w)(model, batches, epochs, rate, warm_up)
            return [dict(e, loss=v) for e, v in zip(told, right["loss"], strict=True)]

        result = self.exercise.check(frozen)
        assert (result.status, result.pitfall) == ("incorrect", "python-side-effects")
        assert "frozen in the graph" in result.message

    @pytest.mark.parametrize(
        "answer",
        [
            3,
            lambda *a, **k: 1.0,
            lambda *a, **k: {"steps": 1},
            lambda *a, **k: [{"steps": 1, "rate": 1}] * 3,
            lambda *a, **k: [{"steps": 1, "rate": "x", "loss": 1}] * 3,
        ],
    )
    def test_unusable_answers(self, answer):
        assert self.exercise.check(answer).status == "could not run"

    def test_the_stub_is_not_attempted(self):
        assert self.exercise.check(None).status == "not attempted"
        assert self.exercise.check(lambda *a, **k: None).status == "not attempted"


class TestB:
    exercise = exercises.get("17-b")

    def test_reference(self):
        scope = {}
        exec(solutions.code("17-b"), scope)
        assert self.exercise.check(scope["answer"]).correct

    def test_other_right_answers(self):
        assert self.exercise.check([3.0, 2.0, 2.0, 3.0]).correct
        assert self.exercise.check(np.array([3, 2, 2, 3])).correct

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            ((5, 2, 2, 3), "A is not 5"),
            ((3, 6, 2, 3), "B is not 6"),
            ((3, 2, 20, 3), "C is not 20"),
            ((3, 2, 2, 4), "D is not 4"),
        ],
    )
    def test_wrong_answers(self, answer, told):
        result = self.exercise.check(answer)
        assert (result.status, result.pitfall) == ("incorrect", "retracing")
        assert told in result.message

    @pytest.mark.parametrize("answer", ["3223", 3, (1, 2), ("a", 1, 2, 3)])
    def test_unusable_answers(self, answer):
        assert self.exercise.check(answer).status == "could not run"


def epoch_maker(*, outer=tf.function, inner=lambda f: f, pool="examples", remake=False):
    def compiled_epoch(model, optimizer, loss_fn):
        @inner
        def step(x, y):
            with tf.GradientTape() as tape:
                loss = loss_fn(y, model(x, training=True))
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables))
            return loss

        def epoch(dataset):
            total, count, last = 0.0, 0.0, 0.0
            for x, y in dataset:
                last = step(x, y)
                size = tf.cast(tf.shape(x)[0], tf.float32) if pool == "examples" else 1.0
                total += last * size
                count += size
            return last if pool == "last" else total / count

        if remake:
            return lambda dataset: outer(epoch)(dataset)
        return outer(epoch)

    return compiled_epoch


class TestC:
    exercise = exercises.get("17-c")

    def test_reference(self, tmp_path):
        # AutoGraph reads a function's source: it has to stand in a file.
        source = "def compiled_epoch(model, optimizer, loss_fn):\n" + solutions.code("17-c")
        (tmp_path / "answer.py").write_text(source, encoding="utf-8")
        scope = dict(SCOPE)
        exec(compile(source, str(tmp_path / "answer.py"), "exec"), scope)
        result = self.exercise.check(scope["compiled_epoch"])
        assert result.correct, result.message

    def test_other_right_answers(self):
        result = self.exercise.check(epoch_maker(inner=tf.function))
        assert result.correct, result.message

        def by_metric(model, optimizer, loss_fn):
            mean = keras.metrics.Mean()

            @tf.function
            def epoch(dataset):
                mean.reset_state()
                for x, y in dataset:
                    with tf.GradientTape() as tape:
                        loss = loss_fn(y, model(x, training=True))
                    gradients = tape.gradient(loss, model.trainable_variables)
                    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
                    mean.update_state(loss, sample_weight=tf.shape(x)[0])
                return mean.result()

            return epoch

        result = self.exercise.check(by_metric)
        assert result.correct, result.message

    @pytest.mark.parametrize(
        ("changed", "pitfall", "told"),
        [
            ({"pool": "batches"}, "ragged-batch", "batches' means"),
            ({"pool": "last"}, "last-batch-metric", "last batch alone"),
            ({"outer": lambda f: f}, None, "nothing is compiled"),
            ({"outer": lambda f: f, "inner": tf.function}, None, "only the step is compiled"),
            ({"remake": True}, "retracing", "make the function once"),
        ],
    )
    def test_wrong_answers(self, changed, pitfall, told):
        result = self.exercise.check(epoch_maker(**changed))
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message
        assert told in result.message

    def test_a_metric_never_reset(self):
        def forgetful(model, optimizer, loss_fn):
            mean = keras.metrics.Mean()

            @tf.function
            def epoch(dataset):
                for x, y in dataset:
                    with tf.GradientTape() as tape:
                        loss = loss_fn(y, model(x, training=True))
                    gradients = tape.gradient(loss, model.trainable_variables)
                    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
                    mean.update_state(loss, sample_weight=tf.shape(x)[0])
                return mean.result()

            return epoch

        assert self.exercise.check(forgetful).pitfall == "metric-not-reset"

    def test_no_training_at_all(self):
        def idle(model, optimizer, loss_fn):
            return tf.function(lambda dataset: tf.constant(0.5))

        result = self.exercise.check(idle)
        assert result.status == "incorrect"
        assert "weights" in result.message

    @pytest.mark.parametrize(
        "answer", [3, lambda m, o, f: 1.0, lambda m, o, f: lambda d: "x", lambda m: m]
    )
    def test_unusable_answers(self, answer):
        assert self.exercise.check(answer).status == "could not run"

    def test_the_stub_is_not_attempted(self):
        assert self.exercise.check(lambda m, o, f: None).status == "not attempted"
