"""Graders of lesson 14: the reference, other right answers, and each plausible wrong one."""

from utils import data, exercises, reference
from utils.exercises import lesson_14

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.lessons.cells import run_cells


def answer_a(make_loss, *, trained_on=None, epochs=60):
    """Return an answer whose loss is `make_loss(table)`; it may train on another one."""

    def mended(x, y, class_weight, **_):
        keras.utils.set_random_seed(0)
        classes = len(class_weight)
        table = np.array([class_weight[k] for k in range(classes)], "float32")
        model = keras.Sequential([keras.layers.Input((x.shape[1],)), keras.layers.Dense(classes)])
        optimizer = keras.optimizers.Adam(0.05)
        loss_fn = make_loss(table)
        used = loss_fn if trained_on is None else trained_on(table)

        @tf.function
        def step():
            with tf.GradientTape() as tape:
                loss = used(y, model(x, training=True))
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

        for _ in range(epochs):
            step()
        return model, loss_fn

    return mended


def each(y, z):
    return keras.losses.sparse_categorical_crossentropy(y, z, from_logits=True)


def by_keras(table):
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return lambda y, z: loss_fn(y, z, sample_weight=tf.gather(table, y))


def by_hand(table):
    return lambda y, z: tf.reduce_mean(each(y, z) * tf.gather(table, y))


def by_column(table):
    return lambda y, z: keras.losses.SparseCategoricalCrossentropy(from_logits=True)(
        y, z, sample_weight=tf.gather(table, y)[:, None]
    )


def broadcast(table):
    return lambda y, z: tf.reduce_mean(each(y, z) * tf.gather(table, y)[:, None])


def integers(table):
    return by_hand(np.floor(table))


def both_faults(table):
    return broadcast(np.floor(table))


def unweighted(table):
    return lambda y, z: tf.reduce_mean(each(y, z))


def by_sum_of_weights(table):
    def loss(y, z):
        w = tf.gather(table, y)
        return tf.reduce_sum(each(y, z) * w) / tf.reduce_sum(w)

    return loss


def summed(table):
    return lambda y, z: tf.reduce_sum(each(y, z) * tf.gather(table, y))


class TestA:
    exercise = exercises.get("14-a")

    def test_reference(self):
        scope = {"keras": keras, "tf": tf}
        exec(self.exercise.solution(), scope)
        result = self.exercise.check(scope["mended"])
        assert result.correct, result.message

    @pytest.mark.parametrize("make_loss", [by_keras, by_hand, by_column])
    def test_other_right_answers(self, make_loss):
        result = self.exercise.check(answer_a(make_loss))
        assert result.correct, result.message

    @pytest.mark.parametrize(
        ("make_loss", "pitfall"),
        [
            (both_faults, "weights-not-in-metric"),
            (broadcast, "weights-not-in-metric"),
            (integers, "class-weights-scale"),
            (unweighted, "class-weights-ignored"),
            (by_sum_of_weights, "class-weights-scale"),
            (summed, "summed-loss"),
        ],
    )
    def test_wrong_answers_are_told_their_pitfall(self, make_loss, pitfall):
        result = self.exercise.check(answer_a(make_loss, epochs=5))
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message

    def test_a_right_loss_that_is_not_trained_on(self):
        result = self.exercise.check(answer_a(by_hand, trained_on=unweighted))
        assert (result.status, result.pitfall) == ("incorrect", "class-weights-ignored")
        assert "does not use it" in result.message

    def test_no_training(self):
        result = self.exercise.check(answer_a(by_hand, epochs=0))
        assert "not learned" in result.message

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            (0.5, "function was expected"),
            (lambda x, y, class_weight: 0.5, "pair"),
            (answer_a(lambda table: each, trained_on=by_hand, epochs=1), "one number"),
            (
                lambda x, y, class_weight: (
                    lambda v: np.zeros((len(v), 2)),
                    by_hand([0.6, 1.7, 2.4, 0.9]),
                ),
                "should return (N, 4)",
            ),
            (lambda x: None, "TypeError"),
        ],
    )
    def test_unusable_answers(self, answer, told):
        result = self.exercise.check(answer)
        assert result.status == "could not run"
        assert told in result.message, result.message


def inverse(y, num_classes, *, over=None, empty=0.0, dtype="float32"):
    count = np.bincount(np.asarray(y).reshape(-1).astype(int), minlength=num_classes)
    with np.errstate(divide="ignore"):
        weights = count.sum() / (over or (count > 0).sum()) / count
    weights[count == 0] = empty
    return weights.astype(dtype)


def by_scikit_learn(y, num_classes):
    from sklearn.utils.class_weight import compute_class_weight

    y = np.asarray(y).reshape(-1).astype(int)
    present = np.unique(y)
    weights = np.zeros(num_classes)
    weights[present] = compute_class_weight("balanced", classes=present, y=y)
    return weights


class TestB:
    exercise = exercises.get("14-b")

    def test_reference(self):
        scope = {"np": np}
        exec(self.exercise.solution(), scope)
        assert self.exercise.check(scope["balanced_weights"]).correct

    @pytest.mark.parametrize("answer", [by_scikit_learn, lambda y, c: list(inverse(y, c))])
    def test_other_right_answers(self, answer):
        result = self.exercise.check(answer)
        assert result.correct, result.message

    @pytest.mark.parametrize(
        ("answer", "pitfall", "told"),
        [
            (lambda y, c: inverse(y, c, over=1), "class-weights-scale", "proportions are right"),
            (lambda y, c: inverse(y, c, over=c), "class-weights-scale", "present"),
            (lambda y, c: inverse(y, c, dtype=int), "class-weights-scale", "Integers"),
            (lambda y, c: inverse(y, c, empty=np.inf), "class-weights-scale", "divides by 0"),
            (lambda y, c: inverse(y, c, empty=1.0), None, "gets 0"),
            (lambda y, c: inverse(y, c) ** 0.5, None, "was wanted"),
        ],
    )
    def test_wrong_answers(self, answer, pitfall, told):
        result = self.exercise.check(answer)
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message
        assert told in result.message

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            ([1, 2, 3], "function was expected"),
            (lambda y, c: {0: 1.0}, "array of numbers"),
            (lambda y, c: np.ones(len(y)), "shape"),
            (lambda y: np.ones(4), "TypeError"),
        ],
    )
    def test_unusable_answers(self, answer, told):
        result = self.exercise.check(answer)
        assert result.status == "could not run"
        assert told in result.message, result.message

    def test_float_labels_that_stop_bincount(self):
        def by_bincount(y, num_classes):
            count = np.bincount(y.reshape(-1), minlength=num_classes)
            return inverse(np.repeat(np.arange(num_classes), count), num_classes)

        result = self.exercise.check(by_bincount)
        assert result.status == "could not run"
        assert "TypeError" in result.message


class TestC:
    exercise = exercises.get("14-c")

    def test_reference(self):
        scope = {"np": np}
        exec(self.exercise.solution(), scope)
        assert self.exercise.check(scope["weighted_decision"]).correct

    @pytest.mark.parametrize(
        "answer",
        [
            lambda z, w: (reference.softmax(z) * w).argmax(axis=1),
            lambda z, w: tf.argmax(z + tf.math.log(w), axis=1),
            lambda z, w: (reference.softmax(z) * w).argmax(axis=1)[:, None],
        ],
    )
    def test_other_right_answers(self, answer):
        result = self.exercise.check(answer)
        assert result.correct, result.message

    @pytest.mark.parametrize(
        ("answer", "pitfall", "told"),
        [
            (lambda z, w: z.argmax(axis=1), "class-weights-ignored", "without weights"),
            (lambda z, w: (z * w).argmax(axis=1), None, "multiply the logits"),
            (lambda z, w: (z + w).argmax(axis=1), None, "add the weights themselves"),
            (lambda z, w: (z - np.log(w)).argmax(axis=1), None, "sign"),
            (
                lambda z, w: (reference.log_softmax(z) * w).argmax(axis=1),
                None,
                "log-probabilities",
            ),
            (lambda z, w: np.zeros(len(z), int), None, "differ"),
        ],
    )
    def test_wrong_answers(self, answer, pitfall, told):
        result = self.exercise.check(answer)
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message
        assert told in result.message

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            ([0, 1], "function was expected"),
            (lambda z, w: z + np.log(w), "one class id"),
            (lambda z, w: 1, "one class id"),
            (lambda z: 1, "TypeError"),
        ],
    )
    def test_unusable_answers(self, answer, told):
        result = self.exercise.check(answer)
        assert result.status == "could not run"
        assert told in result.message


def test_the_data_of_the_loop_tell_weighted_from_unweighted():
    x, y = lesson_14._four_digits()
    assert set(np.unique(y)) == {0, 1, 2, 3}
    assert len(x) == len(y) == 240


def fit_with(
    *,
    loss_weights=lambda table: None,
    sample_weight=lambda table, y: [table[labels] for labels in y],
    class_weight=False,
    optimizer=lambda: keras.optimizers.SGD(0.05),
    report=lambda losses: losses,
):
    """Return an answer to exercise d, right unless told otherwise."""

    def weighted_fit(model, x, y, weights, epochs):
        table = np.array([weights[0], weights[1]])
        loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer(), [loss_fn, loss_fn], loss_weights=loss_weights(table))
        told = model.fit(
            x,
            y,
            sample_weight=sample_weight(table, y),
            class_weight=weights if class_weight else None,
            batch_size=64,
            epochs=epochs,
            shuffle=False,
            verbose=0,
        )
        return report(told.history["loss"])

    return weighted_fit


def none(table, y):
    """No sample weights."""


def loop_of_its_own(model, x, y, class_weight, epochs):
    table = tf.constant([class_weight[0], class_weight[1]], tf.float32)
    optimizer = keras.optimizers.SGD(0.05)
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    history = []
    for _ in range(epochs):
        with tf.GradientTape() as tape:
            pairs = zip(y, model(x, training=True), strict=True)
            loss = sum(loss_fn(a, z, sample_weight=tf.gather(table, a)) for a, z in pairs)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        history.append(float(loss))
    return history


def fit_on_a_dataset(model, x, y, class_weight, epochs):
    table = np.array([class_weight[0], class_weight[1]])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.05), [loss, loss])
    parts = (x, tuple(y), tuple(table[labels] for labels in y))
    batches = tf.data.Dataset.from_tensor_slices(parts).batch(64)
    return model.fit(batches, epochs=epochs, shuffle=False, verbose=0).history["loss"]


class TestD:
    exercise = exercises.get("14-d")

    def test_reference(self):
        scope = {"keras": keras, "np": np, "outcome_of": lambda *_: ""}
        exec(self.exercise.solution(), scope)
        result = self.exercise.check(scope["weighted_fit"])
        assert result.correct, result.message

    @pytest.mark.parametrize("answer", [fit_with(), loop_of_its_own, fit_on_a_dataset])
    def test_other_right_answers(self, answer):
        result = self.exercise.check(answer)
        assert result.correct, result.message

    @pytest.mark.parametrize(
        ("settings", "pitfall", "told"),
        [
            (
                {"loss_weights": list, "sample_weight": none},
                "loss-weights-misuse",
                "Yours has no class weights: loss_weights still weighs a whole question 5.0 times",
            ),
            (
                {"loss_weights": lambda t: list(t[::-1]), "sample_weight": none},
                "loss-weights-misuse",
                "Yours has no class weights",
            ),
            ({"loss_weights": list}, "loss-weights-misuse", "have arrived, but"),
            (
                {"loss_weights": lambda t: [t[1], t[1]], "sample_weight": none},
                "loss-weights-misuse",
                "a longer step",
            ),
            ({"sample_weight": none}, "class-weights-ignored", "no weights in it"),
            ({"sample_weight": lambda t, y: t[y[0]]}, None, "One array"),
            ({"sample_weight": lambda t, y: t[y[1]]}, None, "One array"),
            ({"sample_weight": lambda t, y: t[np.maximum(*y)]}, None, "One array"),
            ({"sample_weight": lambda t, y: [t[y[1]], t[y[0]]]}, None, "Which images"),
            (
                {"sample_weight": lambda t, y: [t[a] / t[a].mean() for a in y]},
                "class-weights-scale",
                "sum of the weights",
            ),
            ({"report": lambda v: np.divide(v, 2)}, None, "fit adds them"),
            ({"loss_weights": lambda t: [0.5, 0.5]}, None, "fit adds them"),
            ({"optimizer": lambda: keras.optimizers.Adam(0.05)}, None, "keep SGD(0.05)"),
            ({"report": lambda v: [v[0]] * 3}, None, "keep SGD(0.05)"),
            ({"report": lambda v: [1.0, 1.0, 1.0]}, None, "Which images"),
        ],
    )
    def test_wrong_answers(self, settings, pitfall, told):
        result = self.exercise.check(fit_with(**settings))
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message
        assert told in result.message, result.message

    def test_the_images_of_the_grader_are_one_batch_with_both_rare_kinds(self):
        labels = data.rare_digits("rows", seed=3).y_train[: lesson_14.BATCH]
        assert np.bincount(labels).min() >= 5

    def test_the_sick_function_itself(self):
        lesson = run_cells("14_class_weights", ["setup", "exercise-d-sick"])
        result = self.exercise.check(lesson["sick"])
        assert (result.status, result.pitfall) == ("incorrect", "loss-weights-misuse")

    def test_class_weight_is_refused_by_keras_and_its_sentence_passed_on(self):
        result = self.exercise.check(fit_with(class_weight=True, sample_weight=none))
        assert result.status == "could not run"
        assert "single output" in result.message

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            ([1.0, 1.0, 1.0], "function was expected"),
            (lambda model, x, y, class_weight, epochs: 0.5, "the loss of each of 3 epochs"),
            (lambda model, x, y, class_weight, epochs: [0.5], "the loss of each of 3 epochs"),
            (lambda model, x, y: [0.5], "TypeError"),
        ],
    )
    def test_unusable_answers(self, answer, told):
        result = self.exercise.check(answer)
        assert result.status == "could not run"
        assert told in result.message

    def test_the_stub(self):
        assert self.exercise.check(None).status == "not attempted"
        assert self.exercise.check(lambda *a, **k: None).status == "not attempted"
