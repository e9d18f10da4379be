"""Graders of lesson 19: the reference, other right answers, and each plausible wrong one.

Exercise a needs a strategy over two devices. A process can have one only, and only
if it starts with it; so this file runs itself as a script and reads its answers.
"""

from utils import exercises

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

CASES = {
    "scaled by hand": {"loss": "sum / global", "penalty": "half"},
    "keras object": {"loss": "keras", "penalty": "scaled"},
    "sick": {"loss": "mean", "penalty": "whole", "op": "MEAN"},
    "mean only": {"loss": "mean", "penalty": "scaled"},
    "divided twice": {"loss": "keras / 2", "penalty": "scaled"},
    "summed": {"loss": "sum", "penalty": "scaled"},
    "penalty whole": {"loss": "average", "penalty": "whole"},
    "penalty missing": {"loss": "average", "penalty": "none"},
    "mean in the log": {"loss": "average", "penalty": "scaled", "op": "MEAN"},
    "on one device": {"loss": "average", "penalty": "scaled", "alone": True},
    "untrained": {"loss": "average", "penalty": "scaled", "step": False},
}


def build(strategy, case):
    """Return an answer to exercise a."""
    import keras
    import tensorflow as tf

    scce = keras.losses.SparseCategoricalCrossentropy
    default, per_example = scce(from_logits=True), scce(from_logits=True, reduction="none")
    if case.get("alone"):
        strategy = tf.distribute.get_strategy()
    op = getattr(tf.distribute.ReduceOp, case.get("op", "SUM"))

    def mended(x, y, epochs, global_batch, l2, rate):
        losses_of = {
            "sum / global": lambda y, p: tf.reduce_sum(per_example(y, p)) / global_batch,
            "keras": lambda y, p: default(y, p),
            "keras / 2": lambda y, p: default(y, p) / 2,
            "mean": lambda y, p: tf.reduce_mean(per_example(y, p)),
            "sum": lambda y, p: tf.reduce_sum(per_example(y, p)),
            "average": lambda y, p: tf.nn.compute_average_loss(
                per_example(y, p), global_batch_size=global_batch
            ),
        }
        penalties = {
            "half": lambda v: v / 2,
            "scaled": tf.nn.scale_regularization_loss,
            "whole": lambda v: v,
            "none": lambda v: 0.0 * v,
        }
        with strategy.scope():
            dense = keras.layers.Dense(
                3, kernel_initializer="zeros", kernel_regularizer=keras.regularizers.L2(l2)
            )
            model = keras.Sequential([keras.layers.Input(x.shape[1:]), dense])
            optimizer = keras.optimizers.SGD(rate)
        batches = tf.data.Dataset.from_tensor_slices((x, y)).batch(global_batch)
        batches = strategy.experimental_distribute_dataset(batches)

        def replica_step(x, y):
            with tf.GradientTape() as tape:
                loss = losses_of[case["loss"]](y, model(x, training=True))
                loss += penalties[case["penalty"]](tf.add_n(model.losses))
            gradients = tape.gradient(loss, model.trainable_variables)
            if case.get("step", True):
                optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
            return loss

        @tf.function
        def step(x, y):
            return strategy.reduce(op, strategy.run(replica_step, args=(x, y)), axis=None)

        return model, [np.mean([step(*b) for b in batches]) for _ in range(epochs)]

    return mended


def main():
    import keras
    import tensorflow as tf

    tf.get_logger().setLevel("ERROR")
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    exercise = exercises.get("19-a")
    per_example = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")
    scope = {"keras": keras, "np": np, "tf": tf, "strategy": strategy, "per_example": per_example}
    exec(exercise.solution(), scope)
    answers = {"reference": scope["mended"]}
    answers |= {name: build(strategy, case) for name, case in CASES.items()}
    results = {name: exercise.check(answer) for name, answer in answers.items()}
    print(json.dumps({n: (r.status, r.pitfall, r.message) for n, r in results.items()}))


@functools.cache
def told() -> dict:
    """Return the grader's results by case, from a process of its own."""
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, __file__],
        cwd=root,
        env=os.environ | {"PYTHONPATH": os.fspath(root)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


class TestA:
    exercise = exercises.get("19-a")

    @pytest.mark.parametrize("name", ["reference", "scaled by hand", "keras object"])
    def test_right_answers(self, name):
        status, _, message = told()[name]
        assert status == "correct", message

    @pytest.mark.parametrize(
        ("name", "pitfall", "text"),
        [
            ("sick", "replica-loss-scale", "twice too large"),
            ("mean only", "replica-loss-scale", "twice too large"),
            ("divided twice", "replica-loss-scale", "half of what it should be"),
            ("summed", "replica-loss-scale", "not divided"),
            ("penalty whole", "replica-regularisation", "once per replica"),
            ("penalty missing", "missing-regularisation", "missing"),
            ("mean in the log", "replica-loss-scale", "ReduceOp.SUM"),
            ("on one device", None, "one device only"),
            ("untrained", None, "nothing was trained"),
        ],
    )
    def test_wrong_answers_are_told_their_pitfall(self, name, pitfall, text):
        status, found, message = told()[name]
        assert (status, found) == ("incorrect", pitfall), message
        assert text in message

    @pytest.mark.parametrize(
        "answer",
        [
            3,
            lambda *a, **k: 0.5,
            lambda *a, **k: ("model", [1, 2, 3]),
            lambda *a, **k: (Fake(), [1, 2]),
            lambda *a, **k: (Fake(), 1.0),
        ],
    )
    def test_unusable_answers(self, answer):
        assert self.exercise.check(answer).status == "could not run"

    def test_the_stub(self):
        assert self.exercise.check(None).status == "not attempted"


class Fake:
    """Something with weights of the right shape."""

    def get_weights(self):
        return [np.zeros((13, 3)), np.zeros(3)]


def share(loss, penalty):
    return lambda losses, p, batch, replicas: loss(losses, batch, replicas) + penalty(p, replicas)


def total(losses):
    return np.sum(losses)


def mean(losses):
    return np.mean(losses) if len(losses) else 0.0


class TestB:
    exercise = exercises.get("19-b")

    def test_reference(self):
        import tensorflow as tf

        scope = {"tf": tf}
        head = "def replica_loss(per_example, penalty, global_batch_size, replicas):\n"
        exec(head + self.exercise.solution(), scope)
        result = self.exercise.check(scope["replica_loss"])
        assert result.correct, result.message

    def test_other_right_answers(self):
        import tensorflow as tf

        def by_average_loss(losses, penalty, batch, replicas):
            return tf.nn.compute_average_loss(losses, global_batch_size=batch) + penalty / replicas

        assert self.exercise.check(by_average_loss).correct
        assert self.exercise.check(share(lambda v, b, r: total(v) / b, lambda p, r: p / r)).correct

    @pytest.mark.parametrize(
        ("answer", "pitfall", "text"),
        [
            (share(lambda v, b, r: mean(v), lambda p, r: p / r), "replica-loss-scale", "own share"),
            (
                share(lambda v, b, r: mean(v), lambda p, r: p),
                "replica-loss-scale",
                "penalty counts",
            ),
            (
                share(lambda v, b, r: total(v) / b / r, lambda p, r: p / r),
                "replica-loss-scale",
                "divided by the replicas as well",
            ),
            (share(lambda v, b, r: total(v), lambda p, r: p / r), "replica-loss-scale", "at all"),
            (
                share(lambda v, b, r: total(v) / b, lambda p, r: p),
                "replica-regularisation",
                "once per replica",
            ),
            (
                share(lambda v, b, r: total(v) / b, lambda p, r: 0.0),
                "missing-regularisation",
                "missing",
            ),
            (
                share(lambda v, b, r: mean(v) / r, lambda p, r: p / r),
                "replica-loss-scale",
                "Each example should",
            ),
            (
                share(lambda v, b, r: total(v) / len(v), lambda p, r: p / r),
                "replica-loss-scale",
                "own share",
            ),
        ],
    )
    def test_wrong_answers(self, answer, pitfall, text):
        result = self.exercise.check(answer)
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message
        assert text in result.message

    def test_right_but_for_an_empty_share(self):
        def answer(losses, penalty, batch, replicas):
            return np.mean(losses) * len(losses) / batch + penalty / replicas

        with np.errstate(invalid="ignore"), pytest.warns(RuntimeWarning):
            result = self.exercise.check(answer)
        assert result.status == "incorrect"
        assert "empty share" in result.message

    @pytest.mark.parametrize("answer", [1, lambda *a: np.ones(3), lambda x: x])
    def test_unusable_answers(self, answer):
        assert self.exercise.check(answer).status == "could not run"


RIGHT_C = {"right": "D", "mean of each share": "B", "divided twice": "A", "whole penalty": "C"}


class TestC:
    exercise = exercises.get("19-c")

    def test_reference(self):
        scope = {}
        exec(self.exercise.solution(), scope)
        assert self.exercise.check(scope["answer"]).correct

    @pytest.mark.parametrize(
        "answer", [RIGHT_C, {k.upper(): f" {v.lower()} " for k, v in RIGHT_C.items()}]
    )
    def test_other_right_answers(self, answer):
        assert self.exercise.check(answer).correct

    @pytest.mark.parametrize(
        ("a", "b", "pitfall"),
        [
            ("right", "whole penalty", None),
            ("mean of each share", "divided twice", "replica-loss-scale"),
            ("divided twice", "whole penalty", "replica-loss-scale"),
        ],
    )
    def test_two_swapped(self, a, b, pitfall):
        result = self.exercise.check(RIGHT_C | {a: RIGHT_C[b], b: RIGHT_C[a]})
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message

    @pytest.mark.parametrize(
        "answer", ["D", ["D", "B"], {"right": "D"}, RIGHT_C | {"right": "E"}, {1: "A"}]
    )
    def test_unusable_answers(self, answer):
        assert self.exercise.check(answer).status == "could not run"

    def test_the_logs_can_be_told_apart(self):
        run = self.exercise.material()
        firsts = [run[name][0] / np.log(10) for name in "ABCD"]
        np.testing.assert_allclose(firsts, [0.25, 4, 1, 1], atol=1e-6)
        assert run["norms"]["D"] > 1.2 * run["norms"]["C"]


if __name__ == "__main__":
    main()
