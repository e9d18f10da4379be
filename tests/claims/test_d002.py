"""D002, "Why is sparse_categorical_accuracy not updating correctly …?", executed."""

from utils import data, reference

import numpy as np
import pytest
from claimlab import (
    LABELS,
    LOGITS,
    accuracy,
    batches,
    heard,
    keras,
    network,
    passthrough,
    score,
    settles,
    sparse_loss,
    tf,
    train,
)

SHAPE_ERRORS = (ValueError, tf.errors.InvalidArgumentError)


@pytest.fixture(scope="module")
def scores():
    """Scores of a model that is right on about half of 1000 rows."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(1000, 10)).astype("float32")
    y = np.where(rng.random(1000) < 0.5, z.argmax(axis=-1), rng.integers(0, 10, 1000))
    return z, y


@pytest.fixture(scope="module")
def digits():
    return data.digits()


@pytest.fixture(scope="module")
def loop(digits):
    """Return the document's loop on digits: three epochs of (mean loss, accuracy)."""

    def run(activation=None, *, from_logits=True, shape=lambda y: y):
        keras.utils.set_random_seed(0)
        model = network(64, activation=activation)
        loss_fn, adam = sparse_loss(from_logits=from_logits), keras.optimizers.Adam()
        metric = keras.metrics.SparseCategoricalAccuracy()
        history = []
        for _ in range(3):
            steps = batches(digits.x_train, shape(digits.y_train), 64)
            losses = train(model, loss_fn, steps, adam, metric)
            history.append((np.mean(losses), float(metric.result())))
            metric.reset_state()
        return np.array(history), model

    return run


@pytest.fixture(scope="module")
def example_1(loop):
    return loop()


@settles("D002-01", verdict="false")
def test_a_mismatch_raises_and_other_faults_do_not(scores):
    z, y = scores
    with pytest.raises(SHAPE_ERRORS):
        accuracy(y[:31], z[:32])
    # Silent instead: batches of accuracy 1, 0, 0, 0, 1 read from the running value.
    metric = keras.metrics.SparseCategoricalAccuracy()
    right, wrong = np.array([0]), np.array([1])
    shown = [float(metric(y, LOGITS[:1])) for y in (right, wrong, wrong, wrong, right)]
    assert shown == pytest.approx([1, 0.5, 1 / 3, 0.25, 0.4])


@settles("D002-02", verdict="true")
def test_classes_lie_on_the_last_axis(scores):
    z, y = scores
    images = z[:32].reshape(2, 4, 4, 10)
    labels = y[:32].reshape(2, 4, 4)
    assert accuracy(labels, images) == pytest.approx(reference.accuracy(y[:32], z[:32]), abs=1e-6)
    with pytest.raises(SHAPE_ERRORS):
        accuracy(labels, np.moveaxis(images, -1, 1))


@settles("D002-03", verdict="conditional")
def test_batch_sizes_that_differ_raise_unless_one_is_one(scores):
    z, y = scores
    for labels, predictions in [(y[:31], z[:32]), (y[:32], z[:16])]:
        with pytest.raises(SHAPE_ERRORS):
            accuracy(labels, predictions)
    assert accuracy(y[:1], z[:32]) == pytest.approx(np.mean(z[:32].argmax(-1) == y[0]), abs=1e-6)
    assert accuracy(y[:32], z[:1]) == pytest.approx(np.mean(y[:32] == z[0].argmax()), abs=1e-6)


@settles("D002-04", verdict="false")
@settles("D002-05", verdict="false")
def test_logits_and_probabilities_have_the_same_accuracy(scores):
    z, y = scores
    p = tf.nn.softmax(z)
    assert accuracy(y, z) == accuracy(y, p) == accuracy(y, tf.nn.softmax(p))
    assert accuracy(y, z) == pytest.approx(0.563, abs=1e-6)


@settles("D002-06", verdict="conditional")
def test_only_what_moves_the_argmax_is_forbidden(scores):
    z, y = scores
    for harmless in (tf.nn.softmax(z), tf.sigmoid(z), z / 3 + 1):
        assert accuracy(y, harmless) == accuracy(y, z)
    labels = np.array([0, 1, 2] * 10)
    ids = labels.astype("float32")  # a perfect model, passed through argmax
    assert accuracy(labels, ids) == pytest.approx(1 / 3, abs=1e-6)
    assert accuracy(labels, ids[:, None]) == pytest.approx(1 / 3, abs=1e-6)
    assert accuracy(y, np.round(tf.nn.softmax(z))) == pytest.approx(0.121, abs=0.005)


@settles("D002-07", verdict="version")
def test_one_hot_labels_raise_unless_the_batch_has_a_fatal_size():
    perfect = np.eye(10, dtype="float32")
    assert accuracy(perfect, perfect) == pytest.approx(0.1, abs=1e-6)
    unlucky = perfect[[1, 1, 3, 9, 8, 7, 2, 8, 4, 6]]
    assert accuracy(unlucky, unlucky) == pytest.approx(0.02, abs=1e-6)
    single = [accuracy(row, row) for row in (perfect[:1], perfect[1:2], perfect[2:3])]
    assert single == pytest.approx([0.9, 0.1, 0.0], abs=1e-6)
    three = np.eye(3, dtype="float32")
    assert accuracy(three, three) == pytest.approx(1 / 3, abs=1e-6)
    for size in (2, 9, 11, 32):
        rows = perfect[np.arange(size) % 10]
        with pytest.raises(SHAPE_ERRORS):
            accuracy(rows, rows)


@settles("D002-08", verdict="false")
def test_label_dtypes_do_not_matter(scores):
    z, y = scores
    dtypes = ["int8", "int16", "int32", "int64", "uint8", "float16", "float32", "float64"]
    assert {accuracy(y.astype(d), z) for d in dtypes} == {accuracy(y, z)}
    # Booleans are another matter: they fold ten classes into two.
    assert accuracy(y.astype(bool), z) == pytest.approx(0.161, abs=1e-6)


@settles("D002-09", verdict="version")
def test_ids_merge_in_half_precision():
    ids = np.arange(2048, 4096)
    off_by_one = tf.one_hot((ids + 1) % 4096, 4096)
    assert accuracy(ids, off_by_one) == 0.0
    # Whole numbers here are 16 apart in bfloat16 and 2 apart in float16.
    assert accuracy(ids, tf.cast(off_by_one, tf.bfloat16)) == pytest.approx(15 / 16, abs=2e-3)
    assert accuracy(ids, tf.cast(off_by_one, tf.float16)) == pytest.approx(1 / 2, abs=2e-3)


@settles("D002-10", verdict="version")
def test_example_1_stops_at_reset_states(example_1):
    metric = keras.metrics.SparseCategoricalAccuracy()
    with pytest.raises(AttributeError):
        metric.reset_states()
    metric.reset_state()
    history, _ = example_1
    np.testing.assert_allclose(history[:, 1], [0.109, 0.296, 0.543], atol=0.02)


@settles("D002-11", verdict="false")
def test_the_metric_is_the_same_with_a_last_activation(loop, example_1):
    with_softmax, _ = loop("softmax", from_logits=False)
    np.testing.assert_allclose(with_softmax, example_1[0], atol=2e-3)


@settles("D002-12", verdict="true")
def test_from_logits_goes_with_a_linear_output():
    expected = reference.cross_entropy(LABELS, LOGITS).mean()
    loss, warned = heard(sparse_loss(from_logits=True), LABELS, passthrough()(LOGITS))
    assert float(loss) == pytest.approx(expected, abs=1e-5)
    assert warned == []


@settles("D002-13", verdict="true")
def test_updated_per_batch_reset_per_epoch_and_still_a_running_average(digits):
    model = network(64)
    metric = keras.metrics.SparseCategoricalAccuracy()
    steps = batches(digits.x_train, digits.y_train, 32)
    train(model, sparse_loss(from_logits=True), steps, keras.optimizers.Adam(0.01), metric)
    running = float(metric.result())
    metric.reset_state()
    assert float(metric.result()) == 0.0
    after = accuracy(digits.y_train, model(digits.x_train))
    assert (running, after) == pytest.approx((0.636, 0.884), abs=0.03)


@settles("D002-14", verdict="false")
@settles("D002-15", verdict="false")
@settles("D002-16", verdict="conditional")
def test_example_2_column_labels_are_squeezed_by_keras_only(loop, example_1, scores):
    history, _ = loop(shape=lambda y: y[:, None])
    np.testing.assert_allclose(history, example_1[0], atol=1e-6)
    z, y = scores
    column = tf.expand_dims(y, axis=-1)
    assert column.shape == (1000, 1)  # expand_dims makes the column; nothing is mended
    assert accuracy(column, z) == accuracy(y, z)
    by_hand = tf.argmax(z, axis=-1) == column
    assert by_hand.shape == (1000, 1000)
    share = float(tf.reduce_mean(tf.cast(by_hand, tf.float32)))
    assert share == pytest.approx(0.1, abs=0.01)


@settles("D002-17", verdict="false")
@settles("D002-18", verdict="conditional")
def test_example_3(loop, example_1):
    expected, _ = example_1
    np.testing.assert_allclose(expected[:, 0], [2.283, 2.089, 1.859], atol=0.01)
    np.testing.assert_allclose(expected[:, 1], [0.109, 0.296, 0.543], atol=0.02)
    (repaired, _), warned = heard(loop, "softmax")
    np.testing.assert_allclose(repaired, expected, atol=2e-3)
    assert len(warned) > 0
    (twice, _), warned = heard(loop, tf.nn.softmax)
    assert warned == []
    np.testing.assert_allclose(twice[:, 0], [2.298, 2.271, 2.223], atol=0.01)
    assert twice[-1, 1] == pytest.approx(0.409, abs=0.02)


@settles("D002-19", verdict="true")
def test_apply_gradients_takes_pairs():
    model, sgd = passthrough(), keras.optimizers.SGD(1.0)
    before = model.trainable_variables[0].numpy()
    sgd.apply_gradients(zip([np.ones((3, 3))], model.trainable_variables[:1], strict=True))
    np.testing.assert_allclose(before - model.trainable_variables[0].numpy(), 1.0)


@settles("D002-20", verdict="conditional")
def test_without_training_true_batch_norm_learns_nothing():
    x = np.random.default_rng(0).normal(5, 1, (64, 4)).astype("float32")
    norm = keras.layers.BatchNormalization()
    model = keras.Sequential([keras.Input((4,)), norm])
    np.testing.assert_array_equal(model(x), model(x, training=False))
    np.testing.assert_array_equal(norm.moving_mean, np.zeros(4))
    model(x, training=True)
    np.testing.assert_allclose(norm.moving_mean, 0.01 * x.mean(axis=0), rtol=1e-4)
    plain = passthrough()
    np.testing.assert_array_equal(plain(LOGITS), plain(LOGITS, training=True))


@settles("D002-21", verdict="true")
def test_result_numpy_in_eager_code_only():
    metric = keras.metrics.SparseCategoricalAccuracy()
    metric.update_state(LABELS, LOGITS)
    assert metric.result().numpy() == pytest.approx(0.75)

    @tf.function
    def step():
        return metric.result().numpy()

    with pytest.raises((AttributeError, NotImplementedError)):
        step()


@settles("D002-22", verdict="conditional")
def test_python_prints_once_in_a_graph():
    printed = {"eager": 0, "graph": 0}

    def step(x, mode):
        printed[mode] += 1  # stands for print()
        return x + 1

    graph = tf.function(step)
    for _ in range(10):
        step(tf.constant(1.0), "eager")
        graph(tf.constant(1.0), "graph")
    assert printed == {"eager": 10, "graph": 1}


@settles("D002-23", verdict="false")
def test_the_function_has_no_state():
    values = keras.metrics.sparse_categorical_accuracy(LABELS, LOGITS)
    np.testing.assert_array_equal(values, [1, 1, 1, 0])
    for method in ("update_state", "result", "reset_state"):
        assert not hasattr(keras.metrics.sparse_categorical_accuracy, method)


@settles("D002-24", verdict="true")
def test_without_reset_epochs_run_together():
    epochs = [np.arange(10) < share for share in (2, 6, 9)]  # right on 2, 6, 9 of 10
    metric, shown = keras.metrics.SparseCategoricalAccuracy(), []
    for right in epochs:
        metric.update_state(np.where(right, 0, 1), np.tile([[1.0, 0.0]], (10, 1)))
        shown.append(float(metric.result()))
    assert shown == pytest.approx([0.2, 0.4, 17 / 30])
    assert score(metric.__class__(), np.where(epochs[2], 0, 1), [[1.0, 0.0]] * 10) == (
        pytest.approx(0.9)
    )
