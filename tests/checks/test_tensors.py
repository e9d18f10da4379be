"""What TensorFlow brings: tensors of all kinds, and datasets that looking must not move on."""

from utils import checks

import keras
import numpy as np
import pytest
import tensorflow as tf

IDS = np.random.default_rng(0).integers(0, 3, 64)
X = np.zeros((64, 4), "float32")
Dataset = tf.data.Dataset


@pytest.mark.parametrize(
    "y",
    [
        tf.constant(IDS),
        tf.Variable(IDS),
        keras.Variable(IDS, dtype="int32", trainable=False),
        tf.constant(IDS, tf.bfloat16),
        tf.ragged.constant([[0, 1, 2], [1]]),
    ],
    ids=lambda y: type(y).__name__,
)
def test_tensors_are_read(y):
    assert checks.labels(y, 3).ok


def test_the_dtype_of_a_bfloat16_tensor_is_reported_as_given():
    assert checks.labels(tf.constant([0, 1], tf.bfloat16), 3).observed["dtype"] == "bfloat16"


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (keras.KerasTensor((None, 3)), "symbolic"),
        (tf.sparse.from_dense([[1, 0]]), "to_dense"),
    ],
    ids=["symbolic", "sparse"],
)
def test_tensors_without_plain_values_are_refused(y, words):
    with pytest.raises(TypeError, match=words):
        checks.labels(y, 3)
    with pytest.raises(TypeError, match=words):
        checks.outputs(y, from_logits=True)


def test_inside_a_traced_function_the_message_says_so():
    @tf.function
    def step(y):
        checks.labels(y, 3)

    with pytest.raises(TypeError, match=r"outside.*tf\.function"):
        step(tf.constant([0, 1]))


@pytest.mark.parametrize(
    "dataset",
    [
        Dataset.from_tensor_slices((X, IDS)).batch(10),
        Dataset.from_tensor_slices((X, IDS[:, None])).batch(10),
        Dataset.from_tensor_slices((X, IDS)),
        Dataset.from_tensor_slices((X, IDS, np.ones(64))).batch(10).repeat(),
        Dataset.from_tensor_slices(IDS).batch(10),
    ],
    ids=["batched", "column", "unbatched", "endless", "labels alone"],
)
def test_datasets_are_read(dataset):
    assert checks.labels(dataset, 3).ok


@pytest.mark.parametrize("batch", [None, 16])
def test_one_hot_labels_in_a_dataset_are_found(batch):
    dataset = Dataset.from_tensor_slices((X, np.eye(3)[IDS]))
    dataset = dataset if batch is None else dataset.batch(batch)
    assert [f.pitfall for f in checks.labels(dataset, 3)] == ["one-hot-labels"]


def test_a_dataset_that_yields_nothing_is_a_clear_error():
    with pytest.raises(ValueError, match="yields nothing"):
        checks.labels(Dataset.from_tensor_slices((X, IDS)).batch(100, drop_remainder=True), 3)


def test_a_dataset_without_labels_is_a_clear_error():
    with pytest.raises(TypeError, match="image"):
        checks.labels(Dataset.from_tensor_slices({"image": X}), 3)


@pytest.mark.parametrize("finish", [lambda d: d, lambda d: d.repeat(2), lambda d: d.prefetch(2)])
def test_looking_into_a_dataset_leaves_its_order_alone(finish):
    def epochs(look):
        tf.random.set_seed(5)
        dataset = Dataset.from_tensor_slices((np.arange(64), IDS)).shuffle(64)
        dataset = finish(dataset.map(lambda x, y: (x, y)).batch(16))
        if look:
            assert checks.labels(dataset, 3).ok
        return [[x.numpy().tolist() for x, _ in dataset] for _ in range(2)]

    untouched = epochs(look=False)
    assert untouched[0] != untouched[1]
    assert epochs(look=True) == untouched


def test_a_dataset_that_fails_is_a_clear_error():
    def broken():
        yield 1
        raise RuntimeError("disk on fire")

    dataset = Dataset.from_generator(broken, output_signature=tf.TensorSpec((), tf.int64))
    with pytest.raises(ValueError, match="disk on fire") as caught:
        checks.labels(dataset.batch(4), 3)
    assert caught.value.__suppress_context__


def test_generators_behind_a_shuffle_are_read():
    def pairs():
        yield from ((np.zeros(3, "float32"), i % 3) for i in range(50))

    signature = (tf.TensorSpec((3,)), tf.TensorSpec((), tf.int64))
    dataset = Dataset.from_generator(pairs, output_signature=signature).shuffle(50).batch(8)
    report = checks.labels(dataset, 3)
    assert report.ok
    assert report.observed["labels"] == 50
