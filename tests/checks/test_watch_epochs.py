"""`checks.watch` on functions that run a whole epoch, or several steps, compiled."""

from utils import checks

import keras
import loops
import numpy as np
import pytest
import tensorflow as tf

BATCHES = 20


class Trainer:
    """A model with its data, and compiled loops of several forms around one step."""

    def __init__(self, from_logits=True, labels=None):
        keras.utils.set_random_seed(0)
        x, y = loops.blobs(32 * BATCHES)
        data = (x, y if labels is None else labels(y))
        self.data = tf.data.Dataset.from_tensor_slices(data).shuffle(len(x), seed=1).batch(32)
        self.model = keras.Sequential([keras.Input(x.shape[1:]), keras.layers.Dense(3)])
        self.optimizer = keras.optimizers.Adam(0.01)
        self.optimizer.build(self.model.trainable_variables)
        self.loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits)
        self.accuracy = keras.metrics.SparseCategoricalAccuracy()
        self.iterator = iter(self.data.repeat())

    def step(self, x, y):
        with tf.GradientTape() as tape:
            scores = self.model(x, training=True)
            loss = self.loss_fn(y, scores)
        gradients = tape.gradient(loss, self.model.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.model.trainable_variables, strict=True))
        self.accuracy.update_state(y, scores)
        return loss

    @tf.function
    def passed(self, data):
        total = 0.0
        for x, y in data:
            total += self.step(x, y)
        return total

    @tf.function
    def captured(self):
        total, count = 0.0, 0
        for x, y in self.data:
            total += self.step(x, y)
            count += 1
        return total / tf.cast(count, tf.float32)

    @tf.function
    def stopping(self):
        total, count = 0.0, 0
        for x, y in self.data:
            if count >= BATCHES - 5:
                break
            total += self.step(x, y)
            count += 1  # noqa: SIM113, AutoGraph turns a count into a tensor
        return total

    @tf.function
    def drawing(self, iterator, count):
        total = 0.0
        for _ in tf.range(count):
            x, y = next(iterator)
            total += self.step(x, y)
        return total

    @tf.function
    def all_epochs(self, count):
        for _ in tf.range(count):
            self.accuracy.reset_state()
            for x, y in self.data:
                self.step(x, y)
        return self.accuracy.result()

    def epoch(self, form: str):
        """Train for an epoch, or all of them where the form does so; return what it gave."""
        if form == "all_epochs":
            return float(self.all_epochs(tf.constant(3)))
        arguments = {
            "passed": (self.data,),
            "drawing": (self.iterator, tf.constant(BATCHES - 5)),
        }.get(form, ())
        return float(getattr(self, form)(*arguments))

    def train(self, form: str, reset=True) -> list:
        """Train for three epochs; return all that came of it."""
        seen = []
        for _ in range(1 if form == "all_epochs" else 3):
            if reset:
                self.accuracy.reset_state()
            seen.append((self.epoch(form), float(self.accuracy.result())))
        left = next(self.iterator)[0].numpy()
        drawn = float(tf.random.uniform([]))
        return [seen, left, drawn, *self.model.get_weights()]


FORMS = ["passed", "captured", "stopping", "drawing", "all_epochs"]


def equal(a, b) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("before", [False, True], ids=["traced inside", "traced before"])
@pytest.mark.parametrize("form", FORMS)
def test_what_a_compiled_epoch_is_given_is_seen_and_left_as_it_is(form, before):
    broken, fixed = (Trainer(from_logits=logits) for logits in (False, True))
    for trainer in (broken, fixed) if before else ():
        trainer.epoch(form)
    bare = Trainer()
    if before:
        bare.epoch(form)
    tf.random.set_seed(3)
    expected = bare.train(form)

    with checks.watch() as report:
        broken.train(form)
    assert {f.pitfall for f in report.alarms} == {"logits-as-probabilities"}, str(report)

    tf.random.set_seed(3)
    with checks.watch() as report:
        got = fixed.train(form)
    assert report.ok, str(report)
    assert report.observed["training steps"] >= 3 * (BATCHES - 5)
    assert equal(got, expected)
    # After the block nothing of it is left in the function.
    tf.random.set_seed(4)
    expected = bare.train(form)
    tf.random.set_seed(4)
    assert equal(fixed.train(form), expected)


@pytest.mark.parametrize("before", [False, True], ids=["traced inside", "traced before"])
def test_a_metric_that_is_never_reset_is_named(before):
    trainer = Trainer()
    if before:
        trainer.epoch("captured")
    with checks.watch() as report:
        trainer.train("captured", reset=False)
    assert {f.pitfall for f in report.alarms} == {"metric-not-reset"}, str(report)


def late_label(y):
    """Return labels of which one is out of range."""
    return np.where(np.arange(len(y)) == len(y) - 1, 3, y)


def test_a_label_that_stops_a_compiled_epoch_is_named():
    trainer = Trainer(labels=late_label)
    with pytest.raises(tf.errors.InvalidArgumentError), checks.watch() as report:
        trainer.train("captured")
    assert {f.pitfall for f in report.alarms} == {"label-range"}, str(report)
    # The log is closed: what comes next is seen as well.
    with pytest.raises(tf.errors.InvalidArgumentError), checks.watch() as report:
        trainer.train("captured")
    assert {f.pitfall for f in report.alarms} == {"label-range"}, str(report)


def test_watches_inside_one_another_see_a_compiled_epoch():
    trainer = Trainer(from_logits=False)
    with checks.watch() as outer:
        trainer.epoch("captured")
        with checks.watch() as inner:
            trainer.train("captured")
    for report in (outer, inner):
        assert {f.pitfall for f in report.alarms} == {"logits-as-probabilities"}, str(report)


@pytest.mark.parametrize("from_logits", [False, True])
def test_several_steps_of_fit_in_one_call_are_seen(from_logits):
    def fit():
        trainer = Trainer(from_logits)
        trainer.model.compile(
            trainer.optimizer, trainer.loss_fn, metrics=[trainer.accuracy], steps_per_execution=4
        )
        history = trainer.model.fit(trainer.data, epochs=3, verbose=0).history
        return [history["loss"], history["sparse_categorical_accuracy"]]

    expected = fit()
    with checks.watch() as report:
        got = fit()
    assert got == expected
    names = {f.pitfall for f in report.alarms}
    assert names == (set() if from_logits else {"logits-as-probabilities"}), str(report)
    assert report.not_observed == ()
