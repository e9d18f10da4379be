"""Python that runs while a step is traced, and never again: in objects, containers and helpers."""

import keras
import tensorflow as tf

from . import blobs, healthy, pair
from .outputs import SCCE, mlp
from .run import Trainer, dataset


class Diary:
    """A trainer that keeps a record of its own."""

    def __init__(self, broken):
        self.trainer, self.history, self.steps = Trainer(), [], 0
        self.inside = broken

    @tf.function
    def step(self, x, y):
        loss, _ = self.trainer.step(x, y)
        if self.inside:
            self.history.append(loss)
        return loss


@pair("python-side-effects")
def list_of_an_object(broken):
    diary = Diary(broken)
    for x, y in dataset():
        loss = diary.step(x, y)
        if not broken:
            diary.history.append(loss)


@pair("python-side-effects")
def list_in_a_dictionary(broken):
    trainer, history = Trainer(), {"loss": []}

    @tf.function
    def step(x, y):
        loss, _ = trainer.step(x, y)
        if broken:
            history["loss"].append(loss)
        return loss

    for x, y in dataset():
        loss = step(x, y)
        if not broken:
            history["loss"].append(loss)


class Counter:
    """A trainer that counts its steps, in the step or outside of it."""

    def __init__(self):
        self.trainer, self.steps = Trainer(), 0

    def counted(self, x, y):
        self.steps += 1
        return self.trainer.step(x, y)[0]

    def plain(self, x, y):
        return self.trainer.step(x, y)[0]


@pair("python-side-effects")
def counter_of_an_object(broken):
    counter = Counter()
    step = tf.function(counter.counted if broken else counter.plain)
    for x, y in dataset():
        step(x, y)
        if not broken:
            counter.steps += 1


class Remembering(keras.Model):
    """A model whose train_step keeps the losses in a list, or in a metric."""

    def __init__(self, broken):
        super().__init__()
        self.body, self.losses_seen, self.inside = mlp(3), [], broken
        self.tracker = keras.metrics.Mean("loss")

    def call(self, x):
        return self.body(x)

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = SCCE(from_logits=True)(y, self(x, training=True))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        if self.inside:
            self.losses_seen.append(loss)
        self.tracker.update_state(loss)
        return {"loss": self.tracker.result()}


@pair("python-side-effects")
def list_in_train_step(broken):
    model = Remembering(broken)
    model.compile("adam")
    model.fit(*blobs(128), epochs=2, verbose=0)


@healthy
def a_layer_built_in_the_step():
    """A flag that says "built" changes at the first trace, and rightly only then."""

    class Lazy(tf.Module):
        def __init__(self):
            super().__init__()
            self.is_built = False

        def __call__(self, x):
            if not self.is_built:
                self.w = tf.Variable(tf.random.normal((x.shape[-1], 3)))
                self.is_built = True
            return x @ self.w

    model, optimizer = Lazy(), tf.Variable(0.1)

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, model(x))
            loss = tf.reduce_mean(losses)
        model.w.assign_sub(optimizer * tape.gradient(loss, model.w))
        return loss

    for x, y in dataset():
        step(x, y)
