"""Graders of lesson 18: the reference, other right answers, and each plausible wrong one."""

from utils import data, exercises
from utils.exercises import lesson_18

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.lessons.cells import run_cells

FUNCTIONAL = keras.losses.sparse_categorical_crossentropy
OBJECT = keras.losses.SparseCategoricalCrossentropy


def mask_of(x):
    return tf.cast(tf.reduce_any(x != 0, axis=-1), tf.float32)


def by_hand(y, p, mask):
    losses = FUNCTIONAL(y, p, from_logits=True)
    return tf.reduce_sum(losses * mask) / tf.reduce_sum(mask)


def by_ignore_class(y, p, mask):
    return OBJECT(from_logits=True, ignore_class=-1)(tf.where(mask > 0, y, -1), p)


def by_weighted_mean(y, p, mask):
    loss_fn = OBJECT(from_logits=True, reduction="mean_with_sample_weight")
    return loss_fn(y, p, sample_weight=mask)


def by_boolean_mask(y, p, mask):
    real = mask > 0
    labels, scores = tf.boolean_mask(y, real), tf.boolean_mask(p, real)
    return tf.reduce_mean(FUNCTIONAL(labels, scores, from_logits=True))


def over_all(y, p, mask):
    return OBJECT(from_logits=True)(y, p)


def zeros_averaged_in(y, p, mask):
    return OBJECT(from_logits=True)(y, p, sample_weight=mask)


def summed(y, p, mask):
    return OBJECT(from_logits=True, reduction="sum")(y, p, sample_weight=mask)


def loop(
    loss_of=by_hand,
    logged_loss=None,
    count=lambda x, mask: tf.reduce_sum(mask),
    weigh=True,
    reset=True,
    step=True,
):
    """Return an answer to exercise a, right unless told otherwise."""

    def mended(model, optimizer, batches, epochs):
        mean_loss, accuracy = keras.metrics.Mean(), keras.metrics.SparseCategoricalAccuracy()
        history = []
        for _ in range(epochs):
            if reset:
                mean_loss.reset_state()
                accuracy.reset_state()
            for x, y in batches:
                mask = mask_of(x)
                with tf.GradientTape() as tape:
                    p = model(x, training=True)
                    loss = loss_of(y, p, mask)
                gradients = tape.gradient(loss, model.trainable_variables)
                if step:
                    optimizer.apply_gradients(
                        zip(gradients, model.trainable_variables, strict=True)
                    )
                log = loss if logged_loss is None else logged_loss(y, p, mask)
                mean_loss.update_state(log, sample_weight=count(x, mask))
                accuracy.update_state(y, p, sample_weight=mask if weigh else None)
            history.append((float(mean_loss.result()), float(accuracy.result())))
        return history

    return mended


class TestA:
    exercise = exercises.get("18-a")

    def test_reference(self):
        scope = {"keras": keras, "tf": tf}
        exec(self.exercise.solution(), scope)
        result = self.exercise.check(scope["mended"])
        assert result.correct, result.message

    @pytest.mark.parametrize("loss_of", [by_ignore_class, by_weighted_mean, by_boolean_mask])
    def test_other_right_answers(self, loss_of):
        result = self.exercise.check(loop(loss_of))
        assert result.correct, result.message

    @pytest.mark.parametrize(
        ("settings", "pitfall", "told"),
        [
            ({"loss_of": over_all}, "padding-counted", "padding included"),
            ({"loss_of": over_all, "count": lambda x, m: len(x)}, "padding-counted", "included"),
            ({"loss_of": zeros_averaged_in}, "padding-counted", "zeros are averaged in"),
            (
                {"loss_of": zeros_averaged_in, "count": lambda x, m: None},
                "padding-counted",
                "zeros are averaged in",
            ),
            ({"loss_of": summed, "count": lambda x, m: None}, "summed-loss", "sum"),
            ({"count": lambda x, m: None}, "ragged-batch", "mean of batch means"),
            ({"count": lambda x, m: len(x)}, "ragged-batch", "mean of batch means"),
            ({"weigh": False}, "padding-counted", "accuracy of epoch 1"),
            (
                {"loss_of": zeros_averaged_in, "logged_loss": by_hand},
                "padding-counted",
                "ten more empty boxes",
            ),
            ({"step": False}, None, "weights do not change"),
        ],
    )
    def test_wrong_answers_are_told_their_pitfall(self, settings, pitfall, told):
        result = self.exercise.check(loop(**settings))
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message
        assert told in result.message

    def test_the_sick_loop_itself(self):
        sick = loop(zeros_averaged_in, count=lambda x, m: None, weigh=False)
        assert self.exercise.check(sick).pitfall == "padding-counted"

    def test_rowwise_accuracy_counts_padding_as_wrong(self):
        def answer(model, optimizer, batches, epochs):
            losses = loop()(model, optimizer, batches, epochs)
            hits, size = 0.0, 0
            for x, y in batches:
                right = tf.cast(tf.argmax(model(x), axis=-1) == y, tf.float32) * mask_of(x)
                hits, size = hits + float(tf.reduce_sum(right)), size + int(tf.size(y))
            return [(loss, hits / size) for loss, _ in losses]

        result = self.exercise.check(answer)
        assert result.pitfall == "padding-counted"
        assert "Padding counts as wrong" in result.message

    @pytest.mark.parametrize(
        "answer", [3, lambda *a: 0.5, lambda *a: [(1.0, 2.0)], lambda *a: [("a", "b")] * 2]
    )
    def test_unusable_answers(self, answer):
        assert self.exercise.check(answer).status == "could not run"

    def test_the_stub(self):
        assert self.exercise.check(None).status == "not attempted"


class TestB:
    exercise = exercises.get("18-b")

    def test_reference(self):
        scope = {"tf": tf}
        exec("def void_loss(y_true, logits):\n" + self.exercise.solution(), scope)
        result = self.exercise.check(scope["void_loss"])
        assert result.correct, result.message

    def test_other_right_answers(self):
        ignoring = OBJECT(from_logits=True, ignore_class=-1)

        def chosen(y, p):
            real = y != -1
            labels, scores = tf.boolean_mask(y, real), tf.boolean_mask(p, real)
            losses = FUNCTIONAL(labels, scores, from_logits=True)
            return tf.math.divide_no_nan(
                tf.reduce_sum(losses), tf.cast(tf.size(losses), tf.float32)
            )

        assert self.exercise.check(lambda y, p: ignoring(y, p)).correct
        assert self.exercise.check(chosen).correct

    @pytest.mark.parametrize(
        ("answer", "pitfall", "told"),
        [
            (
                lambda y, p: tf.reduce_mean(FUNCTIONAL(y, p, from_logits=True, ignore_class=-1)),
                "padding-counted",
                "zeros are averaged in",
            ),
            (
                lambda y, p: OBJECT(from_logits=True)(tf.maximum(y, 0), p),
                "padding-counted",
                "counted as class 0",
            ),
            (
                lambda y, p: OBJECT(from_logits=True, ignore_class=0)(tf.maximum(y, 0), p),
                None,
                "Class 0 is a class",
            ),
            (
                lambda y, p: tf.reduce_sum(FUNCTIONAL(y, p, from_logits=True, ignore_class=-1)),
                "summed-loss",
                "sum",
            ),
            (
                lambda y, p: by_hand(tf.maximum(y, 0), p, tf.cast(y != -1, tf.float32)),
                None,
                "guard the denominator",
            ),
            (
                lambda y, p: tf.constant(OBJECT(from_logits=True, ignore_class=-1)(y, p).numpy()),
                "gradients-none",
                "no gradient",
            ),
        ],
    )
    def test_wrong_answers(self, answer, pitfall, told):
        result = self.exercise.check(answer)
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message
        assert told in result.message

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            (2, "function was expected"),
            (lambda y, p: FUNCTIONAL(y, p, from_logits=True, ignore_class=-1), "one number"),
            (lambda y, p: OBJECT(from_logits=True)(y, p), "InvalidArgumentError"),
        ],
    )
    def test_unusable_answers(self, answer, told):
        result = self.exercise.check(answer)
        assert result.status == "could not run"
        assert told in result.message

    def test_the_stub(self):
        assert self.exercise.check(lambda y, p: None).status == "not attempted"


def slices(x, y):
    return tf.data.Dataset.from_tensor_slices((x, y))


def permuted(x, y, batch_size):
    order = np.random.default_rng(0).permutation(len(x))
    return slices(x[order], y[order]).batch(batch_size)


def apart(x, y, batch_size):
    parts = (tf.data.Dataset.from_tensor_slices(a).shuffle(len(a)) for a in (x, y))
    return tf.data.Dataset.zip(tuple(parts)).batch(batch_size)


class TestC:
    exercise = exercises.get("18-c")

    def test_reference(self):
        scope = {"tf": tf}
        exec("def make_batches(x, y, batch_size):\n" + self.exercise.solution(), scope)
        result = self.exercise.check(scope["make_batches"])
        assert result.correct, result.message

    @pytest.mark.parametrize(
        "answer",
        [permuted, lambda x, y, b: slices(x, y).shuffle(5000, seed=1).batch(b).prefetch(1)],
    )
    def test_other_right_answers(self, answer):
        assert self.exercise.check(answer).correct

    @pytest.mark.parametrize(
        ("answer", "pitfall", "told"),
        [
            (lambda x, y, b: slices(x, y).batch(b), "unshuffled-labels", "1."),
            (lambda x, y, b: slices(x, y).shuffle(b).batch(b), "unshuffled-labels", "window"),
            (lambda x, y, b: slices(x, y).shuffle(3 * b).batch(b), "unshuffled-labels", "window"),
            (
                lambda x, y, b: slices(x, y).batch(b).shuffle(len(x)),
                None,
                "should hold",
            ),
            (apart, "misaligned-labels", "together"),
            (
                lambda x, y, b: slices(x, y).shuffle(len(x)).batch(b, drop_remainder=True),
                None,
                "should come once",
            ),
            (
                lambda x, y, b: slices(x, y).shuffle(len(x)).repeat(2).batch(b),
                None,
                "should come once",
            ),
        ],
    )
    def test_wrong_answers(self, answer, pitfall, told):
        result = self.exercise.check(answer)
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message
        assert told in result.message

    @pytest.mark.parametrize(
        "answer", [1, lambda x, y, b: 4, lambda x, y, b: slices(x, y), lambda x, y, b: []]
    )
    def test_unusable_answers(self, answer):
        assert self.exercise.check(answer).status == "could not run"


class TestD:
    exercise = exercises.get("18-d")

    def test_reference(self):
        scope = {"ways": {}, "data": None, "masking_model": None}
        exec(self.exercise.solution(), scope)
        result = self.exercise.check(scope["answer"])
        assert result.correct, result.message
        assert all(f"{letter}: " in result.message for letter in "ABCDEF")

    @pytest.mark.parametrize("answer", ["bcf", "B, C, F", ["F", "C", "B"], ("b", "c", "f")])
    def test_other_right_answers(self, answer):
        assert self.exercise.check(answer).correct

    @pytest.mark.parametrize(
        ("answer", "pitfall", "told"),
        [
            ("ABCF", "lost-mask", "In A the mask does not arrive. The subtraction"),
            ("BCDF", "lost-mask", "tf.concat makes a new tensor"),
            ("BCEF", "lost-mask", "operations, not layers"),
            ("ABCDEF", "lost-mask", "it moves"),
            ("CF", None, "do not leave the tf.function"),
            ("BF", None, "hands the mask on"),
            ("BC", None, "the mask stays"),
            (set(), None, "In B the mask does arrive"),
        ],
    )
    def test_wrong_answers(self, answer, pitfall, told):
        result = self.exercise.check(answer)
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message
        assert told in result.message

    @pytest.mark.parametrize("answer", [3, {"A": "lost"}, "kept", {"G"}, [1, 2], lambda x: x])
    def test_unusable_answers(self, answer):
        result = self.exercise.check(answer)
        assert result.status == "could not run"
        assert "a set of letters among A, B, C, D, E, F" in result.message

    def test_the_stub(self):
        assert self.exercise.check(None).status == "not attempted"

    def test_the_letters_are_those_whose_loss_stays_on_longer_forms(self):
        lesson = run_cells("18_sequences_and_masks", ["setup", "build", "exercise-d-ways"])
        layers = [keras.layers.Input((None, 64)), keras.layers.Masking(), keras.layers.Dense(10)]
        model = keras.Sequential(layers)
        model.set_weights(lesson_18._model().get_weights())
        forms = [data.codes(boxes=boxes) for boxes in (12, 24)]
        stays = set()
        for letter, way in lesson["ways"].items():
            short, long = (float(way(model, form.x_test, form.y_test)) for form in forms)
            if abs(short - long) < 1e-4:
                stays.add(letter)
            else:
                assert abs(short - long) > 0.1, letter
        assert set(lesson["ways"]) == set(lesson_18.TELLS)
        assert stays == lesson_18.ARRIVES
