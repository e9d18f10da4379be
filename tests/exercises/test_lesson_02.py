"""Graders of lesson 02: the reference, other right answers, and each plausible wrong one."""

from utils import exercises
from utils.exercises import solutions

import keras
import numpy as np
import pytest
import tensorflow as tf

CROSS_ENTROPY = keras.losses.SparseCategoricalCrossentropy
IGNORING = CROSS_ENTROPY(from_logits=True, ignore_class=-1)


def labelled_accuracy(y_true, scores):
    right = keras.metrics.sparse_categorical_accuracy(y_true, scores)
    labelled = tf.cast(tf.not_equal(y_true, -1), right.dtype)
    return tf.reduce_sum(right * labelled) / tf.reduce_sum(labelled)


def keras_accuracy(y_true, scores):
    metric = keras.metrics.SparseCategoricalAccuracy()
    metric.update_state(y_true, scores, sample_weight=np.asarray(y_true) >= 0)
    return metric.result()


def plain_accuracy(y_true, scores):
    return tf.reduce_mean(keras.metrics.sparse_categorical_accuracy(y_true, scores))


def by_mask(y_true, scores):
    kept = tf.not_equal(y_true, -1)
    return CROSS_ENTROPY(from_logits=True)(
        tf.boolean_mask(y_true, kept), tf.boolean_mask(scores, kept)
    )


def by_all(y_true, scores):
    y = tf.maximum(tf.constant(y_true, tf.int64), 0)
    losses = CROSS_ENTROPY(from_logits=True, reduction="none")(y, scores)
    return tf.reduce_mean(losses * tf.cast(tf.not_equal(y_true, -1), losses.dtype))


def as_class(number):
    def loss(y_true, scores):
        y = tf.where(tf.equal(y_true, -1), tf.constant(number, tf.int64), y_true)
        return CROSS_ENTROPY(from_logits=True)(y, scores)

    return loss


def trainer(loss_fn=IGNORING, accuracy_fn=labelled_accuracy, train_on=None, steps=40, units=0):
    def mended(x, y, num_classes, epochs=60):
        keras.utils.set_random_seed(0)
        model = keras.Sequential(
            [keras.layers.Input((x.shape[1],)), keras.layers.Dense(num_classes + units)]
        )
        optimizer = keras.optimizers.Adam(0.05)
        optimizer.build(model.trainable_variables)

        @tf.function
        def step():
            with tf.GradientTape() as tape:
                loss = (train_on or loss_fn)(y, model(x, training=True))
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

        for _ in range(steps):
            step()
        return model, loss_fn, accuracy_fn

    return mended


class TestA:
    exercise = exercises.get("02-a")

    def test_reference(self):
        scope = {"keras": keras, "tf": tf}
        exec(self.exercise.solution(), scope)
        assert self.exercise.check(scope["mended"]).correct

    @pytest.mark.parametrize(
        "mended",
        [trainer(by_mask), trainer(accuracy_fn=keras_accuracy), trainer(train_on=by_mask)],
    )
    def test_other_right_answers(self, mended):
        result = self.exercise.check(mended)
        assert result.correct, result.message

    @pytest.mark.parametrize(
        ("mended", "pitfall", "told"),
        [
            (trainer(as_class(0)), "label-range", "count as class 0"),
            (trainer(as_class(3)), "label-range", "last class"),
            (trainer(train_on=as_class(0)), "label-range", "was it trained on them"),
            (trainer(by_all), "padding-counted", "divide by all"),
            (trainer(accuracy_fn=plain_accuracy), "padding-counted", "as mistakes"),
            (
                trainer(accuracy_fn=lambda y, s: plain_accuracy(np.maximum(y, 0), s)),
                "label-range",
                "count as class 0",
            ),
            (
                trainer(
                    tf.function(CROSS_ENTROPY(from_logits=True), jit_compile=True), train_on=by_mask
                ),
                "label-range",
                "your loss is nan",
            ),
            (trainer(lambda y, s: 0.5 * IGNORING(y, s)), None, "of the labelled ones is"),
            (trainer(accuracy_fn=lambda y, s: 0.5), None, "Your accuracy is 0.500"),
            (trainer(steps=0), None, "Change as little"),
        ],
    )
    def test_wrong_answers_are_told_their_pitfall(self, mended, pitfall, told):
        result = self.exercise.check(mended)
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message
        assert told in result.message

    def test_the_sick_loop_itself(self):
        def sick(x, y, num_classes):
            loss_fn = CROSS_ENTROPY(from_logits=True)
            model, _, accuracy = trainer(
                loss_fn, plain_accuracy, tf.function(loss_fn, jit_compile=True), steps=2
            )(x, y, num_classes)
            return model, loss_fn, accuracy

        result = self.exercise.check(sick)
        assert (result.status, result.pitfall) == ("incorrect", "label-range")
        assert "outputs are NaN" in result.message

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            (3, "function was expected"),
            (lambda x, y, num_classes: (1, 2), "the three"),
            (trainer(steps=1, units=1), "should return shape"),
            (
                trainer(CROSS_ENTROPY(from_logits=True), train_on=by_mask, steps=1),
                "outside the valid range",
            ),
            (
                trainer(steps=1, accuracy_fn=keras.metrics.sparse_categorical_accuracy),
                "one number",
            ),
            (lambda x: None, "TypeError"),
        ],
    )
    def test_unusable_answers(self, answer, told):
        result = self.exercise.check(answer)
        assert result.status == "could not run"
        assert told in result.message


def encode(train, test, *, start=0, unknown=-1, names=None):
    number = {name: k + start for k, name in enumerate(names or dict.fromkeys(train.tolist()))}
    return (
        np.array([number[n] for n in train.tolist()]),
        np.array([number.get(n, unknown) for n in test.tolist()]),
    )


def refit(train, test):
    return np.unique(train, return_inverse=True)[1], np.unique(test, return_inverse=True)[1]


def joint(train, test):
    _, ids = np.unique(np.concatenate([train, test]), return_inverse=True)
    return ids[: len(train)], ids[len(train) :]


def sklearn_encoder(train, test):
    from sklearn.preprocessing import LabelEncoder

    encoder = LabelEncoder().fit(train)
    return encoder.transform(train), encoder.transform(test)


class TestB:
    exercise = exercises.get("02-b")

    def test_reference(self):
        scope = {"np": np}
        exec("def encode(train_names, test_names):\n" + solutions.code("02-b"), scope)
        assert self.exercise.check(scope["encode"]).correct

    def test_other_right_answers(self):
        def by_search(train, test):
            names, ids = np.unique(train, return_inverse=True)
            hits = np.minimum(np.searchsorted(names, test), len(names) - 1)
            return [ids, np.where(names[hits] == test, hits, -1)]

        assert self.exercise.check(encode).correct, "in the order of appearance"
        assert self.exercise.check(by_search).correct

    @pytest.mark.parametrize(
        ("answer", "pitfall", "told"),
        [
            (refit, "label-offset", "“c” is 2 in training and 1 in the test"),
            (joint, "label-range", "should get the ids 0 to 2"),
            (sklearn_encoder, None, "ValueError"),
            (lambda a, b: encode(a, b, start=1), "label-offset", "ids 0 to 2"),
            (lambda a, b: encode(a, b, unknown=0), "label-range", "does not occur in training"),
            (lambda a, b: encode(a, b, unknown=99), "label-range", "not −1"),
            (
                lambda a, b: tuple(ids.astype(float) for ids in encode(a, b)),
                "label-dtype",
                "float64",
            ),
            (lambda a, b: (np.zeros(len(a), int), np.zeros(len(b), int)), None, "id of its own"),
            (lambda a, b: (np.arange(len(a)), np.arange(len(b))), None, "id of its own"),
        ],
    )
    def test_wrong_answers(self, answer, pitfall, told):
        result = self.exercise.check(answer)
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message
        assert told in result.message

    @pytest.mark.parametrize(
        ("answer", "status"),
        [
            (5, "could not run"),
            (lambda a, b: np.zeros(len(a), int), "could not run"),
            (lambda a, b: (np.zeros(2, int), np.zeros(2, int)), "could not run"),
            (lambda a: None, "could not run"),
            (lambda a, b: None, "not attempted"),
        ],
    )
    def test_unusable_answers(self, answer, status):
        assert self.exercise.check(answer).status == status


class TestC:
    exercise = exercises.get("02-c")

    def right(self):
        return {
            "A": "label-offset",
            "B": "label-range",
            "C": "healthy",
            "D": "fractional-labels",
        }

    def test_reference(self):
        scope = {"np": np, "patients": self.exercise.material()}
        exec(self.exercise.solution(), scope)
        assert self.exercise.check(scope["answer"]).correct

    def test_other_right_answers(self):
        assert self.exercise.check(self.right()).correct
        loud = {k.lower(): f" {v.upper()} " for k, v in self.right().items()}
        assert self.exercise.check(loud).correct

    @pytest.mark.parametrize(
        ("one", "other", "told"),
        [
            ("A", "C", "something else"),
            ("B", "D", "which fault makes NaN"),
            ("C", "D", "agree with each other"),
            ("D", "A", "something else"),
        ],
    )
    def test_two_exchanged(self, one, other, told):
        answer = self.right()
        answer[one], answer[other] = answer[other], answer[one]
        result = self.exercise.check(answer)
        assert result.status == "incorrect"
        assert told in result.message
        assert "2 of 4" in result.message

    @pytest.mark.parametrize(
        "answer", ["A", 3, {}, {"A": "healthy"}, dict.fromkeys("ABCD", "ill"), ["A", "B"]]
    )
    def test_unusable_answers(self, answer):
        assert self.exercise.check(answer).status == "could not run"

    def test_the_four_reports_are_plain_to_read(self):
        reports = self.exercise.material()
        (offset, nan, healthy, fraction) = (reports[k] for k in "ABCD")
        assert offset[1] > 0.95
        assert offset[2] < 0.1
        assert np.isnan(nan[0])
        assert healthy[1] > 0.95
        assert healthy[2] > 0.95
        assert fraction[0] < 0.05
        assert fraction[1] < 0.4


def class_ids(labels, num_classes, *, row_id=np.argmax, refuse=True, dtype=np.int64):
    ids = []
    for label in labels:
        if np.ndim(label) == 1:
            if refuse:
                assert sorted(label) == [0] * (num_classes - 1) + [1]
            label = row_id(label)
        ids.append(int(label))
    assert not refuse or set(ids) <= set(range(num_classes))
    return np.array(ids, dtype)


def by_table(labels, num_classes):
    """Look each label up among all right ones."""
    known = {str(k): k for k in range(num_classes)}
    known |= {str(row.tolist()): k for k, row in enumerate(np.eye(num_classes))}

    def name(label):
        return str(np.asarray(label, float).tolist()) if np.ndim(label) else str(label)

    return [known[name(label)] for label in labels]


def by_tensorflow(labels, num_classes):
    def row(label):
        if np.ndim(label):
            return tf.cast(label, tf.float32)
        if not 0 <= int(label) < num_classes:
            raise ValueError(label)
        return tf.one_hot(int(label), num_classes)

    rows = tf.stack([row(label) for label in labels])
    tf.debugging.assert_equal(tf.reduce_sum(rows, axis=-1), 1.0)
    return tf.argmax(rows, axis=-1)


def argmax_of_each(labels, num_classes):
    return np.array([np.argmax(label) for label in labels])


def lenient(labels, num_classes):
    return class_ids(labels, num_classes, refuse=False)


def stopping_at(*refused):
    def clipping(labels, num_classes):
        if num_classes == 3 and any(str(label) in refused for label in labels):
            raise ValueError(refused)
        return np.clip(lenient(labels, num_classes), 0, num_classes - 1)

    return clipping


class TestD:
    exercise = exercises.get("02-d")

    def test_reference(self):
        scope = {"np": np}
        exec("def class_ids(labels, num_classes):\n" + solutions.code("02-d"), scope)
        result = self.exercise.check(scope["class_ids"])
        assert result.correct, result.message

    @pytest.mark.parametrize("answer", [class_ids, by_table, by_tensorflow])
    def test_other_right_answers(self, answer):
        result = self.exercise.check(answer)
        assert result.correct, result.message

    @pytest.mark.parametrize(
        ("answer", "pitfall", "told"),
        [
            (argmax_of_each, "mixed-labels", "“ids”: label 0 is 1 and became 0. argmax of"),
            (lambda a, c: np.zeros(len(a), int), "mixed-labels", "became 0"),
            (lambda a, c: np.ones(len(a), int), "mixed-labels", "It names class"),
            (lambda a, c: class_ids(a, c, row_id=np.max), "mixed-labels", "Every row became 1"),
            (
                lambda a, c: class_ids([label for label in a if np.ndim(label) == 0], c),
                "mixed-labels",
                "12 labels go in and 0 come out",
            ),
            (lambda a, c: [int(label) for label in a], "mixed-labels", "TypeError"),
            (lambda a, c: a, "label-dtype", "“ids as text”: the array has dtype <U1"),
            (lambda a, c: np.array(a, object), "mixed-labels", "dtype object"),
            (lambda a, c: class_ids(a, c, dtype=np.float32), "label-dtype", "float32"),
            (lambda a, c: np.eye(c)[class_ids(a, c)], "one-hot-labels", "one-hot rows, shape"),
            (lambda a, c: class_ids(a, c) + 1, "mixed-labels", "It names class"),
            (lenient, "label-range", "[0, [0, 0, 0], '1'] became [0, 0, 1]: a row of zeros"),
            (
                lambda a, c: np.clip(lenient([k for k in a if np.any(k)], c), 0, c - 1),
                "mixed-labels",
                "come out",
            ),
            (
                stopping_at("[0, 0, 0]"),
                "label-range",
                "[0, 2, 1]: id 3 of 3 classes names no",
            ),
            (stopping_at("[0, 0, 0]", "3"), "label-range", "became [0, 0, 1]: −1 names no class"),
        ],
    )
    def test_wrong_answers_are_told_their_pitfall(self, answer, pitfall, told):
        result = self.exercise.check(answer)
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message
        assert told in result.message

    @pytest.mark.parametrize(
        ("answer", "status"),
        [
            ([0, 1, 2], "could not run"),
            (lambda a, c: 3, "could not run"),
            (lambda a: a, "could not run"),
            (lambda a, c: 1 / 0, "could not run"),
            (lambda a, c: None, "not attempted"),
            (lambda a, c: class_ids(a, c) if len(a) > 1 else None, "could not run"),
        ],
    )
    def test_unusable_answers(self, answer, status):
        assert self.exercise.check(answer).status == status

    def test_a_joined_list_is_refused_where_it_meets_tensorflow(self):
        merged = [0, "1", np.eye(3)[2]]
        for make in (np.asarray, tf.constant, tf.data.Dataset.from_tensor_slices):
            with pytest.raises((ValueError, TypeError)):
                make(merged)
