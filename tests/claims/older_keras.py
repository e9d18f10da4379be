"""Repeat what the ledger records from Keras 2.15, in an environment of its own.

Keras 2 is no part of the course, so this is a script and not a test. From the
top of the checkout:

    uv run --no-project --python 3.11 --with "tensorflow-cpu==2.15.1" \\
        --with "numpy<2" --with pytest python tests/claims/older_keras.py

It prints each recorded figure beside the figure of this run.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from claimlab import (
    LABELS,
    LOGITS,
    ONE_HOT,
    accuracy,
    keras,
    np,
    passthrough,
    score,
    sparse_loss,
    tf,
)

RAISES = "raises"


def run(figure):
    """Return a figure rounded to four decimals, or that it raises."""
    try:
        return round(float(figure()), 4)
    except (ValueError, TypeError, tf.errors.OpError):
        return RAISES


def loss(y, scores, **kwargs):
    """Return the sparse loss with from_logits=True."""
    return sparse_loss(from_logits=True, **kwargs)(y, scores)


def fitted(class_weight=None, **settings):
    """Return the loss of one epoch of fit that changes nothing."""
    model = passthrough("softmax")
    model.compile(keras.optimizers.SGD(0.0), sparse_loss(), **settings)
    return model.fit(LOGITS, LABELS, class_weight=class_weight, verbose=0).history["loss"][0]


def reset_states():
    """Return 1 if a metric still has the method of that name."""
    return hasattr(keras.metrics.SparseCategoricalAccuracy(), "reset_states")


def recorded():
    """Return (claim, what, recorded figure, figure of this run)."""
    softmax, tf_softmax = passthrough("softmax"), passthrough(tf.nn.softmax)
    in_graph = tf.function(lambda: loss(LABELS, tf_softmax(LOGITS)))
    ten = np.eye(10, dtype="float32")
    ids, high = np.array([0, 1, 2] * 10), np.arange(2048, 4096)
    off_by_one = tf.one_hot((high + 1) % 4096, 4096)
    p = softmax(LOGITS).numpy()
    precision = keras.metrics.Precision
    rows = [
        ("D001-17", "tf.nn.softmax, eager", 0.9341, lambda: loss(LABELS, tf_softmax(LOGITS))),
        ("D001-17", "tf.nn.softmax, tf.function", 0.8502, in_graph),
        ("D000-13", "Keras' sigmoid", 0.8502, lambda: sigmoid("sigmoid")),
        ("D000-13", "tf.nn.sigmoid", 0.9509, lambda: sigmoid(tf.nn.sigmoid)),
        ("D000-06", "labels as strings", RAISES, lambda: loss(LABELS.astype(str), LOGITS)),
        ("D000-09", "one-hot labels in the loss", RAISES, lambda: loss(ONE_HOT, LOGITS)),
        ("D002-03", "one label, four predictions", 0.5, lambda: accuracy(LABELS[:1], LOGITS)),
        ("D002-06", "class ids as scores", RAISES, lambda: accuracy(ids, ids.astype("float32"))),
        ("D002-10", "metric.reset_states exists", 1.0, reset_states),
        ("D003-22", "class without weight", RAISES, lambda: fitted({0: 3.0, 1: 2.0})),
        ("D004-14", "loss_weights, list of 3", 0.8502, lambda: fitted(loss_weights=[1, 10, 10])),
        ("D004-14", "loss_weights, dict", RAISES, lambda: fitted(loss_weights={0: 1, 1: 9, 2: 9})),
        ("D004-20", "Precision, integers", RAISES, lambda: score(precision(), LABELS, p)),
        ("D004-22", "class_id", RAISES, lambda: score(precision(class_id=1), LABELS, p)),
    ]
    for size in (1, 9, 10):
        batch = ten[:size]
        rows.append(
            ("D002-07", f"one-hot, batch of {size}", RAISES, lambda b=batch: accuracy(b, b))
        )
    for dtype in ("bfloat16", "float16"):
        scores = tf.cast(off_by_one, dtype)
        rows.append(("D002-09", f"ids in {dtype}", 0.0, lambda s=scores: accuracy(high, s)))
    for policy, figure in (("mixed_float16", 0.8506), ("mixed_bfloat16", 0.8477)):
        mixed = passthrough("softmax", dtype=policy)
        rows.append(("D001-18", policy, figure, lambda m=mixed: loss(LABELS, m(LOGITS))))
    return [(claim, what, figure, run(now)) for claim, what, figure, now in rows]


def sigmoid(activation):
    """Return the default loss of a last layer with a sigmoid."""
    return sparse_loss()(LABELS, passthrough(activation)(LOGITS))


if __name__ == "__main__":
    print(f"TensorFlow {tf.__version__}")
    for claim, what, figure, now in sorted(recorded(), key=lambda row: row[0]):
        agrees = "" if figure == now else "  DIFFERS"
        print(f"{claim}  {what:30}  recorded {figure!s:>7}  now {now!s:>7}{agrees}")
