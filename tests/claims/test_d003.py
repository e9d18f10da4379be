"""D003, "How can I interpret the output of sparse_categorical_crossentropy?", executed."""

from utils import data, reference

import numpy as np
import pytest
from claimlab import (
    LABELS,
    LOGITS,
    ONE_HOT,
    accuracy,
    drill,
    keras,
    network,
    passthrough,
    score,
    settles,
    sparse_loss,
    tf,
)
from sklearn.utils import class_weight

LN_10 = np.log(10)
SHAPE_ERRORS = (ValueError, tf.errors.InvalidArgumentError)


@pytest.fixture(scope="module")
def example():
    """The document's data in our own drawing: 100 rows of ten features, random labels."""
    rng = np.random.default_rng(0)
    return rng.random((100, 10)).astype("float32"), rng.integers(0, 10, 100)


@pytest.fixture(scope="module")
def digits():
    return data.digits()


def compiled(inputs=10, *, optimizer="adam", metrics=("accuracy",), **kwargs):
    keras.utils.set_random_seed(0)
    model = network(inputs, hidden=128, activation="softmax")
    model.compile(
        optimizer=optimizer,
        loss="sparse_categorical_crossentropy",
        metrics=list(metrics),
        **kwargs,
    )
    return model


@pytest.fixture(scope="module")
def example_1(example):
    return compiled().fit(*example, epochs=10, verbose=0).history


@pytest.fixture(scope="module")
def by_heart(example):
    """The network of Example 1 after it has learned its random labels by heart."""
    keras.utils.set_random_seed(0)
    model = network(10, hidden=128)
    loss = drill(model, sparse_loss(from_logits=True), *example, steps=600)
    rng = np.random.default_rng(1)
    fresh = rng.random((2000, 10)).astype("float32"), rng.integers(0, 10, 2000)
    return model, loss, fresh


@pytest.fixture(scope="module")
def regularised(digits):
    """A model with dropout and L2, trained by fit for three epochs; and its history."""
    keras.utils.set_random_seed(0)
    l2 = keras.regularizers.L2(1e-3)
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(64, activation="relu", kernel_regularizer=l2),
            keras.layers.Dropout(0.4),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", sparse_loss(), metrics=["accuracy"])
    split = digits
    history = model.fit(
        split.x_train,
        split.y_train,
        validation_data=(split.x_test, split.y_test),
        epochs=4,
        verbose=0,
    ).history
    return model, history


def weighted_mean(y, z, weights):
    return float(np.mean(reference.cross_entropy(y, z) * weights))


@settles("D003-01", verdict="conditional")
def test_mean_negative_log_likelihood_by_default():
    per_example = reference.cross_entropy(LABELS, LOGITS)
    assert float(sparse_loss(from_logits=True)(LABELS, LOGITS)) == pytest.approx(
        per_example.mean(), abs=1e-5
    )
    values = keras.losses.sparse_categorical_crossentropy(LABELS, LOGITS, from_logits=True)
    np.testing.assert_allclose(values, per_example, atol=1e-5)
    weights = np.array([1.0, 2.0, 3.0, 4.0])
    weighted = float(sparse_loss(from_logits=True)(LABELS, LOGITS, sample_weight=weights))
    assert weighted == pytest.approx((weights * per_example).sum() / 4, abs=1e-5)
    assert abs(weighted - (weights * per_example).sum() / weights.sum()) > 1


@settles("D003-02", verdict="false")
def test_sparse_means_integer_labels():
    dense = keras.losses.CategoricalCrossentropy(from_logits=True)(ONE_HOT, LOGITS)
    loss_fn = sparse_loss(from_logits=True)
    assert float(loss_fn(LABELS, LOGITS)) == pytest.approx(float(dense), abs=1e-6)
    with pytest.raises((ValueError, TypeError, tf.errors.InvalidArgumentError)):
        loss_fn(tf.sparse.from_dense(ONE_HOT), LOGITS)


@settles("D003-03", verdict="true")
def test_one_class_per_example():
    two_classes_each = np.stack([LABELS, LABELS[::-1]], axis=-1)
    with pytest.raises(SHAPE_ERRORS):
        sparse_loss(from_logits=True)(two_classes_each, LOGITS)


@settles("D003-04", verdict="true")
def test_integers_save_memory():
    rows, classes = 10_000, 10_000
    assert np.zeros(rows, np.int64).nbytes == 80_000
    one_row = tf.one_hot([0], classes).numpy().nbytes
    assert one_row * rows == 400_000_000


@settles("D003-05", verdict="conditional")
def test_minus_log_p_within_the_clip_and_for_rows_that_sum_to_one():
    p = reference.softmax(LOGITS).astype("float32")
    expected = reference.cross_entropy_from_probabilities(LABELS, p)
    values = keras.losses.sparse_categorical_crossentropy(LABELS, p)
    np.testing.assert_allclose(values, expected, atol=1e-5)
    halved = keras.losses.sparse_categorical_crossentropy(LABELS, p / 2)
    np.testing.assert_allclose(halved, expected, atol=1e-5)  # not −log(p/2)
    impossible = sparse_loss()(np.array([1]), np.array([[1.0, 0.0]], np.float32))
    assert float(impossible) == pytest.approx(16.118, abs=1e-3)


@settles("D003-06", verdict="true")
def test_the_batch_loss_is_the_mean_but_batches_need_weights():
    per_example = reference.cross_entropy(LABELS, LOGITS)
    loss_fn = sparse_loss(from_logits=True)
    whole = float(loss_fn(LABELS, LOGITS))
    assert whole == pytest.approx(per_example.mean(), abs=1e-5)
    parts = [float(loss_fn(LABELS[s], LOGITS[s])) for s in (slice(0, 3), slice(3, 4))]
    assert np.mean(parts) == pytest.approx(1.2879, abs=1e-3)
    assert np.average(parts, weights=[3, 1]) == pytest.approx(whole, abs=1e-5)


@settles("D003-07", verdict="conditional")
def test_the_mean_is_the_geometric_one():
    loss_fn = sparse_loss()

    def rows(*p):
        return np.array([[q, 1 - q] for q in p], np.float32)

    uneven, even = rows(0.999, 0.999, 0.001), rows(0.5, 0.5, 0.5)
    y = np.zeros(3, int)
    assert uneven[:, 0].mean() == pytest.approx(0.666, abs=1e-3)
    assert float(loss_fn(y, uneven)) == pytest.approx(2.303, abs=1e-3)
    assert float(loss_fn(y, even)) == pytest.approx(0.693, abs=1e-3)
    geometric = np.prod(uneven[:, 0].astype(float)) ** (1 / 3)
    assert np.exp(-float(loss_fn(y, uneven))) == pytest.approx(geometric, abs=1e-4)


@settles("D003-08", verdict="false")
def test_a_loss_value_has_landmarks():
    loss_fn, y = sparse_loss(from_logits=True), np.arange(10)
    assert float(loss_fn(y, np.zeros((10, 10), "float32"))) == pytest.approx(LN_10, abs=1e-5)
    sure_and_wrong = 3 * np.eye(10, dtype="float32")[(y + 1) % 10]
    assert float(loss_fn(y, sure_and_wrong)) > LN_10
    # Probabilities taken for logits cannot go below this, however good they are.
    assert float(loss_fn(y, np.eye(10, dtype="float32"))) == pytest.approx(1.4612, abs=1e-4)
    skewed = np.repeat([0, 1, 2], [80, 10, 10])
    frequencies = np.log(np.tile([[0.8, 0.1, 0.1]], (100, 1))).astype("float32")
    assert float(loss_fn(skewed, frequencies)) == pytest.approx(0.639, abs=1e-3)
    assert reference.prior_entropy(skewed) == pytest.approx(0.639, abs=1e-3)


@settles("D003-09", verdict="conditional")
@settles("D003-10", verdict="false")
def test_loss_and_accuracy_both_improve_on_pure_noise(example, by_heart):
    model, loss, (x, y) = by_heart
    assert loss == pytest.approx(0.001, abs=0.002)
    assert accuracy(example[1], model(example[0])) == 1.0
    assert accuracy(y, model(x)) == pytest.approx(0.1, abs=0.03)
    assert float(sparse_loss(from_logits=True)(y, model(x))) == pytest.approx(11.5, abs=2)


@settles("D003-12", verdict="true")
def test_example_1(example, example_1):
    losses = example_1["loss"]
    assert (losses[0], losses[-1]) == pytest.approx((2.305, 2.231), abs=0.01)
    # What it has reached after ten epochs is the entropy of the label frequencies.
    assert losses[-1] == pytest.approx(reference.prior_entropy(example[1]), abs=0.06)
    assert min(example_1["accuracy"]) == pytest.approx(0.11, abs=0.03)
    assert max(example_1["accuracy"]) == pytest.approx(0.22, abs=0.03)


@settles("D003-13", verdict="conditional")
@settles("D003-24", verdict="conditional")
def test_history_is_a_running_mean_with_penalties(digits, regularised):
    model, history = regularised
    pure = {}
    for name, x, y in [
        ("train", digits.x_train, digits.y_train),
        ("validation", digits.x_test, digits.y_test),
    ]:
        p = model.predict(x, batch_size=500, verbose=0)
        pure[name] = reference.cross_entropy_from_probabilities(y, p).mean()
    penalty = float(sum(model.losses))
    assert penalty == pytest.approx(0.050, abs=0.01)
    assert pure["train"] == pytest.approx(0.883, abs=0.05)
    assert pure["validation"] == pytest.approx(0.913, abs=0.05)
    # Validation has the penalty in it too; training has besides dropout and old weights.
    assert history["val_loss"][-1] == pytest.approx(pure["validation"] + penalty, abs=1e-3)
    assert history["loss"][-1] == pytest.approx(1.196, abs=0.05)
    # The curves diverge, training above validation, and nothing is overfitted.
    assert history["val_loss"][-1] == pytest.approx(0.963, abs=0.05)


@settles("D003-14", verdict="true")
def test_accuracy_means_sparse_accuracy_here(example, example_1):
    assert set(example_1) == {"loss", "accuracy"}
    x, y = example
    model = compiled()
    _, shown = model.evaluate(x, y, verbose=0)
    assert shown == pytest.approx(reference.accuracy(y, model.predict(x, verbose=0)), abs=1e-6)


@settles("D003-15", verdict="true")
def test_the_best_constant_guess_is_the_frequencies():
    y = np.repeat([0, 1, 2], [80, 10, 10])
    x = np.zeros((100, 1), "float32")
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(3)])
    adam = keras.optimizers.Adam(0.1)
    loss = drill(model, sparse_loss(from_logits=True), x, y, 300, adam)
    assert loss == pytest.approx(0.639, abs=1e-3)
    p = tf.nn.softmax(model(x[:1])).numpy()[0]
    np.testing.assert_allclose(p, [0.8, 0.1, 0.1], atol=0.01)
    assert score(keras.metrics.SparseCategoricalAccuracy(), y, model(x)) == pytest.approx(0.8)


@settles("D003-16", verdict="false")
def test_example_2_has_no_imbalance_to_handle(example):
    _, y = example
    counts = np.bincount(y, minlength=10)
    weights = class_weight.compute_sample_weight("balanced", y)
    assert (counts.min(), counts.max()) == (7, 15)
    assert reference.prior_entropy(y) > LN_10 - 0.1
    assert (weights.min(), weights.max()) == pytest.approx((0.667, 1.429), abs=1e-3)


@settles("D003-17", verdict="true")
@settles("D003-19", verdict="true")
def test_example_2_equals_a_dictionary_of_class_weights(example):
    x, y = example
    weights = class_weight.compute_sample_weight("balanced", y)
    counts = np.bincount(y, minlength=10)
    table = {k: 100 / (10 * n) for k, n in enumerate(counts)}
    by_sample = compiled().fit(x, y, epochs=3, sample_weight=weights, verbose=0).history
    by_class = compiled().fit(x, y, epochs=3, class_weight=table, verbose=0).history
    assert by_sample["loss"] == pytest.approx([2.329, 2.313, 2.304], abs=0.01)
    assert by_sample["loss"] == pytest.approx(by_class["loss"], abs=1e-5)


@settles("D003-18", verdict="false")
def test_example_2_passes_sample_weights_not_class_weights(example):
    x, y = example
    weights = class_weight.compute_sample_weight("balanced", y)
    with pytest.raises((AttributeError, ValueError, TypeError)):
        compiled().fit(x, y, class_weight=weights, verbose=0)


@settles("D003-20", verdict="true")
def test_rare_classes_weigh_more_and_the_total_stays():
    y = np.repeat([0, 1, 2], [80, 10, 10])
    weights = class_weight.compute_sample_weight("balanced", y)
    assert weights.sum() == pytest.approx(100)
    assert weights[-1] == pytest.approx(8 * weights[0])


@settles("D003-21", verdict="false")
def test_a_weighted_loss_is_another_figure():
    y = np.repeat([0, 1], [90, 10])
    x = np.random.default_rng(0).normal(size=(100, 2)).astype("float32")
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, activation="softmax")])
    frozen = keras.optimizers.SGD(0.0)
    model.compile(frozen, sparse_loss(), metrics=["accuracy"], weighted_metrics=["accuracy"])
    plain = model.fit(x, y, verbose=0).history
    weighted = model.fit(x, y, class_weight={0: 1.0, 1: 9.0}, verbose=0).history
    p = model.predict(x, verbose=0)
    per_example = reference.cross_entropy_from_probabilities(y, p)
    assert plain["loss"][0] == pytest.approx(per_example.mean(), abs=1e-4)
    expected = (per_example * np.where(y == 1, 9, 1)).mean()
    assert weighted["loss"][0] == pytest.approx(expected, abs=1e-4)
    assert (expected, per_example.mean()) == pytest.approx((1.736, 0.947), abs=0.01)
    # metrics= knows nothing of the weights; weighted_metrics= does.
    right = p.argmax(axis=-1) == y
    seen = sorted([weighted["accuracy"][0], weighted["weighted_accuracy"][0]])
    means = sorted([right.mean(), np.average(right, weights=np.where(y == 1, 9, 1))])
    assert seen == pytest.approx(means, abs=1e-5)
    assert weighted["accuracy"][0] == pytest.approx(right.mean(), abs=1e-5)


@settles("D003-22", verdict="version")
def test_a_class_without_weight_gets_one():
    x = np.tile(LOGITS, (2, 1))
    y = np.tile([0, 1, 2, 2], 2)

    def loss(weights):
        model = passthrough("softmax")
        model.compile(keras.optimizers.SGD(0.0), sparse_loss())
        return model.fit(x, y, class_weight=weights, verbose=0).history["loss"][0]

    assert loss({0: 3.0, 1: 2.0}) == pytest.approx(loss({0: 3.0, 1: 2.0, 2: 1.0}), abs=1e-6)


@settles("D003-23", verdict="false")
def test_example_3_splits_nothing(example):
    rng = np.random.default_rng(1)
    unrelated = rng.random((20, 10)).astype("float32"), rng.integers(0, 10, 20)
    stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=3, restore_best_weights=True)
    model = compiled(optimizer=keras.optimizers.Adam(0.01))
    history = model.fit(
        *example, epochs=40, validation_data=unrelated, callbacks=[stop], verbose=0
    ).history
    # Two random drawings have nothing in common: no validation loss beats guessing.
    assert history["val_loss"] == pytest.approx([2.339, 2.404, 2.445, 2.451], abs=0.02)
    assert min(history["val_loss"]) > LN_10


@settles("D003-25", verdict="conditional")
def test_early_stopping_keeps_the_best_weights_only_if_told(example):
    rng = np.random.default_rng(2)
    held_out = rng.random((200, 10)).astype("float32"), rng.integers(0, 10, 200)
    left = {}
    for restore in (False, True):
        stop = keras.callbacks.EarlyStopping(patience=3, restore_best_weights=restore)
        model = compiled(optimizer=keras.optimizers.Adam(0.03), metrics=())
        history = model.fit(
            *example, epochs=30, validation_data=held_out, callbacks=[stop], verbose=0
        ).history["val_loss"]
        assert len(history) - 1 - int(np.argmin(history)) == 3  # patience runs on
        left[restore] = model.evaluate(*held_out, verbose=0)
        best, last = min(history), history[-1]
    assert left[True] == pytest.approx(best, abs=1e-4)
    assert left[False] == pytest.approx(last, abs=1e-4)
    assert (best, last) == pytest.approx((2.407, 2.532), abs=0.05)


@settles("D003-26", verdict="true")
def test_per_class_figures_show_what_accuracy_hides():
    y = np.array([0] * 95 + [1] * 5)
    matrix = reference.confusion_matrix(y, np.zeros(100, int), 2)
    np.testing.assert_allclose(reference.recall(matrix), [1.0, 0.0])
    assert np.isnan(reference.precision(matrix)[1])
