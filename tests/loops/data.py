"""Loops fed by tf.data pipelines that mix things up."""

import keras
import numpy as np
import tensorflow as tf

from . import blobs, pair
from .run import Trainer


@pair("validation-leak")
def take_and_skip_after_shuffle(broken):
    data = tf.data.Dataset.from_tensor_slices(blobs())
    data = data.shuffle(256, reshuffle_each_iteration=broken)
    train, held = data.skip(64).batch(32), data.take(64).batch(32)
    trainer, metric = Trainer(), keras.metrics.SparseCategoricalAccuracy()
    for _ in range(2):
        for x, y in train:
            trainer.step(x, y)
        metric.reset_state()
        for x, y in held:
            metric.update_state(y, trainer.model(x, training=False))
        float(metric.result())


@pair("misaligned-labels")
def shuffled_apart(broken):
    x, y = (tf.data.Dataset.from_tensor_slices(a) for a in blobs())
    if broken:
        data = tf.data.Dataset.zip((x.shuffle(256), y.shuffle(256)))
    else:
        data = tf.data.Dataset.zip((x, y)).shuffle(256)
    trainer = Trainer()
    for xb, yb in data.batch(32):
        trainer.step(xb, yb)


@pair("reshuffled-pass")
def labels_from_another_pass(broken):
    data = tf.data.Dataset.from_tensor_slices(blobs())
    train = data.shuffle(256).batch(32)
    test = data.shuffle(256).batch(32) if broken else data.batch(32)
    trainer = Trainer()
    for x, y in train:
        trainer.step(x, y)
    scores = trainer.model.predict(test, verbose=0)
    labels = np.concatenate([y for _, y in test])
    np.mean(scores.argmax(-1) == labels)
