"""D001, "Why is SparseCategoricalCrossentropy failing in this model?", executed."""

from utils import data, reference

import numpy as np
import pytest
from claimlab import (
    LABELS,
    LOGITS,
    ONE_HOT,
    TRUE_LOSS,
    TWICE_LOSS,
    accuracy,
    batches,
    heard,
    keras,
    network,
    passthrough,
    settles,
    sparse_loss,
    tf,
    train,
)

SHAPE_ERRORS = (ValueError, tf.errors.InvalidArgumentError)


@pytest.fixture(scope="module")
def digits():
    return data.digits()


def test_the_fixed_figures_are_those_of_the_reference():
    twice = reference.cross_entropy(LABELS, reference.softmax(LOGITS))
    assert reference.cross_entropy(LABELS, LOGITS).mean() == pytest.approx(TRUE_LOSS, abs=1e-4)
    assert twice.mean() == pytest.approx(TWICE_LOSS, abs=1e-4)


@settles("D001-01", verdict="true")
def test_ids_for_the_sparse_loss_one_hot_for_the_other():
    sparse = sparse_loss(from_logits=True)(LABELS, LOGITS)
    categorical = keras.losses.CategoricalCrossentropy(from_logits=True)
    assert float(sparse) == pytest.approx(TRUE_LOSS, abs=1e-4)
    assert float(categorical(ONE_HOT, LOGITS)) == pytest.approx(float(sparse), abs=1e-6)
    with pytest.raises(SHAPE_ERRORS):
        categorical(LABELS, LOGITS)


@settles("D001-02", verdict="false")
@pytest.mark.parametrize("from_logits", [True, False])
def test_the_labels_fail_whatever_the_output_is(from_logits):
    outputs = LOGITS if from_logits else reference.softmax(LOGITS).astype("float32")
    loss_fn = sparse_loss(from_logits=from_logits)
    with pytest.raises(ValueError, match="rank"):
        loss_fn(ONE_HOT, outputs)
    assert float(loss_fn(LABELS, outputs)) == pytest.approx(TRUE_LOSS, abs=1e-4)


@settles("D001-03", verdict="true")
def test_targets_are_indices():
    y = np.array([0, 2, 1, 0])
    expected = reference.cross_entropy(y, LOGITS).mean()
    assert float(sparse_loss(from_logits=True)(y, LOGITS)) == pytest.approx(expected, abs=1e-5)


@settles("D001-04", verdict="false")
def test_by_default_probabilities_are_expected():
    loss_fn = sparse_loss()
    assert loss_fn.get_config()["from_logits"] is False
    assert float(loss_fn(LABELS, LOGITS)) == pytest.approx(4.3340, abs=1e-3)
    assert float(sparse_loss(from_logits=True)(LABELS, LOGITS)) == pytest.approx(
        TRUE_LOSS, abs=1e-4
    )


@settles("D001-05", verdict="conditional")
def test_softmax_inside_the_loss_only_with_from_logits():
    p = reference.softmax(LOGITS).astype("float32")
    assert float(sparse_loss(from_logits=True)(LABELS, LOGITS)) == pytest.approx(
        TRUE_LOSS, abs=1e-4
    )
    by_default = sparse_loss()
    assert float(by_default(LABELS, p)) == pytest.approx(TRUE_LOSS, abs=1e-4)
    # Probabilities are clipped and renormalised, so half of each is the same to it.
    assert float(by_default(LABELS, p / 2)) == pytest.approx(TRUE_LOSS, abs=1e-4)
    assert abs(float(by_default(LABELS, p)) - TWICE_LOSS) > 0.05


@settles("D001-06", verdict="false")
def test_one_hot_rows_are_refused_not_read_as_three_labels():
    for size in (1, 2, 3, 4, 6):
        y, z = np.eye(3)[np.zeros(size, int)], np.zeros((size, 3), "float32")
        with pytest.raises(ValueError, match="rank"):
            sparse_loss(from_logits=True)(y, z)
        with pytest.raises(ValueError, match="rank"):
            keras.losses.sparse_categorical_crossentropy(y, z, from_logits=True)
    with pytest.raises(SHAPE_ERRORS):
        tf.nn.sparse_softmax_cross_entropy_with_logits(ONE_HOT.astype(int), LOGITS)
    # Three labels to an example are accepted only where there are scores for three.
    scores = np.stack([LOGITS] * 3, axis=1)
    expected = np.mean([reference.cross_entropy(ONE_HOT[:, k], LOGITS) for k in range(3)])
    assert float(sparse_loss(from_logits=True)(ONE_HOT, scores)) == pytest.approx(
        expected, abs=1e-5
    )


@settles("D001-07", verdict="false")
@settles("D001-08", verdict="false")
@pytest.mark.parametrize("size", [1, 3, 4])
def test_one_hot_labels_give_neither_loss_nor_gradient(size):
    model = passthrough()
    before = [w.numpy().copy() for w in model.trainable_variables]
    with pytest.raises(ValueError, match="rank"):
        train(model, sparse_loss(from_logits=True), [(LOGITS[:size], ONE_HOT[:size])])
    for old, new in zip(before, model.trainable_variables, strict=True):
        np.testing.assert_array_equal(old, new.numpy())


@settles("D001-09", verdict="true")
def test_converting_the_labels_is_the_whole_cure():
    loss = sparse_loss(from_logits=True)(ONE_HOT.argmax(axis=-1), LOGITS)
    assert float(loss) == pytest.approx(TRUE_LOSS, abs=1e-4)


@settles("D001-10", verdict="false")
@settles("D001-19", verdict="true")
def test_softmax_with_the_default_equals_logits_with_from_logits():
    softmax = float(sparse_loss(from_logits=False)(LABELS, passthrough("softmax")(LOGITS)))
    logits = float(sparse_loss(from_logits=True)(LABELS, passthrough()(LOGITS)))
    assert softmax == pytest.approx(TRUE_LOSS, abs=1e-4)
    assert softmax == pytest.approx(logits, abs=1e-6)


def routes(activation, from_logits):
    """Return the loss of one model by three routes: eager, tf.function, predict."""
    model, loss_fn = passthrough(activation), sparse_loss(from_logits=from_logits)
    step = tf.function(lambda x: loss_fn(LABELS, model(x)))
    by_predict = loss_fn(LABELS, model.predict(LOGITS, verbose=0))
    return [float(loss_fn(LABELS, model(LOGITS))), float(step(LOGITS)), float(by_predict)]


@settles("D001-11", verdict="false")
def test_a_kept_softmax_is_right_with_the_default_on_every_route():
    for activation in ("softmax", tf.nn.softmax):
        assert routes(activation, False) == pytest.approx([TRUE_LOSS] * 3, abs=1e-4)
    # Only from_logits=True makes it wrong, and not on every route.
    (keras_softmax, _), (tf_softmax, _) = (
        heard(routes, a, True) for a in ("softmax", tf.nn.softmax)
    )
    assert keras_softmax == pytest.approx([TRUE_LOSS, TRUE_LOSS, TWICE_LOSS], abs=1e-4)
    assert tf_softmax == pytest.approx([TWICE_LOSS, TRUE_LOSS, TWICE_LOSS], abs=1e-4)


@settles("D001-12", verdict="true")
def test_example_1():
    scores = np.random.default_rng(0).random((4, 3)).astype("float32")
    y = np.array([0, 1, 2, 0])
    loss_fn = sparse_loss(from_logits=True)
    with pytest.raises(ValueError, match="rank"):
        loss_fn(np.eye(3, dtype="float32")[y], scores)
    expected = reference.cross_entropy(y, scores).mean()
    assert float(loss_fn(y, scores)) == pytest.approx(expected, abs=1e-5)


@settles("D001-13", verdict="true")
def test_example_1_needs_from_logits():
    scores = np.random.default_rng(0).random((4, 3)).astype("float32")
    y = np.array([0, 1, 2, 0])
    as_logits = float(sparse_loss(from_logits=True)(y, scores))
    as_probabilities = float(sparse_loss()(y, scores))
    renormalised = scores / scores.sum(axis=-1, keepdims=True)
    expected = reference.cross_entropy_from_probabilities(y, renormalised).mean()
    assert as_probabilities == pytest.approx(expected, abs=1e-5)
    assert abs(as_logits - as_probabilities) > 0.05


@settles("D001-14", verdict="conditional")
def test_from_logits_on_softmax_is_accepted_with_a_warning():
    output = passthrough("softmax")(LOGITS)
    loss, warned = heard(sparse_loss(from_logits=True), LABELS, output)
    assert np.isfinite(float(loss))
    assert len(warned) == 1


@settles("D001-15", verdict="false")
def test_leaving_from_logits_out_changes_nothing():
    output = passthrough("softmax")(LOGITS)
    left_out = float(sparse_loss()(LABELS, output))
    assert left_out == float(sparse_loss(from_logits=False)(LABELS, output))
    assert left_out == pytest.approx(TRUE_LOSS, abs=1e-4)


@settles("D001-16", verdict="false")
def test_from_logits_on_softmax_raises_nothing():
    output, loss_fn = passthrough("softmax")(LOGITS), sparse_loss(from_logits=True)
    repaired, warned = heard(loss_fn, LABELS, output)
    assert float(repaired) == pytest.approx(TRUE_LOSS, abs=1e-4)
    assert len(warned) == 1
    # Through NumPy the logits are lost: no warning, and now the loss is wrong.
    wrong, warned = heard(loss_fn, LABELS, output.numpy())
    assert float(wrong) == pytest.approx(TWICE_LOSS, abs=1e-4)
    assert warned == []


@settles("D001-17", verdict="true")
def test_eager_and_graph_disagree():
    model, loss_fn = passthrough(tf.nn.softmax), sparse_loss(from_logits=True)
    eager, warned = heard(lambda: loss_fn(LABELS, model(LOGITS)))
    assert float(eager) == pytest.approx(TWICE_LOSS, abs=1e-4)
    assert warned == []
    graph, warned = heard(tf.function(lambda: loss_fn(LABELS, model(LOGITS))))
    assert float(graph) == pytest.approx(TRUE_LOSS, abs=1e-4)
    assert len(warned) == 1


@settles("D001-18", verdict="version")
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_loses_the_repair(policy):
    model, loss_fn = passthrough("softmax", dtype=policy), sparse_loss(from_logits=True)
    loss, warned = heard(lambda: loss_fn(LABELS, model(LOGITS)))
    assert float(loss) == pytest.approx(TWICE_LOSS, abs=5e-3)
    assert warned == []


@settles("D001-20", verdict="true")
def test_example_2():
    x = np.random.default_rng(0).random((4, 10)).astype("float32")
    y = np.array([0, 1, 2, 0])
    softmax = keras.Sequential([keras.layers.Dense(3, activation="softmax")])
    linear = keras.Sequential([keras.layers.Dense(3)])
    probabilities, logits = softmax(x), linear(x)
    fresh = float(sparse_loss(from_logits=True)(y, logits))
    default = float(sparse_loss(from_logits=False)(y, probabilities))
    assert abs(fresh - default) > 1e-3  # two models, two sets of random weights
    linear.set_weights(softmax.get_weights())
    copied = float(sparse_loss(from_logits=True)(y, linear(x)))
    assert copied == pytest.approx(default, abs=1e-6)
    repaired, warned = heard(sparse_loss(from_logits=True), y, probabilities)
    assert float(repaired) == pytest.approx(default, abs=1e-6)
    assert len(warned) == 1


@settles("D001-21", verdict="conditional")
def test_a_double_softmax_harms_where_it_is_not_repaired(digits):
    assert reference.double_softmax_floor(10) == pytest.approx(1.4612, abs=1e-4)
    assert reference.double_softmax_floor(100) == pytest.approx(3.6223, abs=1e-4)
    perfect = np.eye(10, dtype="float32")
    floor = float(sparse_loss(from_logits=True)(np.arange(10), perfect))
    assert floor == pytest.approx(1.4612, abs=1e-4)

    held_out = {}
    for name, activation in [("repaired", "softmax"), ("twice", tf.nn.softmax)]:
        keras.utils.set_random_seed(0)
        model = network(64, activation=activation)
        steps = batches(digits.x_train, digits.y_train, 64, epochs=3)
        sgd = keras.optimizers.SGD(0.1)
        losses, _ = heard(train, model, sparse_loss(from_logits=True), steps, sgd)
        held_out[name] = accuracy(digits.y_test, model(digits.x_test))
        if name == "twice":
            assert min(losses) > 1.4612
    assert held_out["repaired"] == pytest.approx(0.613, abs=0.05)
    assert held_out["twice"] == pytest.approx(0.158, abs=0.05)


@settles("D001-22", verdict="false")
def test_example_3_mixed_labels_are_refused():
    mixed = np.array([0, 1, [0, 0, 1], 2], dtype=object)
    with pytest.raises((ValueError, TypeError)):
        sparse_loss(from_logits=True)(mixed, LOGITS)
    with pytest.raises((ValueError, TypeError)):
        np.array([0, 1, [0, 0, 1], 2], dtype=int)
    with pytest.raises((ValueError, TypeError)):
        tf.data.Dataset.from_tensor_slices((LOGITS, mixed))
    model = passthrough()
    model.compile(loss=sparse_loss(from_logits=True))
    with pytest.raises((ValueError, TypeError)):
        model.fit(LOGITS, mixed, verbose=0)


@settles("D001-23", verdict="true")
def test_example_3_corrected():
    y = np.array([0, 1, 2, 2], np.int32)
    expected = reference.cross_entropy(y, LOGITS).mean()
    assert float(sparse_loss(from_logits=True)(y, LOGITS)) == pytest.approx(expected, abs=1e-5)


@settles("D001-25", verdict="true")
def test_dtype_and_shape_catch_some_faults_but_not_the_range():
    def passes(y):
        y = np.asarray(y)
        return np.issubdtype(y.dtype, np.integer) and y.ndim == 1

    assert passes(LABELS)
    assert not passes(ONE_HOT)
    assert not passes(np.array([0, 1, [0, 0, 1], 2], dtype=object))
    assert not passes(LABELS / 255)
    # What the advice leaves out: one class too far, and a class before the first.
    for unseen in (LABELS + 1, LABELS - 1):
        assert passes(unseen)
        with pytest.raises(tf.errors.InvalidArgumentError):
            sparse_loss(from_logits=True)(unseen, LOGITS)


@settles("D001-26", verdict="true")
def test_labels_are_cast_without_a_word():
    loss_fn = sparse_loss(from_logits=True)
    truncated = float(loss_fn(LABELS + 0.9, LOGITS))
    assert truncated == pytest.approx(TRUE_LOSS, abs=1e-4)
    as_bool = float(loss_fn(np.array([False, True, True, True]), LOGITS))
    expected = reference.cross_entropy([0, 1, 1, 1], LOGITS).mean()
    assert as_bool == pytest.approx(expected, abs=1e-5)

    class Seen(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return tf.cast(y_true, tf.float64) + 0.0 * tf.cast(y_pred, tf.float64)

    # Labels pass through float32, which cannot hold every whole number above 2^24.
    seen = Seen(reduction=None)(np.array([16777217]), np.array([0.0]))
    assert int(seen[0]) == 16777216


@settles("D001-27", verdict="false")
def test_summary_does_not_show_the_activation():
    def summary(activation):
        lines = []
        model = keras.Sequential(
            [keras.Input((4,)), keras.layers.Dense(3, activation=activation, name="scores")],
            name="model",
        )
        model.summary(print_fn=lines.append)
        return "\n".join(map(str, lines)), model.layers[-1].get_config()["activation"]

    (with_softmax, softmax), (without, linear) = summary("softmax"), summary(None)
    assert with_softmax == without
    assert (softmax, linear) == ("softmax", "linear")


@settles("D001-28", verdict="conditional")
def test_a_small_sample_shows_loud_faults_only(digits):
    x, y = digits.x_train[:32], digits.y_train[:32]
    with pytest.raises(ValueError, match="rank"):
        train(network(64), sparse_loss(from_logits=True), [(x, np.eye(10)[y])])
    silent = {
        "double softmax": (network(64, activation=tf.nn.softmax), y),
        "labels from 1 with a spare unit": (network(64, 11), y + 1),
    }
    for name, (model, labels) in silent.items():
        losses = train(model, sparse_loss(from_logits=True), [(x, labels)] * 15)
        assert losses[-1] < losses[0], name


@settles("D001-29", verdict="conditional")
def test_the_loss_fails_for_other_reasons_too():
    loss_fn = sparse_loss(from_logits=True)
    broken_input = LOGITS.copy()
    broken_input[0, 0] = np.nan
    assert np.isnan(float(loss_fn(LABELS, broken_input)))
    with pytest.raises(SHAPE_ERRORS):
        loss_fn(LABELS, LOGITS[:3])
    # And for the reasons named: the label format, the from_logits mismatch.
    with pytest.raises(ValueError, match="rank"):
        loss_fn(ONE_HOT, LOGITS)
    assert float(sparse_loss()(LABELS, LOGITS)) > 4
