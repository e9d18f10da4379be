"""Graders of lesson 08: the reference, other right answers, and each plausible wrong one."""

from utils import exercises
from utils.exercises import ported_loop, solutions

from types import MappingProxyType

import keras
import numpy as np
import pytest
import tensorflow as tf


def train(x, y, num_classes, loss_fn, epochs=40):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.layers.Input((x.shape[1],)),
            keras.layers.Dense(16, activation="relu"),
            keras.layers.Dense(num_classes),
        ]
    )
    optimizer = keras.optimizers.Adam(0.02)
    for _ in range(epochs):
        with tf.GradientTape() as tape:
            loss = loss_fn(y, model(x, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
    return model, loss_fn


def answer_a(loss_fn, epochs=40):
    return lambda x, y, num_classes, **_: train(x, y, num_classes, loss_fn, epochs)


def one_hot_loss(flatten, *, axis=-1, reduce=tf.reduce_mean):
    def loss_fn(y_true, scores):
        log_p = tf.nn.log_softmax(scores, axis=axis)
        return -reduce(tf.reduce_sum(tf.one_hot(flatten(y_true), 4) * log_p, axis=-1))

    return loss_fn


def flat(y):
    return tf.reshape(y, [-1])


def gather_loss(y_true, scores):
    log_p = tf.nn.log_softmax(scores)
    return -tf.reduce_mean(tf.gather(log_p, flat(y_true), axis=1, batch_dims=1))


def gather_everyone(y_true, scores):
    return -tf.reduce_mean(tf.gather(tf.nn.log_softmax(scores), flat(y_true), axis=1))


class TestA:
    exercise = exercises.get("08-a")

    def test_reference(self):
        scope = {"keras": keras, "tf": tf}
        exec(self.exercise.solution(), scope)
        assert self.exercise.check(scope["mended"]).correct

    @pytest.mark.parametrize(
        "loss_fn",
        [
            gather_loss,
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            one_hot_loss(lambda y: tf.squeeze(y) if len(y.shape) > 1 else y),
        ],
    )
    def test_other_right_answers(self, loss_fn):
        result = self.exercise.check(answer_a(loss_fn))
        assert result.correct, result.message

    @pytest.mark.parametrize(
        ("loss_fn", "pitfall"),
        [
            (one_hot_loss(lambda y: y), "broadcast-shapes"),
            (gather_everyone, "broadcast-shapes"),
            (one_hot_loss(flat, axis=0), "wrong-axis"),
            (one_hot_loss(flat, reduce=tf.reduce_sum), "summed-loss"),
            (
                lambda y, s: -tf.reduce_mean(tf.one_hot(flat(y), 4) * tf.nn.log_softmax(s)),
                None,
            ),
            (lambda y, s: 0.0 * tf.reduce_mean(s), None),
            (keras.losses.SparseCategoricalCrossentropy(), "logits-as-probabilities"),
        ],
    )
    def test_wrong_answers_are_told_their_pitfall(self, loss_fn, pitfall):
        result = self.exercise.check(answer_a(loss_fn, epochs=15))
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message

    def test_a_softmax_in_model_and_loss(self):
        def softmaxed(x, y, num_classes):
            model, _ = train(x, y, num_classes, gather_loss, epochs=1)
            loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            return (lambda v: tf.nn.softmax(model(v))), loss_fn

        result = self.exercise.check(softmaxed)
        assert (result.status, result.pitfall) == ("incorrect", "double-softmax"), result.message

    def test_an_untrained_model_is_not_enough(self):
        result = self.exercise.check(answer_a(gather_loss, epochs=0))
        assert result.status == "incorrect"
        assert "not learned" in result.message

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            (3, "function was expected"),
            (lambda x, y, num_classes: 0.1, "pair"),
            (lambda x, y, num_classes: (lambda v: np.zeros((len(v), 2)), gather_loss), "shape"),
            (answer_a(one_hot_loss(flat, reduce=lambda v: v), epochs=1), "one number"),
            (answer_a(one_hot_loss(lambda y: y[:, 0]), epochs=1), "labels of shape (N,)"),
            (lambda x: None, "TypeError"),
        ],
    )
    def test_unusable_answers(self, answer, told):
        result = self.exercise.check(answer)
        assert result.status == "could not run"
        assert told in result.message


def mean(matches):
    return tf.reduce_mean(tf.cast(matches, tf.float32))


def keras_accuracy(y, p):
    metric = keras.metrics.SparseCategoricalAccuracy()
    metric.update_state(y, p)
    return metric.result()


class TestB:
    exercise = exercises.get("08-b")

    def test_reference(self):
        scope = {"tf": tf, "np": np}
        exec("def accuracy(y_true, scores):\n" + solutions.code("08-b"), scope)
        assert self.exercise.check(scope["accuracy"]).correct

    @pytest.mark.parametrize(
        "accuracy",
        [
            keras_accuracy,
            lambda y, p: np.mean(np.argmax(p, axis=-1) == np.ravel(y)),
            lambda y, p: float(mean(np.argmax(p, axis=1) == np.reshape(y, (-1,)))),
        ],
    )
    def test_other_right_answers(self, accuracy):
        result = self.exercise.check(accuracy)
        assert result.correct, result.message

    @pytest.mark.parametrize(
        ("accuracy", "pitfall", "told"),
        [
            (
                lambda y, p: np.mean(np.argmax(p, axis=-1) == np.asarray(y)),
                "broadcast-shapes",
                "labels (B, 1)",
            ),
            (lambda y, p: np.argmax(p, axis=-1) == y[:, None], "broadcast-shapes", "(45, 45)"),
            (
                lambda y, p: mean(tf.argmax(p) == flat(tf.cast(y, tf.int64))),
                "wrong-axis",
                "you report 0.000",
            ),
            (
                lambda y, p: (
                    keras_accuracy(y, p)
                    if len(p) > 3
                    else np.mean(np.argmax(p, axis=0) == np.ravel(y))
                    if len(p) == 3
                    else 1
                ),
                "wrong-axis",
                "B = C",
            ),
            (
                lambda y, p: keras.ops.mean(
                    keras.metrics.categorical_accuracy(np.reshape(y, (-1, 1)), p)
                ),
                "sparse-labels-to-categorical",
                "share of predictions of class 0",
            ),
            (
                lambda y, p: np.mean(
                    [a == b for a, b in zip(np.argmax(p, -1), np.squeeze(y), strict=True)]
                ),
                "batch-mismatch",
                "a batch of one",
            ),
            (
                lambda y, p: mean(tf.equal(tf.argmax(p, -1), tf.reshape(y, [-1]))),
                "label-dtype",
                "int32",
            ),
            (lambda y, p: 0.5, None, "Print the shape"),
            (lambda y, p: 100 * keras_accuracy(y, p), None, "in per cent"),
        ],
    )
    def test_wrong_answers_are_told_their_pitfall(self, accuracy, pitfall, told):
        result = self.exercise.check(accuracy)
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message
        assert told in result.message

    @pytest.mark.parametrize(
        ("answer", "status"),
        [
            (0.9, "could not run"),
            (lambda y, p: "high", "could not run"),
            (lambda y, p: np.argmax(p, -1) == np.ravel(y), "could not run"),
            (lambda y, p: 1 / 0, "could not run"),
            (lambda y: 0.5, "could not run"),
            (lambda y, p: None, "not attempted"),
        ],
    )
    def test_unusable_answers(self, answer, status):
        assert self.exercise.check(answer).status == status

    def test_an_answer_cannot_move_its_own_goal(self):
        def zeroed(y, p):
            p = np.asarray(p)
            if p.flags.writeable:
                p[:] = 0
                p[:, 0] = 1
            return np.mean(np.ravel(y) == 0)

        assert self.exercise.check(zeroed).status == "incorrect"


class TestC:
    exercise = exercises.get("08-c")
    right = MappingProxyType(
        {
            "A": "wrong-accuracy-metric",
            "B": "class-ids-as-scores",
            "C": "right",
            "D": "broadcast-shapes",
        }
    )

    def test_reference(self):
        scope = {"np": np, "case": self.exercise.material()}
        exec(self.exercise.solution(), scope)
        assert self.exercise.check(scope["answer"]).correct

    def test_other_right_answers(self):
        assert self.exercise.check(dict(self.right)).correct
        shouted = {k.lower(): f" {v.upper()} " for k, v in self.right.items()}
        assert self.exercise.check(shouted).correct

    @pytest.mark.parametrize(
        ("one", "other"), [("A", "C"), ("B", "D"), ("A", "B"), ("C", "D"), ("B", "C")]
    )
    def test_two_exchanged(self, one, other):
        answer = dict(self.right) | {one: self.right[other], other: self.right[one]}
        result = self.exercise.check(answer)
        assert result.status == "incorrect"
        assert "2 of 4" in result.message
        first = min(one, other)
        assert result.pitfall == (None if self.right[first] == "right" else self.right[first])

    @pytest.mark.parametrize(
        "answer", ["A", 3, {}, {"A": "right"}, dict.fromkeys("ABCD", "wrong"), ["A", "B"]]
    )
    def test_unusable_answers(self, answer):
        assert self.exercise.check(answer).status == "could not run"

    def test_the_four_figures_are_what_keras_reports(self):
        case = self.exercise.material()
        y, p, told = case["y_true"], case["probabilities"], case["reported"]
        ids = p.argmax(axis=-1)[:, None]
        assert np.isclose(told["B"], keras_accuracy(y[:, None], ids))
        assert np.isclose(told["C"], keras_accuracy(y, p))
        binary = keras.metrics.binary_accuracy(np.eye(5)[y], p)
        assert np.isclose(told["A"], np.mean(binary))
        by_hand = mean(tf.argmax(p, -1) == tf.constant(y[:, None]))
        assert np.isclose(told["D"], by_hand)

    def test_the_four_figures_are_far_apart(self):
        values = sorted(self.exercise.material()["reported"].values())
        assert np.diff(values).min() > 0.05
        assert "_answer" not in self.exercise.material()


def reports(
    *,
    loss=lambda y, p: keras.losses.CategoricalCrossentropy()(y, p),
    update=lambda metric, y, p: metric.update_state(tf.argmax(y, axis=-1), p),
    metric=keras.metrics.SparseCategoricalAccuracy,
    train_on=None,
    compiled=False,
):
    """Return an answer to 08-d that calls its loss and its metric as told."""

    def in_order(model, optimizer, x, one_hot, epochs):
        seen, history = metric(), []
        optimizer.build(model.trainable_variables)

        def step():
            with tf.GradientTape() as tape:
                p = model(x, training=True)
                value = loss(one_hot, p)
                trained = (train_on or loss)(one_hot, p)
            gradients = tape.gradient(trained, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
            return value, p

        step = tf.function(step) if compiled else step
        for _ in range(epochs):
            seen.reset_state()
            value, p = step()
            update(seen, one_hot, p)
            history.append((float(value), float(seen.result())))
        return history

    return in_order


def swapped_loss(y, p):
    return keras.losses.CategoricalCrossentropy()(p, y)


def swapped_update(metric, y, p):
    metric.update_state(p, tf.argmax(y, axis=-1))


class TestD:
    exercise = exercises.get("08-d")

    def test_reference(self):
        scope = {"keras": keras, "tf": tf}
        exec(self.exercise.solution(), scope)
        result = self.exercise.check(scope["in_order"])
        assert result.correct, result.message

    @pytest.mark.parametrize(
        "answer",
        [
            reports(compiled=True),
            reports(loss=lambda y, p: keras.losses.CategoricalCrossentropy()(y_pred=p, y_true=y)),
            reports(
                metric=keras.metrics.CategoricalAccuracy,
                update=lambda m, y, p: m.update_state(y, p),
            ),
            reports(
                loss=lambda y, p: tf.reduce_mean(
                    keras.losses.sparse_categorical_crossentropy(tf.argmax(y, axis=-1), p)
                )
            ),
        ],
    )
    def test_other_right_answers(self, answer):
        result = self.exercise.check(answer)
        assert result.correct, result.message

    @pytest.mark.parametrize(
        ("answer", "pitfall", "told"),
        [
            (
                reports(loss=swapped_loss, update=swapped_update),
                "swapped-arguments",
                "The loss still takes the predictions for labels",
            ),
            (
                reports(loss=swapped_loss),
                "swapped-arguments",
                "The accuracy is right now, but the loss still",
            ),
            (reports(update=swapped_update), "swapped-arguments", "The metric still cuts"),
            (reports(train_on=swapped_loss), None, "is the gradient taken from that same loss"),
            (
                reports(
                    loss=lambda y, p: keras.losses.CategoricalCrossentropy(from_logits=True)(
                        y, tf.identity(p)
                    )
                ),
                None,
                "The losses should be",
            ),
            (
                reports(update=lambda m, y, p: m.update_state(tf.argmax(y, axis=-1), -p)),
                None,
                "The accuracies should be",
            ),
            (lambda m, o, x, y, epochs: [(0.1, 0.9)] * epochs, None, "The losses should be"),
        ],
    )
    def test_wrong_answers_are_told_their_pitfall(self, answer, pitfall, told):
        result = self.exercise.check(answer)
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message
        assert told in result.message

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            (0.1, "function was expected"),
            (lambda m, o, x, y, epochs: 0.1, "pairs (loss, accuracy)"),
            (lambda m, o, x, y, epochs: [(0.1, 0.9)], "one for each epoch"),
            (lambda m, o, x, y, epochs: [("a", "b")] * epochs, "pairs (loss, accuracy)"),
            (reports(update=lambda m, y, p: m.update_state(y, p)), "Your answer raised"),
            (lambda x: None, "TypeError"),
        ],
    )
    def test_unusable_answers(self, answer, told):
        result = self.exercise.check(answer)
        assert result.status == "could not run"
        assert told in result.message

    def test_the_swapped_loss_is_linear_in_the_probability_of_the_true_class(self):
        p = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]], np.float32)
        one_hot = np.eye(3, dtype=np.float32)[[0, 1]]
        expected = ported_loop.LARGEST * (1 - np.array([0.7, 0.3]))
        loss = keras.losses.CategoricalCrossentropy(reduction="none")(p, one_hot)
        np.testing.assert_allclose(loss, expected, rtol=1e-5)

    def test_the_swapped_loss_falls(self):
        seen = ported_loop.reports(swapped=True)
        assert (np.diff(seen.loss) < 0).all()
        assert seen.accuracy[-1] > 0.5

    def test_the_swapped_accuracy_asks_only_where_the_highest_label_stands(self):
        p = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]], np.float32)
        assert keras_accuracy(p, np.array([2, 0])) == 1
        assert keras_accuracy(p, np.array([0, 2])) == 0
        assert (ported_loop.reports(swapped=False).swapped_accuracy == 1).all()
