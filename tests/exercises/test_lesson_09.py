"""Graders of lesson 09: the reference, other right answers, and each plausible wrong one."""

from utils import exercises
from utils.exercises import lesson_09, solutions

import keras
import numpy as np
import pytest
import tensorflow as tf

SCA = keras.metrics.SparseCategoricalAccuracy
per_example = keras.metrics.sparse_categorical_accuracy


def loop(before_epoch, in_step, before_val, in_val, report, after_update=False):
    """Return an answer to 09-a that differs only in how it measures."""

    def mended(model, optimizer, train_batches, val_batches, epochs):
        loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        history = []
        for _ in range(epochs):
            before_epoch()
            for x, y in train_batches:
                with tf.GradientTape() as tape:
                    p = model(x, training=True)
                    loss = loss_fn(y, p)
                gradients = tape.gradient(loss, model.trainable_variables)
                optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
                in_step(y, p)
            if after_update:
                before_epoch()
                for x, y in train_batches:
                    in_step(y, model(x))
            before_val()
            for x, y in val_batches:
                in_val(y, model(x, training=False))
            history.append(report())
        return history

    return mended


def metrics(kind):
    """Return a fresh answer of one kind; the metrics live as long as the answer."""
    a, b = SCA(), SCA()
    box = {"train": [], "val": [], "result": 0.0}

    def reset_both():
        a.reset_state()
        b.reset_state()
        box["train"].clear()
        box["val"].clear()

    def nothing():
        pass

    def keep():
        box["result"] = float(a.result())
        a.reset_state()

    def append(which, value):
        box[which].append(float(value))

    def mean(which):
        return float(np.mean(box[which]))

    two = {
        "before_epoch": reset_both,
        "in_step": a.update_state,
        "before_val": nothing,
        "in_val": b.update_state,
        "report": lambda: (float(a.result()), float(b.result())),
    }
    one = dict(two, in_val=a.update_state)
    by_batch = dict(
        two,
        in_step=lambda y, p: append("train", tf.reduce_mean(per_example(y, p))),
        in_val=lambda y, p: append("val", tf.reduce_mean(per_example(y, p))),
    )
    kinds = {
        "two metrics": two,
        "one metric, reset between": dict(
            one, before_val=keep, report=lambda: (box["result"], float(a.result()))
        ),
        "lists of examples": dict(
            two,
            in_step=lambda y, p: box["train"].extend(per_example(y, p).numpy()),
            in_val=lambda y, p: box["val"].extend(per_example(y, p).numpy()),
            report=lambda: (mean("train"), mean("val")),
        ),
        "never reset": dict(two, before_epoch=nothing),
        "never reset in validation": dict(two, before_epoch=a.reset_state),
        "shared, never reset": dict(
            one, before_epoch=nothing, report=lambda: (float(a.result()), float(a.result()))
        ),
        "shared, reset each epoch": dict(
            one,
            before_epoch=a.reset_state,
            before_val=lambda: box.update(result=float(a.result())),
            report=lambda: (box["result"], float(a.result())),
        ),
        "last batch": dict(by_batch, report=lambda: (box["train"][-1], box["val"][-1])),
        "mean of batch means": dict(by_batch, report=lambda: (mean("train"), mean("val"))),
        "mean of running values": dict(
            two,
            in_step=lambda y, p: append("train", a(y, p)),
            report=lambda: (mean("train"), float(b.result())),
        ),
        "running values, never reset": dict(
            two,
            before_epoch=box["train"].clear,
            in_step=lambda y, p: append("train", a(y, p)),
            report=lambda: (mean("train"), 0.5),
        ),
        "second pass": dict(two, after_update=True),
        "sick": dict(
            one,
            before_epoch=box["train"].clear,
            in_step=lambda y, p: append("train", a(y, p)),
            report=lambda: (mean("train"), float(a.result())),
        ),
        "wrong altogether": dict(two, report=lambda: (0.123, 0.456)),
        "a number": dict(two, report=lambda: 0.5),
    }
    return loop(**kinds[kind])


class TestA:
    exercise = exercises.get("09-a")

    def test_reference(self):
        scope = {"keras": keras, "tf": tf}
        exec(self.exercise.solution(), scope)
        assert self.exercise.check(scope["mended"]).correct

    @pytest.mark.parametrize(
        "kind", ["two metrics", "one metric, reset between", "lists of examples"]
    )
    def test_right_answers(self, kind):
        result = self.exercise.check(metrics(kind))
        assert result.correct, result.message

    @pytest.mark.parametrize(
        ("kind", "pitfall", "told"),
        [
            ("never reset", "metric-not-reset", "training column"),
            ("never reset in validation", "metric-not-reset", "validation column"),
            ("shared, never reset", "metric-not-reset", "One metric gathers"),
            ("shared, reset each epoch", "metric-not-reset", "still mixed"),
            ("last batch", "last-batch-metric", "last batch alone"),
            ("mean of batch means", "ragged-batch", "smaller"),
            ("mean of running values", "running-value", "average so far"),
            ("running values, never reset", "running-value", "run on"),
            ("sick", "running-value", "run on"),
            ("second pass", None, "measured once more"),
            ("wrong altogether", None, "by hand"),
        ],
    )
    def test_wrong_answers_are_told_their_pitfall(self, kind, pitfall, told):
        result = self.exercise.check(metrics(kind))
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message
        assert told in result.message

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            ([(0.5, 0.5)], "function was expected"),
            (metrics("a number"), "one pair"),
            (lambda *_: [(0.5, 0.5)], "one pair"),
            (lambda *_: "good", "one pair"),
            (lambda *_: {"training": [1, 2, 3]}, "one pair"),
            (lambda model: [], "TypeError"),
        ],
    )
    def test_unusable_answers(self, answer, told):
        result = self.exercise.check(answer)
        assert result.status == "could not run", result.message
        assert told in result.message

    def test_no_two_faults_look_the_same(self):
        truth, faults = lesson_09._signatures()
        for column, name in enumerate(("training", "validation")):
            for (pitfall, _), signature in faults[name]:
                assert not np.allclose(signature, truth[:, column], atol=lesson_09.NEAR), pitfall
                for (other, _), another in faults[name]:
                    if other != pitfall:
                        assert not np.allclose(signature, another, atol=lesson_09.NEAR)


RIGHT = {"honest": "C", "never reset": "A", "shared": "D", "last batch": "B"}


class TestB:
    exercise = exercises.get("09-b")

    def test_reference(self):
        scope = {"np": np}
        exec(self.exercise.solution(), scope)
        assert self.exercise.check(scope["answer"]).correct

    def test_other_right_answers(self):
        shouted = {k.upper(): f" {v.lower()} " for k, v in RIGHT.items()}
        assert self.exercise.check(shouted).correct
        assert self.exercise.check(dict(reversed(RIGHT.items()))).correct

    @pytest.mark.parametrize(
        ("swap", "pitfall"),
        [
            (("honest", "shared"), None),
            (("never reset", "last batch"), "metric-not-reset"),
            (("shared", "last batch"), "metric-not-reset"),
        ],
    )
    def test_wrong_answers(self, swap, pitfall):
        a, b = swap
        answer = dict(RIGHT, **{a: RIGHT[b], b: RIGHT[a]})
        result = self.exercise.check(answer)
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message
        assert f"“{a}” is not" in result.message

    def test_the_last_batch_named_wrongly(self):
        result = self.exercise.check(dict(RIGHT, **{"last batch": "A"}))
        assert (result.status, result.pitfall) == ("incorrect", "last-batch-metric")

    @pytest.mark.parametrize(
        "answer",
        ["C", ["C", "A", "D", "B"], {"honest": "C"}, dict(RIGHT, honest="E"), {1: "A"}, 3.0],
    )
    def test_unusable_answers(self, answer):
        assert self.exercise.check(answer).status == "could not run"

    def test_the_four_reports_can_be_told_apart(self):
        run = self.exercise.material()
        assert np.array_equal(run["C"], run["validation"])
        assert np.allclose(run["B"] * 10, np.round(run["B"] * 10))
        for letter in "ABD":
            assert np.abs(run[letter] - run["validation"]).max() > 0.02
        for letter in "ACD":
            assert not np.allclose(run[letter] * 10, np.round(run[letter] * 10), atol=0.01)


class TestC:
    exercise = exercises.get("09-c")

    def test_reference(self):
        scope = {"np": np}
        exec("def true_accuracies(reported):\n" + solutions.code("09-c"), scope)
        assert self.exercise.check(scope["true_accuracies"]).correct

    def test_other_right_answers(self):
        def by_loop(reported):
            held, true = 0.0, []
            for k, value in enumerate(reported, start=1):
                true.append(k * value - held)
                held = k * value
            return true

        assert self.exercise.check(by_loop).correct
        assert self.exercise.check(lambda r: tuple(np.float32(v) for v in by_loop(r))).correct

    @pytest.mark.parametrize(
        ("answer", "pitfall", "told"),
        [
            (lambda r: r, "metric-not-reset", "themselves"),
            (lambda r: np.diff(r, prepend=0.0), None, "differences of means"),
            (lambda r: np.arange(1, len(r) + 1) * np.array(r), None, "sums so far"),
            (
                lambda r: np.cumsum(r) / np.arange(1, len(r) + 1),
                "metric-not-reset",
                "averages once more",
            ),
            (lambda r: np.zeros(len(r)), None, "How many right answers"),
        ],
    )
    def test_wrong_answers(self, answer, pitfall, told):
        result = self.exercise.check(answer)
        assert (result.status, result.pitfall) == ("incorrect", pitfall)
        assert told in result.message

    @pytest.mark.parametrize(
        "answer",
        [0.9, lambda r: 0.9, lambda r: r[:-1], lambda r: "abc", lambda r: [float("nan")] * 5],
    )
    def test_unusable_answers(self, answer):
        assert self.exercise.check(answer).status == "could not run"

    def test_the_stub_is_not_attempted(self):
        assert self.exercise.check(lambda r: None).status == "not attempted"
