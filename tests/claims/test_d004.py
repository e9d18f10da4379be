"""D004, "How can … crossentropy be reconciled with precision metrics?", executed."""

from utils import reference

import warnings

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
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import precision_score

PRIOR = [0.8, 0.1, 0.1]
SHAPE_ERRORS = (ValueError, tf.errors.InvalidArgumentError)


def imbalanced():
    """The document's data in our own drawing: noise, labels 80 : 10 : 10 as floats."""
    x = np.random.default_rng(0).random((1000, 10)).astype("float32")
    return x, np.concatenate([np.zeros(800), np.ones(100), np.full(100, 2)])


def compiled(**kwargs):
    keras.utils.set_random_seed(0)
    model = network(10, 3, hidden=64, activation="softmax")
    settings = {"metrics": ["accuracy"], **kwargs}
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", **settings)
    return model


@pytest.fixture(scope="module")
def example_1():
    """Its first program: the model, its data, its history, its predicted classes."""
    x, y = imbalanced()
    model = compiled()
    history = model.fit(x, y, epochs=10, verbose=0).history
    return model, (x, y), history, model.predict(x, verbose=0).argmax(axis=-1)


def clouds(seed, spread=1.0):
    """Three overlapping Gaussian clouds in the plane, 80 : 10 : 10, 1500 points."""
    rng = np.random.default_rng(seed)
    y = np.repeat([0, 1, 2], [1200, 150, 150])
    centres = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]])
    return (centres[y] + spread * rng.normal(size=(1500, 2))).astype("float32"), y


@pytest.fixture(scope="module")
def over_seeds():
    """Held-out precision, recall and accuracy of a linear model, plain and weighted."""
    results = {"plain": [], "weighted": []}
    balanced = tf.constant([1500 / (3 * n) for n in (1200, 150, 150)], tf.float32)
    loss_fn = sparse_loss(from_logits=True)
    weights = {
        "plain": lambda y, z: loss_fn(y, z),
        "weighted": lambda y, z: loss_fn(y, z, sample_weight=tf.gather(balanced, y)),
    }
    for seed in range(8):
        (x, y), (x_new, y_new) = clouds(seed), clouds(100 + seed)
        for name, weighted_loss in weights.items():
            model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
            drill(model, weighted_loss, x, y, 300, keras.optimizers.Adam(0.05))
            predicted = model(x_new).numpy().argmax(axis=-1)
            matrix = reference.confusion_matrix(y_new, predicted, 3)
            figures = reference.precision(matrix), reference.recall(matrix)
            results[name].append((*figures, np.mean(predicted == y_new)))
    return results


@settles("D004-01", verdict="true")
def test_the_gradient_pushes_the_true_class_up():
    z = tf.Variable(LOGITS)
    with tf.GradientTape() as tape:
        loss = sparse_loss(from_logits=True)(LABELS, z)
    expected = (reference.softmax(LOGITS) - ONE_HOT) / len(LABELS)
    np.testing.assert_allclose(tape.gradient(loss, z), expected, atol=1e-6)


@settles("D004-02", verdict="true")
def test_labels_of_many_classes_stay_eight_bytes():
    y = np.zeros(4, np.int64)
    z = np.zeros((4, 20_000), np.float32)
    assert float(sparse_loss(from_logits=True)(y, z)) == pytest.approx(np.log(20_000), abs=1e-4)
    assert y.nbytes == 32
    assert tf.one_hot(y, 20_000).numpy().nbytes == 320_000


@settles("D004-03", verdict="true")
@settles("D004-04", verdict="true")
@settles("D004-08", verdict="true")
@settles("D004-11", verdict="true")
@settles("D004-12", verdict="true")
def test_example_1_predicts_the_majority_only(example_1):
    _, (_, y), history, predicted = example_1
    assert y.dtype == np.float64
    assert reference.prior_entropy(y) == pytest.approx(0.6390, abs=1e-4)
    assert history["loss"][-1] == pytest.approx(0.639, abs=0.02)
    assert history["accuracy"][-1] == pytest.approx(0.8, abs=0.005)
    matrix = reference.confusion_matrix(y.astype(int), predicted, 3)
    np.testing.assert_allclose(reference.recall(matrix), [1, 0, 0], atol=0.02)
    assert reference.precision(matrix)[0] == pytest.approx(0.8, abs=0.005)


@settles("D004-05", verdict="true")
def test_precision_is_tp_over_tp_and_fp():
    predicted = LOGITS.argmax(axis=-1)
    matrix = reference.confusion_matrix(LABELS, predicted, 3)
    np.testing.assert_allclose(reference.precision(matrix), [0.5, 1, 1])
    np.testing.assert_allclose(precision_score(LABELS, predicted, average=None), [0.5, 1, 1])


@settles("D004-06", verdict="true")
def test_precision_falls_with_prevalence():
    true_positive_rate, false_positive_rate = 0.8, 0.1
    shown = []
    for positives in (500, 100, 10):
        y = np.repeat([1, 0], [positives, 1000 - positives])
        hits = np.arange(1000) < true_positive_rate * positives
        false = np.arange(1000) >= 1000 - round(false_positive_rate * (1000 - positives))
        shown.append(precision_score(y, (hits | false).astype(int)))
    assert shown == pytest.approx([0.889, 0.471, 0.075], abs=1e-3)


@settles("D004-07", verdict="conditional")
@settles("D004-10", verdict="conditional")
def test_averages_and_the_undefined_classes():
    y, majority = np.repeat([0, 1, 2], [80, 10, 10]), np.zeros(100, int)
    with pytest.warns(UndefinedMetricWarning):
        per_class = precision_score(y, majority, average=None)
    np.testing.assert_allclose(per_class, [0.8, 0, 0])
    matrix = reference.confusion_matrix(y, majority, 3)
    assert np.isnan(reference.precision(matrix)[1:]).all()  # 0/0, not 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        averages = [precision_score(y, majority, average=a) for a in ("macro", "micro", "weighted")]
    assert averages == pytest.approx([0.2667, 0.8, 0.64], abs=1e-4)


@settles("D004-09", verdict="false")
def test_the_same_imbalance_with_separable_features_is_no_trouble():
    x, y = clouds(0, spread=0.15)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    drill(model, sparse_loss(from_logits=True), x, y, 300, keras.optimizers.Adam(0.05))
    x_new, y_new = clouds(100, spread=0.15)
    matrix = reference.confusion_matrix(y_new, model(x_new).numpy().argmax(axis=-1), 3)
    np.testing.assert_allclose(reference.precision(matrix), [1, 1, 1], atol=0.01)


@settles("D004-13", verdict="false")
def test_example_2_stops_at_bincount():
    _, y = imbalanced()
    with pytest.raises(TypeError):
        np.bincount(y)
    np.testing.assert_array_equal(np.bincount(y.astype(int)), [800, 100, 100])


@settles("D004-14", verdict="false")
@pytest.mark.parametrize("weights", [{0: 1.25, 1: 10.0, 2: 10.0}, [1.25, 10.0, 10.0]])
def test_loss_weights_are_not_class_weights(weights):
    x, y = imbalanced()
    with pytest.raises((ValueError, KeyError)):
        compiled(loss_weights=weights).fit(x[:32], y[:32], verbose=0)


@settles("D004-15", verdict="true")
@settles("D004-19", verdict="false")
def test_example_2_mended_applies_weights_to_a_model_already_trained(example_1):
    x, y = imbalanced()
    trained, _, _, before = example_1
    copy = keras.models.clone_model(trained)
    copy.set_weights(trained.get_weights())
    copy.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    kept = copy.evaluate(x, y, verbose=0)[0]
    assert kept == pytest.approx(trained.evaluate(x, y, verbose=0)[0], abs=1e-5)
    assert compiled().evaluate(x, y, verbose=0)[0] == pytest.approx(1.044, abs=0.02)
    assert kept == pytest.approx(0.637, abs=0.01)
    weights = {0: 1.25, 1: 10.0, 2: 10.0}
    history = copy.fit(x, y, epochs=4, class_weight=weights, verbose=0).history
    assert history["loss"][0] == pytest.approx(3.90, abs=0.1)
    predicted = copy.predict(x, verbose=0).argmax(axis=-1)
    assert (before > 0).sum() < 5
    assert (predicted > 0).sum() == pytest.approx(647, abs=60)


@settles("D004-16", verdict="conditional")
def test_n_over_count_averages_to_the_number_of_classes():
    counts = np.array([800, 100, 100])
    y = np.repeat([0, 1, 2], counts)
    assert (1000 / counts)[y].mean() == pytest.approx(3.0)
    assert (1000 / (3 * counts))[y].mean() == pytest.approx(1.0)


@settles("D004-17", verdict="true")
def test_weighted_errors_pull_harder():
    z = tf.Variable(np.zeros((2, 3), "float32"))
    y, weights = np.array([0, 1]), np.array([1.25, 10.0])
    with tf.GradientTape() as tape:
        loss = sparse_loss(from_logits=True)(y, z, sample_weight=weights)
    norms = np.linalg.norm(tape.gradient(loss, z), axis=-1)
    assert norms[1] / norms[0] == pytest.approx(8.0, abs=1e-4)


@settles("D004-18", verdict="false")
def test_weights_raise_minority_recall_and_lower_its_precision(over_seeds):
    means = {}
    for plain, weighted in zip(over_seeds["plain"], over_seeds["weighted"], strict=True):
        assert (weighted[0][1:] < plain[0][1:]).all()  # precision of classes 1 and 2
        assert (weighted[1][1:] > plain[1][1:]).all()  # their recall
        assert weighted[2] < plain[2]  # accuracy
    for name, runs in over_seeds.items():
        precision, recall = (np.mean([r[k][1:] for r in runs]) for k in (0, 1))
        means[name] = precision, recall, np.mean([r[2] for r in runs])
    assert means["plain"] == pytest.approx((0.735, 0.491, 0.866), abs=0.03)
    assert means["weighted"] == pytest.approx((0.408, 0.820, 0.735), abs=0.03)


@settles("D004-20", verdict="false")
def test_example_3_stops_at_precision():
    x, y = imbalanced()
    model = compiled(metrics=["accuracy", keras.metrics.Precision(name="precision")])
    with pytest.raises(SHAPE_ERRORS):
        model.fit(x[:64], y[:64], verbose=0)


@pytest.fixture(scope="module")
def predictions():
    """Probabilities of a middling classifier on 300 examples of three classes."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 300)
    y[:3] = 0, 1, 0
    z = rng.normal(size=(300, 3)) + 0.8 * np.eye(3)[y]
    return y, reference.softmax(z).astype("float32")


@settles("D004-21", verdict="false")
def test_precision_is_one_pooled_number(predictions):
    y, p = predictions
    one_hot = np.eye(3)[y]
    pooled = score(keras.metrics.Precision(), one_hot, p)
    counted = one_hot[p > 0.5].mean()
    assert pooled == pytest.approx(counted, abs=1e-6)
    assert pooled == pytest.approx(0.606, abs=1e-3)
    # Rows in which no class reaches 0.5 are not counted at all.
    assert np.mean(p.max(axis=-1) <= 0.5) == pytest.approx(0.28, abs=0.004)
    top_1 = score(keras.metrics.Precision(top_k=1), one_hot, p)
    assert top_1 == pytest.approx(accuracy(y, p), abs=1e-6)
    assert top_1 == pytest.approx(0.527, abs=1e-3)


@settles("D004-22", verdict="false")
@settles("D004-25", verdict="true")
def test_class_id_is_right_with_one_hot_labels_only(predictions):
    y, p = predictions
    expected = precision_score(y, p.argmax(axis=-1), average=None)

    def per_class(labels):
        metrics = [keras.metrics.Precision(class_id=k, top_k=1) for k in range(3)]
        return np.array([score(m, labels, p) for m in metrics])

    np.testing.assert_allclose(per_class(np.eye(3)[y]), expected, atol=1e-6)
    np.testing.assert_allclose(expected, [0.5, 0.48, 0.582], atol=1e-3)
    silent = per_class(y)  # takes the k-th label of the batch for every row
    np.testing.assert_array_equal(silent, [0.0, 1.0, 0.0])


@settles("D004-23", verdict="conditional")
def test_evaluate_returns_loss_accuracy_precision_once_it_runs():
    model = passthrough("softmax")
    precision = keras.metrics.Precision(name="precision")
    model.compile(loss="categorical_crossentropy", metrics=["accuracy", precision])
    loss, shown, pooled = model.evaluate(LOGITS, ONE_HOT, verbose=0)
    assert loss == pytest.approx(reference.cross_entropy(LABELS, LOGITS).mean(), abs=1e-4)
    assert shown == pytest.approx(0.75)
    p = reference.softmax(LOGITS)
    assert pooled == pytest.approx(ONE_HOT[p > 0.5].mean(), abs=1e-6)


@settles("D004-26", verdict="false")
def test_the_mean_of_batch_precisions_is_not_precision(predictions):
    y, p = predictions
    predicted = p.argmax(axis=-1)
    whole = precision_score(y, predicted, average="macro")
    batches = [
        precision_score(
            y[i : i + 8], predicted[i : i + 8], average="macro", labels=[0, 1, 2], zero_division=0
        )
        for i in range(0, 300, 8)
    ]
    assert (whole, np.mean(batches)) == pytest.approx((0.521, 0.489), abs=1e-3)
