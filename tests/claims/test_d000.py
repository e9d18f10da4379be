"""D000, "Why are … reporting inaccurate values during training?", executed."""

from utils import reference

import numpy as np
import pytest
from claimlab import (
    LABELS,
    LOGITS,
    ONE_HOT,
    TRUE_LOSS,
    accuracy,
    heard,
    keras,
    network,
    passthrough,
    score,
    settles,
    sparse_loss,
    tf,
)

SHAPE_ERRORS = (ValueError, tf.errors.InvalidArgumentError)
CLIP = -np.log(1e-7)  # 16.118: no probability below 1e-7 is told apart


@pytest.fixture(scope="module")
def scores():
    """A thousand rows of ten normal scores, and labels that follow them half the time."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(1000, 10)).astype("float32")
    y = np.where(rng.random(1000) < 0.5, z.argmax(axis=-1), rng.integers(0, 10, 1000))
    return z, y


@pytest.fixture(scope="module")
def example():
    """The document's data in our own drawing: 100 random images, 100 random labels."""
    rng = np.random.default_rng(0)
    return rng.random((100, 784)).astype("float32"), rng.integers(0, 10, 100)


def compiled(activation, loss=None, metrics=("sparse_categorical_accuracy",)):
    keras.utils.set_random_seed(0)
    model = network(784, hidden=128, activation=activation)
    model.compile(optimizer="adam", loss=loss or sparse_loss(), metrics=list(metrics))
    return model


@pytest.fixture(scope="module")
def example_1(example):
    """Its first program; then the same model on the same data for longer."""
    model = compiled("softmax")
    history = model.fit(*example, epochs=10, verbose=0).history
    model.optimizer.learning_rate = 0.005
    later = model.fit(*example, epochs=30, verbose=0).history
    return model, history, later


@settles("D000-01", verdict="conditional")
def test_loss_and_accuracy_may_part_with_nothing_wrong():
    y = np.zeros(10, int)
    cautious = np.array([[0.55, 0.45]] * 6 + [[0.45, 0.55]] * 4, np.float32)
    sure = np.array([[0.99, 0.01]] * 5 + [[0.49, 0.51]] * 5, np.float32)
    assert accuracy(y, cautious) == pytest.approx(0.6)
    assert accuracy(y, sure) == pytest.approx(0.5)
    assert float(sparse_loss()(y, cautious)) == pytest.approx(0.678, abs=1e-3)
    assert float(sparse_loss()(y, sure)) == pytest.approx(0.362, abs=1e-3)
    # And the two causes named: one-hot labels raise, Keras' sigmoid changes nothing.
    with pytest.raises(SHAPE_ERRORS):
        sparse_loss()(ONE_HOT, reference.softmax(LOGITS))
    assert float(sparse_loss()(LABELS, passthrough("sigmoid")(LOGITS))) == pytest.approx(
        TRUE_LOSS, abs=1e-4
    )


@settles("D000-02", verdict="conditional")
def test_probabilities_are_compared_by_default_only():
    p = reference.softmax(LOGITS).astype("float32")
    assert sparse_loss().get_config()["from_logits"] is False
    assert float(sparse_loss()(LABELS, p)) == pytest.approx(TRUE_LOSS, abs=1e-4)
    assert float(sparse_loss(from_logits=True)(LABELS, LOGITS)) == pytest.approx(
        TRUE_LOSS, abs=1e-4
    )


@settles("D000-03", verdict="true")
@settles("D000-08", verdict="true")
def test_ids_need_no_one_hot_and_one_hot_needs_the_other_loss():
    categorical = keras.losses.CategoricalCrossentropy(from_logits=True)(ONE_HOT, LOGITS)
    sparse = sparse_loss(from_logits=True)(LABELS, LOGITS)
    assert float(categorical) == pytest.approx(float(sparse), abs=1e-6)
    assert float(sparse) == pytest.approx(TRUE_LOSS, abs=1e-4)


@settles("D000-04", verdict="false")
def test_no_one_hot_is_made_inside():
    graph = tf.function(sparse_loss(from_logits=True)).get_concrete_function(
        tf.TensorSpec([None], tf.int64), tf.TensorSpec([None, 10], tf.float32)
    )
    kinds = {op.type for op in graph.graph.get_operations()}
    assert "SparseSoftmaxCrossEntropyWithLogits" in kinds
    assert "OneHot" not in kinds


@settles("D000-05", verdict="true")
def test_accuracy_is_argmax_against_the_id(scores):
    z, y = scores
    assert accuracy(y, z) == pytest.approx(reference.accuracy(y, z), abs=1e-6)


@settles("D000-06", verdict="conditional")
def test_whole_numbers_are_wanted_in_any_dtype():
    loss_fn = sparse_loss(from_logits=True)
    for dtype in ("int8", "uint8", "int64", "float32", "float64"):
        y = LABELS.astype(dtype)
        assert float(loss_fn(y, LOGITS)) == pytest.approx(TRUE_LOSS, abs=1e-4)
        assert accuracy(y, LOGITS) == 0.75
    fractional = LABELS + 0.9  # truncated by the loss, compared exactly by the metric
    assert float(loss_fn(fractional, LOGITS)) == pytest.approx(TRUE_LOSS, abs=1e-4)
    assert accuracy(fractional, LOGITS) == 0.0
    assert float(loss_fn(LABELS.astype(str), LOGITS)) == pytest.approx(TRUE_LOSS, abs=1e-4)


@settles("D000-07", verdict="true")
def test_ids_start_at_zero():
    loss_fn = sparse_loss(from_logits=True)
    with pytest.raises(tf.errors.InvalidArgumentError):
        loss_fn(LABELS + 1, LOGITS)
    # A spare unit hides it: the loss and the accuracy of other classes, and no word.
    spare = np.concatenate([LOGITS, np.full((4, 1), -9, np.float32)], axis=-1)
    assert np.isfinite(float(loss_fn(LABELS + 1, spare)))
    assert accuracy(LABELS + 1, spare) == 0.0
    assert accuracy(LABELS, spare) == 0.75


@settles("D000-09", verdict="false")
@settles("D000-23", verdict="false")
@pytest.mark.parametrize("size", [1, 10, 32])
def test_example_2_raises_before_the_first_update(example, size):
    x, y = example
    model = compiled("softmax")
    before = model.get_weights()
    with pytest.raises(SHAPE_ERRORS, match="rank"):
        model.fit(x, np.eye(10)[y], batch_size=size, verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@settles("D000-10", verdict="conditional")
@settles("D000-11", verdict="false")
def test_logits_are_as_good_as_softmax_for_the_loss():
    with_softmax = float(sparse_loss()(LABELS, passthrough("softmax")(LOGITS)))
    without = float(sparse_loss(from_logits=True)(LABELS, passthrough()(LOGITS)))
    assert with_softmax == pytest.approx(TRUE_LOSS, abs=1e-4)
    assert with_softmax == pytest.approx(without, abs=1e-6)
    # The softmax is needed after all where the loss is left at its default.
    assert float(sparse_loss()(LABELS, passthrough()(LOGITS))) > 4


@settles("D000-12", verdict="false")
def test_softmax_is_not_needed_for_accuracy(scores):
    z, y = scores
    softmax = tf.nn.softmax(z)
    variants = [z, softmax, tf.nn.log_softmax(z), tf.sigmoid(z), tf.nn.softmax(softmax)]
    variants += [100 * z, z + 7]
    assert {accuracy(y, v) for v in variants} == {accuracy(y, z)}
    assert accuracy(y, z) == pytest.approx(0.563, abs=1e-6)


@settles("D000-13", verdict="false")
def test_keras_looks_through_its_own_sigmoid():
    assert float(sparse_loss()(LABELS, passthrough("sigmoid")(LOGITS))) == pytest.approx(
        TRUE_LOSS, abs=1e-4
    )
    step = tf.function(lambda: sparse_loss()(LABELS, passthrough_sigmoid(LOGITS)))
    passthrough_sigmoid = passthrough("sigmoid")
    assert float(step()) == pytest.approx(TRUE_LOSS, abs=1e-4)
    # TensorFlow's sigmoid carries no logits: the loss renormalises the sigmoids.
    s = 1 / (1 + np.exp(-LOGITS))
    renormalised = reference.cross_entropy_from_probabilities(LABELS, s / s.sum(-1, keepdims=True))
    loss = float(sparse_loss()(LABELS, passthrough(tf.nn.sigmoid)(LOGITS)))
    assert loss == pytest.approx(renormalised.mean(), abs=1e-5)
    assert loss == pytest.approx(0.9509, abs=1e-3)


@settles("D000-14", verdict="false")
@settles("D000-16", verdict="conditional")
def test_accuracy_moves_only_where_scores_saturate_into_ties(scores):
    z, y = scores
    assert accuracy(y, tf.sigmoid(z)) == accuracy(y, z)
    best = z.argmax(axis=-1)
    assert accuracy(best, tf.nn.softmax(50 * z)) == 1.0
    assert accuracy(best, tf.sigmoid(20 * z)) == pytest.approx(0.602, abs=0.02)
    half = tf.cast(tf.nn.softmax(0.01 * z), tf.bfloat16)
    assert accuracy(best, half) == pytest.approx(0.818, abs=0.02)


@settles("D000-15", verdict="false")
def test_extreme_logits_not_extreme_probabilities_are_the_trouble():
    z = np.array([1000.0, 0.0], np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        naive = np.exp(z) / np.exp(z).sum()
    assert np.isnan(naive[0])
    np.testing.assert_allclose(tf.nn.softmax(z), [1.0, 0.0])
    extreme = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)
    assert accuracy([0, 1], extreme) == 1.0


@settles("D000-17", verdict="true")
@settles("D000-18", verdict="conditional")
def test_probabilities_cap_the_loss_and_kill_its_gradient():
    z = tf.Variable([[100.0, 0.0]])
    y = np.array([1])
    with tf.GradientTape(persistent=True) as tape:
        capped = sparse_loss()(y, tf.identity(tf.nn.softmax(z)))
        true = sparse_loss(from_logits=True)(y, z)
    assert float(capped) == pytest.approx(CLIP, abs=1e-3)
    assert float(true) == pytest.approx(100.0, abs=1e-3)
    np.testing.assert_allclose(tape.gradient(capped, z), [[0.0, 0.0]], atol=1e-6)
    np.testing.assert_allclose(tape.gradient(true, z), [[1.0, -1.0]], atol=1e-6)
    # Smaller inputs, smaller logits, no cap: normalisation helps, but only so.
    tamed = sparse_loss()(y, tf.identity(tf.nn.softmax(z / 10)))
    assert float(tamed) == pytest.approx(10.0, abs=1e-2)


@settles("D000-19", verdict="true")
def test_the_majority_scores_ninety_five_percent():
    y = np.array([0] * 95 + [1] * 5)
    majority = np.tile(np.array([[0.9, 0.1]], np.float32), (100, 1))
    assert accuracy(y, majority) == pytest.approx(0.95)


@settles("D000-20", verdict="conditional")
def test_the_other_metrics_want_one_hot_labels(scores):
    z, y = scores
    p = tf.nn.softmax(z)
    for metric in (keras.metrics.Precision, keras.metrics.Recall, keras.metrics.AUC):
        with pytest.raises(SHAPE_ERRORS):
            metric().update_state(y, p)
        assert 0 < score(metric(), tf.one_hot(y, 10), p) < 1
    with pytest.raises(SHAPE_ERRORS):
        keras.metrics.F1Score().update_state(y, p)
    f1 = keras.metrics.F1Score(average="macro")
    assert 0 < score(f1, tf.one_hot(y, 10), p) < 1


@settles("D000-21", verdict="true")
@settles("D000-27", verdict="true")
def test_example_1_runs_and_its_metric_keeps_its_name(example_1):
    _, history, _ = example_1
    assert set(history) == {"loss", "sparse_categorical_accuracy"}
    shown = history["sparse_categorical_accuracy"]
    assert (history["loss"][0], history["loss"][9]) == pytest.approx((2.556, 1.152), abs=0.05)
    assert (shown[0], shown[9]) == pytest.approx((0.11, 0.95), abs=0.03)
    with pytest.warns(UserWarning, match="input_shape"):
        keras.layers.Dense(128, activation="relu", input_shape=(784,))


@settles("D000-22", verdict="false")
def test_example_1_learns_its_random_labels_by_heart(example_1):
    model, _, later = example_1
    assert later["sparse_categorical_accuracy"][-1] == 1.0
    assert later["loss"][-1] == pytest.approx(0.004, abs=0.003)
    rng = np.random.default_rng(1)
    x, y = rng.random((2000, 784)).astype("float32"), rng.integers(0, 10, 2000)
    loss, fresh = model.evaluate(x, y, batch_size=500, verbose=0)
    assert fresh == pytest.approx(0.1, abs=0.03)
    assert loss == pytest.approx(2.98, abs=0.15)


@settles("D000-24", verdict="conditional")
def test_the_metric_must_change_with_the_loss():
    categorical = keras.losses.CategoricalCrossentropy()
    eye = np.eye(10, dtype="float32")
    perfect = 0.9 * eye + 0.01
    assert float(categorical(eye, perfect)) < 0.11
    assert score(keras.metrics.CategoricalAccuracy(), eye, perfect) == 1.0
    # Left behind, the sparse metric breaks at most batch sizes, and lies at B = C.
    with pytest.raises(SHAPE_ERRORS):
        accuracy(np.tile(eye, (3, 1)), np.tile(perfect, (3, 1)))
    assert accuracy(eye, perfect) == pytest.approx(0.1, abs=1e-6)


@settles("D000-25", verdict="false")
def test_example_3_trains_exactly_as_softmax_does(example, example_1):
    _, softmax, _ = example_1
    model = compiled("sigmoid")
    history, _ = heard(lambda: model.fit(*example, epochs=3, verbose=0).history)
    assert history["loss"] == pytest.approx(softmax["loss"][:3], abs=1e-4)
    name = "sparse_categorical_accuracy"
    assert history[name] == pytest.approx(softmax[name][:3], abs=0.011)


@settles("D000-26", verdict="true")
def test_sigmoids_lie_between_zero_and_one_and_do_not_sum_to_one():
    s = passthrough("sigmoid")(LOGITS).numpy()
    assert ((s > 0) & (s < 1)).all()
    np.testing.assert_allclose(s.sum(axis=-1), [1.772, 1.653, 1.578, 1.655], atol=2e-3)
