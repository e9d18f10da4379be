"""Functions are watched under every name they are held by, bound before the block or not."""

from utils import checks

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.losses import sparse_categorical_crossentropy as held_loss
from keras.metrics import binary_accuracy as held_binary
from keras.metrics import categorical_accuracy as held_categorical
from keras.metrics import sparse_categorical_accuracy as held_sparse
from keras.ops import sparse_categorical_crossentropy as held_op
from tensorflow.nn import sigmoid_cross_entropy_with_logits as held_sigmoid
from tensorflow.nn import sparse_softmax_cross_entropy_with_logits as held_softmax
from tensorflow.nn import weighted_cross_entropy_with_logits as held_weighted

RNG = np.random.default_rng(0)
IDS = RNG.integers(0, 3, 300)
PROBABILITIES = RNG.dirichlet([1, 1, 1], 300).astype("float32")
LOGITS = RNG.normal(size=(300, 3)).astype("float32") * 4
ONE = PROBABILITIES[:, :1]
BINARY = (ONE > 0.5).astype("float32")
ROWS = np.eye(3, dtype="float32")

CASES = {
    "metric": ("one-hot-labels", lambda: held_sparse(ROWS, ROWS)),
    "tf.keras metric": (
        "one-hot-labels",
        lambda: tf.keras.metrics.sparse_categorical_accuracy(ROWS, ROWS),
    ),
    "categorical metric": (
        "sparse-labels-to-categorical",
        lambda: held_categorical(IDS[:, None], PROBABILITIES),
    ),
    "binary metric": ("metric-on-logits", lambda: held_binary(BINARY, LOGITS[:, :1])),
    "loss": ("logits-as-probabilities", lambda: held_loss(IDS, LOGITS)),
    "tf.keras loss": (
        "logits-as-probabilities",
        lambda: tf.keras.losses.sparse_categorical_crossentropy(IDS, LOGITS),
    ),
    "tf.losses": (
        "logits-as-probabilities",
        lambda: tf.losses.sparse_categorical_crossentropy(IDS, LOGITS),
    ),
    "keras.ops": ("logits-as-probabilities", lambda: held_op(IDS, LOGITS)),
    "tf.nn softmax": (
        "double-softmax",
        lambda: held_softmax(labels=IDS, logits=PROBABILITIES),
    ),
    "tf.nn sigmoid": ("double-softmax", lambda: held_sigmoid(labels=BINARY, logits=ONE)),
    "tf.nn weighted": (
        "double-softmax",
        lambda: held_weighted(labels=BINARY, logits=ONE, pos_weight=2.0),
    ),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("wrap", [lambda f: f, tf.function], ids=["eager", "graph"])
def test_a_function_is_watched_by_any_name(case, wrap):
    pitfall, call = CASES[case]
    step = wrap(call)
    with checks.watch() as report:
        for _ in range(4):  # what one batch leaves open, several decide
            step()
    assert pitfall in {f.pitfall for f in report.alarms}, str(report)


@pytest.mark.parametrize("function", [held_sparse, held_categorical, held_binary])
def test_a_watched_function_gives_what_it_gave_and_is_left_as_it_was(function):
    before = (function.__code__, function.__defaults__, dict(function.__globals__))
    bare = function(BINARY, ONE)
    with checks.watch():
        watched = function(y_true=BINARY, y_pred=ONE)
        with pytest.raises(TypeError):
            function(BINARY)
    np.testing.assert_array_equal(bare, watched)
    assert (function.__code__, function.__defaults__, dict(function.__globals__)) == before


def test_defaults_are_kept_while_watched():
    with checks.watch():
        assert float(keras.metrics.binary_accuracy([[1.0]], [[0.4]])[0, 0]) == 0
        assert float(keras.metrics.binary_accuracy([[1.0]], [[0.4]], threshold=0.3)[0, 0]) == 1


def test_means_of_numpy_are_what_they_were():
    values = np.arange(6.0).reshape(2, 3)
    with checks.watch():
        assert np.mean(values, axis=0, keepdims=True).tolist() == [[1.5, 2.5, 3.5]]
        assert np.mean(values, where=values > 2) == 4
        assert np.average(values[0], weights=[1, 0, 3]) == 1.5
        assert np.average(values[0], returned=True) == (1, 3)
        with pytest.raises(TypeError):
            np.mean()
