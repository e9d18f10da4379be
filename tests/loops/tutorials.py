"""Healthy loops whose custom looks like a fault: what tutorials do, each as short as it gets."""

import keras
import numpy as np
import tensorflow as tf

from . import batches, blobs, healthy
from .outputs import SCCE, mlp
from .run import Trainer, dataset

M = keras.metrics


@healthy
def noisy_targets_of_a_discriminator():
    """GANs add noise to targets 0 and 1, so that some exceed 1."""
    x, y = blobs(classes=2)
    trainer = Trainer(mlp(1), keras.losses.BinaryCrossentropy(from_logits=True))
    noise = np.random.default_rng(0)
    for xb, yb in batches(x, y[:, None].astype("float32")):
        trainer.step(xb, yb + 0.05 * noise.random(yb.shape).astype("float32"))


@healthy
def a_gradient_that_is_none_on_purpose():
    """Guides show once what a variable without a path gets."""
    a, b = tf.Variable(2.0), tf.Variable(3.0)
    with tf.GradientTape() as tape:
        value = b * b
    assert tape.gradient(value, a) is None
    trainer = Trainer()
    for x, y in dataset(64):
        trainer.step(x, y)


@healthy
def retrieval_with_negatives_from_the_batch():
    """Each example is a class; the same item may stand twice in a batch; losses are summed."""
    rng = np.random.default_rng(0)
    users, items = (keras.layers.Embedding(10, 4) for _ in range(2))
    optimizer = keras.optimizers.Adagrad(0.5)
    loss_fn = keras.losses.CategoricalCrossentropy(from_logits=True, reduction="sum")
    top = M.TopKCategoricalAccuracy(3)
    for _ in range(8):
        user = rng.integers(0, 10, 32)
        with tf.GradientTape() as tape:
            scores = users(user) @ tf.transpose(items((user + 1) % 10))
            loss = loss_fn(tf.eye(32), scores)
        variables = [*users.trainable_variables, *items.trainable_variables]
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        top.update_state(tf.eye(32), scores)


@healthy
def mixup_of_two_shuffles():
    """Pairs of labelled examples, drawn by lot on purpose."""
    x, y = blobs()
    rows = np.eye(3, dtype="float32")[y]
    once, again = (
        tf.data.Dataset.from_tensor_slices((x, rows)).shuffle(256).batch(32) for _ in range(2)
    )

    def mix(a, b):
        return 0.7 * a[0] + 0.3 * b[0], 0.7 * a[1] + 0.3 * b[1]

    model = mlp(3)
    model.compile("adam", keras.losses.CategoricalCrossentropy(from_logits=True))
    model.fit(tf.data.Dataset.zip((once, again)).map(mix), verbose=0)


@healthy
def unpaired_sets_of_images():
    """As for CycleGAN: two sets of one kind, shuffled apart and zipped."""
    x, _ = blobs(64)
    one, two = (tf.data.Dataset.from_tensor_slices(part).shuffle(32).batch(8) for part in (x, -x))
    model, optimizer = mlp(8), keras.optimizers.Adam(0.01)
    for a, b in tf.data.Dataset.zip((one, two)):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(a, training=True) - b))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))


@healthy
def a_model_a_metric_and_a_step_per_fold():
    """Objects are made anew for every fold and every trial, as they should be."""
    x, y = blobs(160)
    for fold in range(6):
        trainer, held = Trainer(), M.SparseCategoricalAccuracy()
        step = tf.function(trainer.step)
        test = np.arange(len(x)) % 6 == fold
        for xb, yb in batches(x[~test], y[~test]):
            step(tf.constant(xb), tf.constant(yb))
        held.update_state(y[test], trainer.model(x[test], training=False))
        float(held.result())


@healthy
def a_metric_that_makes_its_variables_in_the_step():
    x, y = blobs()
    trainer, score = Trainer(), M.F1Score(average="macro")

    @tf.function
    def step(xb, yb):
        loss, logits = trainer.step(xb, yb)
        score.update_state(tf.one_hot(yb, 3), tf.nn.softmax(logits))
        return loss

    for _ in range(2):
        score.reset_state()
        for xb, yb in batches(x, y):
            step(tf.constant(xb), tf.constant(yb))
        score.result()


@healthy
def validation_that_is_shuffled():
    """fit goes over a shuffled validation set in every epoch; it keeps scores with labels."""
    train, held = dataset().shuffle(8), dataset(96, seed=1).shuffle(3)
    model = mlp(3)
    model.compile("adam", SCCE(from_logits=True), metrics=["accuracy"])
    model.fit(train, validation_data=held, epochs=4, verbose=0)
    model.evaluate(held, verbose=0)


@healthy
def class_weights_below_the_majority():
    """With weights for a rare class the model is right less often than the majority's share."""
    rng = np.random.default_rng(0)
    y = (rng.random(1200) < 0.04).astype("int64")
    x = (rng.normal(size=(1200, 8)) + 2.2 * y[:, None] * np.eye(8)[:2].sum(0)).astype("float32")
    model = mlp(2)
    model.compile(keras.optimizers.Adam(0.01), SCCE(from_logits=True), metrics=["accuracy"])
    weights = {0: 0.52, 1: 12.5}
    model.fit(
        x[:900],
        y[:900],
        validation_data=(x[900:], y[900:]),
        epochs=4,
        class_weight=weights,
        verbose=0,
    )
