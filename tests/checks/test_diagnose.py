"""checks.diagnose: what shows before the first step, and that looking changes nothing."""

from utils import checks
from utils.reference import cross_entropy_from_probabilities

import functools
import random

import keras
import numpy as np
import pytest
import tensorflow as tf

layers, M = keras.layers, keras.metrics
SCCE, CCE = keras.losses.SparseCategoricalCrossentropy, keras.losses.CategoricalCrossentropy
RNG = np.random.default_rng(4)
X = RNG.normal(size=(96, 8)).astype("float32")
Y = RNG.integers(0, 5, 96)
HOT = np.eye(5, dtype="float32")[Y]
MULTI = (RNG.random((96, 4)) < 0.3).astype("float32")
IMAGES = RNG.normal(size=(6, 8, 8, 3)).astype("float32")
MASKS = RNG.integers(0, 4, (6, 8, 8))


def net(activation=None, units=5, **settings):
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(16, activation="relu"),
            layers.Dense(units, activation=activation, **settings),
        ]
    )


def conv():
    return keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 1)])


def tagger():
    return keras.Sequential(
        [
            keras.Input((7,)),
            layers.Embedding(20, 8, mask_zero=True),
            layers.LSTM(8, return_sequences=True),
            layers.Dense(5, activation="softmax"),
        ]
    )


class Subclass(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(5)

    def call(self, x):
        return tf.nn.softmax(self.dense(x))


class OwnLoss(keras.losses.Loss):
    def call(self, y_true, y_pred):
        labels = tf.cast(y_true, tf.int32)
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, y_pred)


def tf_loss(y, z):
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, z))


def log_of_scores(y, p):
    return -tf.reduce_mean(tf.math.log(tf.gather(p, y, batch_dims=1)))


HEALTHY = {
    "logits": (net, SCCE(from_logits=True), (X, Y)),
    "softmax": (lambda: net("softmax"), SCCE(), (X, Y)),
    "by name, column labels": (
        lambda: net("softmax"),
        "sparse_categorical_crossentropy",
        (X, Y[:, None]),
    ),
    "smoothing": (lambda: net("softmax"), CCE(label_smoothing=0.1), (X, HOT)),
    "soft labels": (lambda: net("softmax"), CCE(), (X, HOT * 0.9 + 0.02)),
    "partial": (
        net,
        functools.partial(keras.losses.sparse_categorical_crossentropy, from_logits=True),
        (X, Y),
    ),
    "TensorFlow's op": (net, tf_loss, (X, Y)),
    "own class": (net, OwnLoss(), (X, Y)),
    "log-softmax": (lambda: net("log_softmax"), SCCE(from_logits=True), (X, Y)),
    "own formula": (lambda: net("softmax"), log_of_scores, (X, Y)),
    "zero head": (lambda: net(None, kernel_initializer="zeros"), SCCE(from_logits=True), (X, Y)),
    "one example": (net, SCCE(from_logits=True), (X[:1], Y[:1])),
    "lists": (net, SCCE(from_logits=True), (X.tolist(), Y.tolist())),
    "weights": (net, SCCE(from_logits=True), (X, Y, np.ones(96))),
    "focal": (lambda: net("softmax"), keras.losses.CategoricalFocalCrossentropy(), (X, HOT)),
    "binary": (lambda: net("sigmoid", 1), "binary_crossentropy", (X, Y > 2)),
    "multi-label": (lambda: net("sigmoid", 4), "binary_crossentropy", (X, MULTI)),
    "multi-label logits": (
        lambda: net(None, 4),
        keras.losses.BinaryCrossentropy(from_logits=True),
        (X, MULTI),
    ),
    "regression": (lambda: net(None, 1), "mse", (X, Y.astype("float32"))),
    "segmentation": (conv, SCCE(from_logits=True), (IMAGES, MASKS)),
    "segmentation with void": (
        conv,
        SCCE(from_logits=True, ignore_class=255),
        (IMAGES, np.where(MASKS == 1, 255, MASKS)),
    ),
    "sequence": (tagger, SCCE(), (RNG.integers(0, 20, (6, 7)), RNG.integers(0, 5, (6, 7)))),
    "float32 head": (
        lambda: keras.Sequential(
            [
                keras.Input((8,)),
                layers.Dense(8, dtype="mixed_float16"),
                layers.Dense(5, activation="softmax", dtype="float32"),
            ]
        ),
        SCCE(),
        (X, Y),
    ),
}  # fmt: skip

SICK = {
    "tf.nn.softmax": (
        lambda: net(tf.nn.softmax),
        SCCE(from_logits=True),
        (X, Y),
        "double-softmax",
    ),
    "softmax in call": (Subclass, SCCE(from_logits=True), (X, Y), "double-softmax"),
    "equal outputs": (
        lambda: net(tf.nn.softmax, kernel_initializer="zeros"),
        SCCE(from_logits=True),
        (X, Y),
        "double-softmax",
    ),
    "softmax and tf op": (lambda: net("softmax"), tf_loss, (X, Y), "double-softmax"),
    "default on logits": (net, SCCE(), (X, Y), "logits-as-probabilities"),
    "default on zero head": (
        lambda: net(None, kernel_initializer="zeros"),
        SCCE(),
        (X, Y),
        "logits-as-probabilities",
    ),
    "own formula on logits": (net, log_of_scores, (X, Y), "logits-as-probabilities"),
    "binary default on logits": (
        lambda: net(None, 1),
        "binary_crossentropy",
        (X, Y > 2),
        "logits-as-probabilities",
    ),
    "relu": (lambda: net("relu"), SCCE(from_logits=True), (X, Y), "wrong-output-activation"),
    "tanh": (lambda: net("tanh"), SCCE(from_logits=True), (X, Y), "wrong-output-activation"),
    "sigmoid": (lambda: net("sigmoid"), SCCE(), (X, Y), "wrong-output-activation"),
    "tf sigmoid": (
        lambda: net(tf.nn.sigmoid),
        SCCE(from_logits=True),
        (X, Y),
        "wrong-output-activation",
    ),
    "one unit": (lambda: net("sigmoid", 1), SCCE(), (X, Y), "output-units"),
    "one-hot": (net, SCCE(from_logits=True), (X, HOT), "one-hot-labels"),
    "ids": (lambda: net("softmax"), CCE(), (X, Y), "sparse-labels-to-categorical"),
    "from 1": (net, SCCE(from_logits=True), (X, Y + 1), "label-offset"),
    "void": (net, SCCE(from_logits=True), (X, np.where(Y == 2, -1, Y)), "label-range"),
    "fractions": (net, SCCE(from_logits=True), (X, Y / 255), "fractional-labels"),
    "text": (net, SCCE(from_logits=True), (X, np.array(list("abcdef") * 16)), "label-dtype"),
    "argmax": (
        net,
        lambda y, p: tf.reduce_mean(tf.cast(tf.argmax(p, -1), tf.float32)),
        (X, Y),
        "gradients-none",
    ),
    "gather without batch_dims": (
        net,
        lambda y, z: -tf.reduce_mean(tf.gather(tf.nn.log_softmax(z), y, axis=1)),
        (X, Y),
        "broadcast-shapes",
    ),
    "NaN in the input": (net, SCCE(from_logits=True), (X * np.nan, Y), "nan-scores"),
    "reduction by position": (net, SCCE("none"), (X, Y), "positional-reduction"),
    "half softmax": (
        lambda: net("softmax", dtype="mixed_float16"),
        SCCE(),
        (X, Y),
        "half-precision-softmax",
    ),
}


@pytest.mark.parametrize("case", HEALTHY)
def test_healthy_set_ups_raise_no_alarm(case):
    model, loss, data = HEALTHY[case]
    report = checks.diagnose(model(), loss, data)
    assert report.ok, report


@pytest.mark.parametrize("case", SICK)
def test_each_fault_is_named_and_nothing_else(case):
    model, loss, data, pitfall = SICK[case]
    assert [f.pitfall for f in checks.diagnose(model(), loss, data).alarms] == [pitfall]


def test_too_few_units_are_named_when_the_classes_are_known():
    report = checks.diagnose(net(None, 3), SCCE(from_logits=True), (X, Y), num_classes=5)
    assert [f.pitfall for f in report.alarms] == ["output-units"]


def test_both_routes_are_shown_with_their_losses():
    model = net(tf.nn.softmax)
    (finding,) = checks.diagnose(model, SCCE(from_logits=True), (X[:32], Y[:32])).alarms
    evidence = finding.evidence
    p = model(X[:32])
    right = cross_entropy_from_probabilities(Y[:32], p).mean()
    assert finding.severity == "warning"
    assert evidence["true loss"] == pytest.approx(right, rel=1e-4)
    assert evidence["loss in tf.function"] == pytest.approx(right, rel=1e-4)
    assert evidence["eager loss"] == pytest.approx(
        float(SCCE(from_logits=True)(Y[:32], p)), rel=1e-4
    )
    assert abs(evidence["eager loss"] - right) > 1e-3


def test_where_no_route_is_repaired_it_is_an_error():
    report = checks.diagnose(net("softmax", dtype="mixed_float16"), SCCE(from_logits=True), (X, Y))
    assert {f.pitfall: f.severity for f in report.alarms}["double-softmax"] == "error"


def test_keras_own_softmax_is_a_note():
    report = checks.diagnose(net("softmax"), SCCE(from_logits=True), (X, Y))
    assert report.ok
    assert [(f.pitfall, f.severity) for f in report] == [("double-softmax", "note")]


def test_the_repair_is_credited_only_to_losses_that_make_it():
    def wrapped(y, p):
        return keras.losses.sparse_categorical_crossentropy(y, p, from_logits=True)

    repaired = checks.diagnose(net("softmax"), wrapped, (X, Y))
    assert [f.severity for f in repaired if f.pitfall == "double-softmax"] == ["note"]
    plain = checks.diagnose(net("softmax"), tf_loss, (X, Y))
    assert [f.severity for f in plain if f.pitfall == "double-softmax"] == ["error"]


def test_layers_and_penalties_a_loop_must_mind_are_notes():
    model = keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(5, kernel_regularizer="l2"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
        ]
    )
    report = checks.diagnose(model, SCCE(from_logits=True), (X, Y))
    assert report.ok
    assert {f.pitfall for f in report} == {"training-flag", "missing-regularisation"}


def test_metrics_are_tried_on_copies():
    fits, wrong = M.SparseCategoricalAccuracy(), M.CategoricalAccuracy()
    report = checks.diagnose(net(), SCCE(from_logits=True), (X, Y), metrics=[fits, wrong])
    assert [f.pitfall for f in report.alarms] == ["sparse-labels-to-categorical"]
    assert float(fits.count) == float(wrong.count) == 0


def test_nothing_is_moved_on():
    def run(look):
        keras.utils.set_random_seed(7)
        model = keras.Sequential(
            [
                keras.Input((8,)),
                layers.Dense(8),
                layers.BatchNormalization(),
                layers.Dropout(0.5),
                layers.Dense(5, activation=tf.nn.softmax),
            ]
        )
        dataset = tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(96).batch(16)
        if look:
            checks.diagnose(model, SCCE(from_logits=True), dataset, metrics=["accuracy"])
        state = [v.numpy().tolist() for v in model.variables]
        drawn = [random.random(), float(tf.random.uniform([]))]
        drawn.append(np.random.get_state()[2])  # noqa: NPY002
        orders = [[y.numpy().tolist() for _, y in dataset] for _ in range(2)]
        return state, drawn, float(keras.random.uniform([])), orders

    assert run(look=True) == run(look=False)


def test_what_cannot_be_seen_is_said():
    inputs = keras.Input((8,))
    two_heads = keras.Model(inputs, [layers.Dense(5)(inputs), layers.Dense(2)(inputs)])
    for report in (
        checks.diagnose(two_heads, SCCE(from_logits=True), (X, Y)),
        checks.diagnose(net(), {"a": "mse"}, (X, Y)),
        checks.diagnose(net(), lambda y, p: tf.reduce_sum(p**4), (X, Y)),
    ):
        assert report.not_observed
        assert not report.ok


@pytest.mark.parametrize(
    ("model", "loss", "data", "error", "words"),
    [
        ("model", SCCE(), (X, Y), TypeError, "callable"),
        (net(), "crossentropy", (X, Y), ValueError, "crossentropy"),
        (net(), 3, (X, Y), TypeError, "loss_fn"),
        (net(), SCCE(), None, TypeError, "NoneType"),
        (net(), SCCE(), (X, None), TypeError, "None"),
        (net(), SCCE(), X, TypeError, "tuple"),
        (net(), SCCE(), (X[:0], Y[:0]), ValueError, "no examples"),
        (net(), SCCE(), (X, [[1], [2, 3]] * 48), ValueError, "ragged"),
        (net(), SCCE(), (X, Y[:50]), ValueError, "50 labels"),
        (net(), SCCE(), (X[:, :3], Y), ValueError, "does not accept"),
        (net(), SCCE(), tf.data.Dataset.from_tensor_slices((X, Y)), ValueError, "Batch it"),
        (
            net(),
            SCCE(),
            tf.data.Dataset.from_tensor_slices((X, Y)).batch(8).take(0),
            ValueError,
            "yields nothing",
        ),
    ],
)
def test_bad_input_gets_a_clear_message(model, loss, data, error, words):
    with pytest.raises(error, match=words) as caught:
        checks.diagnose(model, loss, data)
    assert len(str(caught.value)) < 350
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
