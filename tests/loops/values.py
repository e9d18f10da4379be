"""Loops whose figures go wrong where the loop reads them, and loops too short for many looks."""

import keras
import numpy as np
import tensorflow as tf

from . import batches, blobs, healthy, pair
from .outputs import SCCE, mlp
from .run import Trainer, dataset
from .sequences import tagger, tokens

LOSS = SCCE(from_logits=True)


class Step:
    """A compiled training step that returns the loss and the accuracy of its batch."""

    def __init__(self, classes=3, rate=0.01):
        self.model, self.optimizer = mlp(classes), keras.optimizers.Adam(rate)

    @tf.function(reduce_retracing=True)
    def __call__(self, x, y):
        with tf.GradientTape() as tape:
            scores = self.model(x, training=True)
            loss = LOSS(y, scores)
        gradients = tape.gradient(loss, self.model.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.model.trainable_variables, strict=True))
        hits = tf.equal(tf.argmax(scores, axis=-1), y)
        return loss, tf.reduce_mean(tf.cast(hits, tf.float32))


def by_difficulty():
    """Yield batches of two sizes: plain examples, and a few hard ones with labels by lot."""
    (x, y), rng = blobs(480), np.random.default_rng(3)
    hard = np.arange(480) % 12 == 0
    y = np.where(hard, rng.integers(0, 3, 480), y)
    for part, size in ((~hard, 88), (hard, 4)):
        yield from batches(x[part], y[part], size)


@pair("last-batch-metric")
def the_accuracy_a_step_returned_last(broken):
    step, shown = Step(), []
    data = dataset(250)
    for _ in range(4):
        hits = seen = 0.0
        for x, y in data:
            _, accuracy = step(x, y)
            if not broken:
                hits, seen = hits + accuracy * len(y), seen + len(y)
        shown.append(f"{accuracy if broken else hits / seen:.3f}")


@healthy
def the_last_loss_beside_a_list_of_accuracies():
    step, data = Step(), dataset(250)
    for _ in range(4):
        kept = []
        for x, y in data:
            loss, accuracy = step(x, y)
            kept.append(accuracy)
        float(loss), float(accuracy), float(tf.reduce_mean(kept))


@healthy
def numpy_averages_the_accuracies_of_a_short_pass():
    step, data = Step(), dataset(160)
    for _ in range(6):
        kept = [step(x, y)[1] for x, y in data]
        np.mean(kept)


@healthy
def the_accuracy_of_a_batch_now_and_then():
    step, data = Step(), dataset(250)
    for _ in range(4):
        for number, (x, y) in enumerate(data):
            _, accuracy = step(x, y)
            if number % 3 == 0:
                f"accuracy of this batch: {accuracy:.2f}"


@pair("ragged-batch")
def numpy_averages_batches_of_two_sizes(broken):
    step, data = Step(), list(by_difficulty())
    for _ in range(6):
        losses, sizes = [], []
        for x, y in data:
            losses.append(float(step(tf.constant(x), tf.constant(y))[0]))
            sizes.append(len(y))
        np.mean(losses) if broken else np.average(losses, weights=sizes)


@pair("ragged-batch")
def numpy_averages_batches_of_an_eager_loop(broken):
    trainer, data = Trainer(), list(by_difficulty())
    for _ in range(6):
        losses = [trainer.step(x, y)[0].numpy() for x, y in data]
        np.average(losses, weights=None if broken else [len(y) for _, y in data])


@healthy
def numpy_averages_batches_of_nearly_one_size():
    trainer = Trainer()
    for _ in range(6):
        np.mean([float(trainer.step(x, y)[0]) for x, y in batches(*blobs(250))])


@healthy
def numpy_averages_episodes_of_unequal_length():
    """Each episode counts as one, and no two rounds hold as many steps."""
    rng, trainer = np.random.default_rng(0), Trainer()
    x, y = blobs(480)
    for _ in range(6):
        losses = []
        for _ in range(8):
            short = rng.random() < 0.6
            chosen = rng.integers(0, 480, rng.integers(2, 5) if short else rng.integers(60, 90))
            labels = rng.integers(0, 3, len(chosen)) if short else y[chosen]
            losses.append(float(trainer.step(x[chosen], labels)[0]))
        np.mean(losses)


@pair("ragged-batch")
def a_compiled_evaluation_of_a_tiny_last_batch(broken):
    (x, y), trainer = blobs(387, spread=0.3), Trainer()
    y[-3:] = (y[-3:] + 1) % 3
    mean = keras.metrics.Mean("accuracy")

    @tf.function
    def evaluate(xb, yb):
        hits = tf.equal(tf.argmax(trainer.model(xb, training=False), axis=-1), yb)
        share = tf.reduce_mean(tf.cast(hits, tf.float32))
        mean.update_state(share, sample_weight=None if broken else tf.shape(yb)[0])

    held_out = tf.data.Dataset.from_tensor_slices((x, y)).batch(64)
    for _ in range(5):
        for xb, yb in batches(x[:256], y[:256]):
            trainer.step(xb, yb)
        mean.reset_state()
        for xb, yb in held_out:
            evaluate(xb, yb)
    float(mean.result())


@pair("unshuffled-labels")
def fit_on_a_generator_that_goes_class_by_class(broken):
    x, y = blobs(480)
    order = np.argsort(y, kind="stable")
    signature = (tf.TensorSpec((8,), tf.float32), tf.TensorSpec((), tf.int64))
    rows = zip(x[order], y[order], strict=True)
    data = tf.data.Dataset.from_generator(lambda: iter(list(rows)), output_signature=signature)
    data = data.cache()
    data = data.batch(16) if broken else data.shuffle(480).batch(16)
    model = mlp(3)
    model.compile("adam", LOSS)
    model.fit(data, epochs=3, verbose=0)


@pair("misaligned-labels")
def one_hot_labels_shuffled_apart(broken):
    x, y = blobs()
    parts = [tf.data.Dataset.from_tensor_slices(a) for a in (x, np.eye(3, dtype="float32")[y])]
    if broken:
        data = tf.data.Dataset.zip(tuple(part.shuffle(256) for part in parts))
    else:
        data = tf.data.Dataset.zip(tuple(parts)).shuffle(256)
    trainer = Trainer(loss=keras.losses.CategoricalCrossentropy(from_logits=True))
    for xb, yb in data.batch(32):
        trainer.step(xb, yb)


@healthy
def two_sets_of_inputs_shuffled_apart():
    """Unpaired on purpose; the labels come with one of them."""
    x, y = blobs()
    labelled = tf.data.Dataset.from_tensor_slices((x, np.eye(3, dtype="float32")[y])).shuffle(256)
    others = tf.data.Dataset.from_tensor_slices(blobs(seed=1)[0]).shuffle(256)
    trainer = Trainer(loss=keras.losses.CategoricalCrossentropy(from_logits=True))
    for (xb, yb), other in tf.data.Dataset.zip((labelled, others)).batch(32):
        trainer.step(xb, yb)
        trainer.model(other, training=False)


@pair("class-imbalance")
def one_class_for_all_in_a_short_compiled_run(broken):
    rng = np.random.default_rng(0)
    x, y = blobs(800, classes=2)
    keep = (y == 0) | (rng.random(800) < 0.2)
    x, y = x[keep], y[keep]
    step = Step(classes=2, rate=0.0001 if broken else 0.02)
    if broken:
        step.model.layers[-1].bias.assign([4.0, -4.0])
    for _ in range(4):
        for xb, yb in tf.data.Dataset.from_tensor_slices((x, y)).batch(16):
            step(xb, yb)


def train_tagger(loss_of, wrap):
    x, y = tokens()
    model, optimizer = tagger(False), keras.optimizers.Adam(0.01)

    @wrap
    def step(xb, yb):
        with tf.GradientTape() as tape:
            each = keras.losses.sparse_categorical_crossentropy(
                yb, model(xb, training=True), from_logits=True
            )
            loss = loss_of(each, tf.cast(xb != 0, tf.float32))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    for xb, yb in batches(x, y):
        step(tf.constant(xb), tf.constant(yb))


def over_all(each, mask):
    return tf.reduce_mean(each)


def over_tokens(each, mask):
    return tf.reduce_sum(each * mask) / tf.reduce_sum(mask)


@pair("padding-counted")
def a_functional_loss_over_padding(broken):
    train_tagger(over_all if broken else over_tokens, lambda f: f)


@pair("padding-counted")
def a_functional_loss_over_padding_compiled(broken):
    train_tagger(over_all if broken else over_tokens, tf.function)


@healthy
def a_mean_of_losses_that_a_mask_has_zeroed():
    train_tagger(lambda each, mask: tf.reduce_mean(each * mask), tf.function)
