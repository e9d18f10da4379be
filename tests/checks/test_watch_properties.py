"""Whatever a loop does, watching it changes nothing, fails nowhere, and blames no healthy one."""

from utils import checks
from utils.checks.watch.patching import SWITCHBOARD

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_watch import standing

FAST = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
L, M = keras.losses, keras.metrics


def by_hand(y, p):
    return -tf.reduce_mean(tf.math.log(tf.gather(tf.nn.softmax(p), y, axis=1, batch_dims=1)))


LOSSES = {
    "sparse logits": L.SparseCategoricalCrossentropy(from_logits=True),
    "sparse": L.SparseCategoricalCrossentropy(),
    "sparse none": L.SparseCategoricalCrossentropy(from_logits=True, reduction="none"),
    "sparse void": L.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1),
    "categorical": L.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
    "binary": L.BinaryCrossentropy(),
    "functional": L.sparse_categorical_crossentropy,
    "op": lambda y, p: tf.nn.sparse_softmax_cross_entropy_with_logits(y, p),
    "by hand": by_hand,
    "mse": L.MeanSquaredError(),
}
METRICS = {
    "sparse": M.SparseCategoricalAccuracy,
    "categorical": M.CategoricalAccuracy,
    "binary": M.BinaryAccuracy,
    "exact": M.Accuracy,
    "precision": lambda: M.Precision(class_id=0),
    "auc": M.AUC,
    "iou": lambda: M.MeanIoU(2),
    "mean": M.Mean,
}
CASES = st.fixed_dictionaries(
    {
        "examples": st.integers(0, 9),
        "classes": st.sampled_from([1, 2, 3, 7, 3000]),
        "activation": st.sampled_from([None, "softmax", "sigmoid", "relu"]),
        "loss": st.sampled_from(sorted(LOSSES)),
        "metric": st.sampled_from(sorted(METRICS)),
        "dtype": st.sampled_from(["uint8", "int32", "int64", "float32", "float64", "bool"]),
        "shape": st.sampled_from(["vector", "column", "rows", "matrix", "scalar"]),
        "least": st.sampled_from([-1, 0, 1, 250]),
        "special": st.sampled_from([0.0, np.nan, np.inf, 1e30]),
        "weight": st.booleans(),
        "seed": st.integers(0, 99),
    }
)


def data_of(case):
    """Return inputs and labels as the case draws them: most do not fit, as users' may not."""
    rng = np.random.default_rng(case["seed"])
    n, classes = case["examples"], case["classes"]
    x = rng.normal(size=(n, 3)).astype("float32")
    x[:1] += case["special"]
    ids = case["least"] + rng.integers(0, classes, n)
    y = {
        "vector": ids,
        "column": ids[:, None],
        "rows": np.eye(classes, dtype=int)[np.clip(ids, 0, classes - 1)],
        "matrix": np.tile(ids[:, None], (1, 2)),
        "scalar": ids.sum(),
    }[case["shape"]]
    return x, np.asarray(y).astype(case["dtype"])


def outcome(case, wrap):
    """Train two steps; return the weights and figures, or the exception as a text."""
    keras.utils.set_random_seed(case["seed"])
    x, y = data_of(case)
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(case["classes"], case["activation"])]
    )
    optimizer, metric = keras.optimizers.Adam(0.1), METRICS[case["metric"]]()
    optimizer.build(model.trainable_variables)
    loss_fn = LOSSES[case["loss"]]
    weight = {"sample_weight": np.ones(len(x), "float32")} if case["weight"] else {}

    @wrap
    def step(x, y):
        with tf.GradientTape() as tape:
            p = model(x, training=True)
            loss = loss_fn(y, p, **weight) if isinstance(loss_fn, L.Loss) else loss_fn(y, p)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        metric.update_state(*((loss,) if case["metric"] == "mean" else (y, p)))
        return loss

    try:
        losses = [step(tf.constant(x), tf.constant(y)).numpy() for _ in range(2)]
    except Exception as problem:
        return type(problem).__name__, str(problem).split("\n")[0][:80]
    return [*(v.numpy() for v in model.variables), *losses, metric.result().numpy()]


def check_unchanged(case, wrap):
    """Fail if watching changes what a loop does, leaves something behind, or fails itself."""
    before = standing()
    bare = outcome(case, wrap)
    with checks.watch() as report:
        watched = outcome(case, wrap)
    assert standing() == before
    assert not SWITCHBOARD.listeners
    if isinstance(bare, tuple):
        assert watched == bare
    else:
        for one, other in zip(bare, watched, strict=True):
            np.testing.assert_array_equal(one, other)
    ours = [text for text in report.not_observed if "Error:" in text]
    assert not ours, ours
    assert str(report)
    assert report._repr_html_()


@FAST
@given(CASES)
def test_an_eager_loop_is_left_as_it_is(case):
    check_unchanged(case, lambda step: step)


@settings(FAST, max_examples=4)
@given(CASES)
def test_a_compiled_loop_is_left_as_it_is(case):
    check_unchanged(case, tf.function)


HEALTHY = {
    "sparse logits": (None, M.SparseCategoricalAccuracy, "ids"),
    "sparse void": (None, M.SparseCategoricalAccuracy, "ids"),
    "sparse": ("softmax", M.SparseCategoricalAccuracy, "ids"),
    "categorical": (None, M.CategoricalAccuracy, "rows"),
    "op": (None, M.SparseCategoricalAccuracy, "flat"),
}


@settings(FAST, max_examples=6)
@pytest.mark.parametrize("name", HEALTHY)
@given(
    size=st.integers(1, 40),
    classes=st.integers(2, 12),
    column=st.booleans(),
    dtype=st.sampled_from(["uint8", "int32", "int64", "float32"]),
    scale=st.sampled_from([0.1, 1.0, 5.0]),
    seed=st.integers(0, 99),
)
def test_a_healthy_loop_is_not_blamed(name, size, classes, column, dtype, scale, seed):
    activation, metric, kind = HEALTHY[name]
    rng = np.random.default_rng(seed)
    ids = np.arange(4 * size) % classes
    rng.shuffle(ids)
    x = (scale * rng.normal(size=(4 * size, 5))).astype("float32")
    if kind == "rows":
        y = np.eye(classes, dtype="float32")[ids]
    else:
        y = ids.astype("int64" if kind == "flat" else dtype)
        y = y[:, None] if column and kind == "ids" else y
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(classes, activation)])
    optimizer, accuracy, loss_fn = keras.optimizers.Adam(0.01), metric(), LOSSES[name]
    with checks.watch() as report:
        for k in range(4):
            xb, yb = x[k * size : (k + 1) * size], y[k * size : (k + 1) * size]
            with tf.GradientTape() as tape:
                p = model(xb, training=True)
                loss = tf.reduce_mean(loss_fn(yb, p))
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
            accuracy.update_state(yb, p)
        float(accuracy.result())
    assert not report.alarms, str(report)
