"""Graders of lesson 19, loss under tf.distribute.

A process can hold only one MirroredStrategy, and the learner's notebook has it.
So the graders make none: they compare with the same training done in NumPy.
"""

from collections.abc import Mapping

import numpy as np

from .. import data, reference
from .engine import Exercise, Unusable, call, correct, describe, expect_function, incorrect
from .predictions import Prediction

NEAR = 1e-3  # of a weight or a loss: far above float32 rounding, far below a factor of two
EPOCHS, BATCH, L2, RATE = 3, 32, 0.05, 0.1


# a · Mend a loop


def _grade_mended(answer):
    expect_function(answer, "mended")
    split = data.wine(seed=19)
    x, y = split.x_train[:128], split.y_train[:128]
    value = call(answer, x, y, EPOCHS, global_batch=BATCH, l2=L2, rate=RATE)
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise Unusable(f"Return the pair (model, reported). Yours returned {describe(value)}.")
    model, reported = value
    weights, reported = _weights(model), _losses(reported)
    right_weights, right_losses = _descend(x, y)
    if not np.allclose(weights, right_weights, atol=NEAR):
        return _wrong_weights(weights, x, y)
    if not np.allclose(reported, right_losses, atol=NEAR):
        return _wrong_report(reported, right_losses)
    if not _is_mirrored(model):
        return incorrect(
            "The weights and the report are right, but the model is on one device only. Build it "
            "inside strategy.scope() and step with strategy.run."
        )
    return correct(
        f"On other wines, batches of {BATCH}, penalty {L2}: the weights are those of one device "
        f"to rounding, and the loss of epoch {EPOCHS} is {right_losses[-1]:.3f}."
    )


def _descend(x, y, *, loss_factor=1.0, penalty_factor=1.0):
    """Train the regression in NumPy with a gradient in which two parts are scaled.

    Returns
    -------
    (ndarray of shape (D + 1, 3), list of float)
        Kernel and bias; per epoch the true loss, penalty included.
    """
    x, targets = np.asarray(x, np.float64), np.eye(3)[y]
    kernel, bias = np.zeros((x.shape[1], 3)), np.zeros(3)
    losses = []
    for _ in range(EPOCHS):
        steps = []
        for start in range(0, len(x), BATCH):
            rows = slice(start, start + BATCH)
            p = reference.softmax(x[rows] @ kernel + bias)
            steps.append(-np.log((p * targets[rows]).sum(axis=1)).mean() + L2 * (kernel**2).sum())
            delta = loss_factor * (p - targets[rows]) / len(p)
            kernel -= RATE * (x[rows].T @ delta + penalty_factor * 2 * L2 * kernel)
            bias -= RATE * delta.sum(axis=0)
        losses.append(float(np.mean(steps)))
    return np.vstack([kernel, bias]), losses


_LOSS = {
    1.0: "The cross-entropy is scaled rightly",
    2.0: "The gradient of the cross-entropy is twice too large: each replica takes the mean of its "
    "own share, and gradients are added",
    0.5: "The gradient of the cross-entropy is half of what it should be: the number of replicas "
    "divides it twice (a Keras loss object does so by itself)",
    float(BATCH): "The cross-entropy is summed and not divided by the global batch size",
}
_PENALTY = {
    1.0: "the penalty is scaled rightly",
    2.0: "the penalty counts once per replica",
    0.5: "the penalty is divided twice by the number of replicas",
    0.0: "the penalty is missing",
}


def _wrong_weights(weights, x, y):
    for loss_factor, about_loss in _LOSS.items():
        for penalty_factor, about_penalty in _PENALTY.items():
            seen, _ = _descend(x, y, loss_factor=loss_factor, penalty_factor=penalty_factor)
            if not np.allclose(weights, seen, atol=NEAR):
                continue
            pitfall = "replica-loss-scale"
            if loss_factor == 1.0:
                pitfall = "missing-regularisation" if penalty_factor == 0 else None
                pitfall = pitfall or "replica-regularisation"
            return incorrect(f"{about_loss}; {about_penalty}.", pitfall)
    if not weights.any():
        return incorrect("All weights are still zero: nothing was trained.")
    right, _ = _descend(x, y)
    return incorrect(
        f"The weights are not those of one device: the largest difference is "
        f"{np.abs(weights - right).max():.3f}. Change only how the losses are scaled; model, "
        "optimizer and the order of the batches stay."
    )


def _wrong_report(reported, right):
    ratio = float(np.mean(np.divide(reported, right)))
    seen = (
        f"The weights are right. But epoch 1 has the loss {right[0]:.3f}, and you report "
        f"{reported[0]:.3f}."
    )
    if np.allclose(np.multiply(right, 0.5), reported, atol=NEAR):
        return incorrect(
            f"{seen} The replicas' losses are parts of a sum: put them together with "
            "ReduceOp.SUM, not MEAN.",
            "replica-loss-scale",
        )
    if np.allclose(np.multiply(right, 2.0), reported, atol=NEAR):
        return incorrect(f"{seen} That is twice as much.", "replica-loss-scale")
    return incorrect(f"{seen} That is {ratio:.2f} times as much. Is the penalty in it?")


def _weights(model):
    try:
        kernel, bias = (np.asarray(w, np.float64) for w in model.get_weights())
        return np.vstack([kernel, bias])
    except (AttributeError, TypeError, ValueError):
        raise Unusable(
            f"Return (model, reported); the model has one Dense layer. You gave {describe(model)}."
        ) from None


def _losses(value):
    try:
        found = np.asarray([float(v) for v in value], float)
    except (TypeError, ValueError):
        raise Unusable(f"Report one loss per epoch. Yours is {describe(value)}.") from None
    if found.shape != (EPOCHS,):
        raise Unusable(f"Report one loss for each of {EPOCHS} epochs. Yours has {len(found)}.")
    return found


def _is_mirrored(model) -> bool:
    """Whether each weight has a copy on more than one device."""
    copies = (getattr(v.value, "values", ()) for v in model.trainable_variables)
    return all(len(c) > 1 for c in copies)


# b · The share of one replica


_SHARES = ((4, 4), (5, 3), (1, 0), (3, 3, 2, 0))


def _grade_share(answer):
    import tensorflow as tf

    expect_function(answer, "replica_loss")
    rng = np.random.default_rng(19)
    for sizes in _SHARES:
        losses = rng.uniform(0.5, 3, sum(sizes)).astype(np.float32)
        penalty = np.float32(0.7)
        parts = np.split(losses, np.cumsum(sizes)[:-1])
        given = [
            _number(call(answer, tf.constant(part), tf.constant(penalty), len(losses), len(sizes)))
            for part in parts
        ]
        complaint = _judge_share(sum(given), parts, losses, float(penalty), sizes)
        if complaint is not None:
            return complaint
    shown = "; ".join(" + ".join(map(str, sizes)) for sizes in _SHARES)
    return correct(f"The parts add up to the loss of the whole batch for shares of {shown}.")


def _number(value):
    array = np.asarray(value, np.float64)
    if array.shape != ():
        raise Unusable(f"Return one number; yours returned shape {array.shape}.")
    return float(array)


def _judge_share(total, parts, losses, penalty, sizes):
    replicas, mean = len(sizes), float(losses.mean())
    if abs(total - (mean + penalty)) < NEAR:
        return None
    seen = (
        f"With shares of {' + '.join(map(str, sizes))} the parts should add up to "
        f"{mean + penalty:.3f}; yours add up to {total:.3f}."
    )
    if not np.isfinite(total):
        return incorrect(
            f"{seen} The mean of an empty share is 0/0: sum, then divide by the batch."
        )
    if abs(total - mean - replicas * penalty) < NEAR:
        return incorrect(
            f"{seen} The penalty counts once per replica; divide it by `replicas`. (Outside of "
            "strategy.run, tf.nn.scale_regularization_loss knows of one replica only.)",
            "replica-regularisation",
        )
    if abs(total - mean) < NEAR:
        return incorrect(f"{seen} The penalty is missing.", "missing-regularisation")
    if abs(total - mean - penalty / replicas) < NEAR:
        return incorrect(f"{seen} The penalty is divided too often.", "replica-regularisation")
    means = sum(float(p.mean()) for p in parts if len(p))
    crossed = {
        "mean of each share": (means, "Each replica takes the mean of its own share."),
        "mean / replicas": (
            means / replicas,
            "Each replica counts the same, whatever its share. Each example should.",
        ),
        "divided twice": (mean / replicas, "The cross-entropy is divided by the replicas as well."),
        "mean / replicas twice": (means / replicas**2, "The replicas divide twice."),
        "summed": (float(losses.sum()), "The cross-entropy is not divided at all."),
        "mean / batch": (means / len(losses), "The mean of a share is divided once more."),
    }
    known = {1.0: "", float(replicas): " The penalty counts once per replica.", 0.0: ""}
    for value, text in crossed.values():
        for factor in (1.0, float(replicas), 0.0):
            if abs(total - value - factor * penalty) < NEAR:
                return incorrect(f"{seen} {text}{known[factor]}", "replica-loss-scale")
    return incorrect(f"{seen} Write down the loss of the whole batch, and split the sum.")


# c · Four logs


TRUTH_C = {"right": "D", "mean of each share": "B", "divided twice": "A", "whole penalty": "C"}
PITFALL_C = {
    "right": None,
    "mean of each share": "replica-loss-scale",
    "divided twice": "replica-loss-scale",
    "whole penalty": "replica-regularisation",
}


def _material():
    """Return four logs of one regression on four replicas, trained in NumPy."""
    split = data.digits(seed=19)
    x, targets = split.x_train[:1280].astype(np.float64), np.eye(10)[split.y_train[:1280]]
    scales = {"A": (0.25, 1.0), "B": (4.0, 1.0), "C": (1.0, 4.0), "D": (1.0, 1.0)}
    run, norms = {}, {}
    for name, (loss_factor, penalty_factor) in scales.items():
        kernel, log = np.zeros((64, 10)), []
        for start in range(0, 1280, 64):
            rows = slice(start, start + 64)
            p = reference.softmax(x[rows] @ kernel)
            loss = -np.log((p * targets[rows]).sum(axis=1)).mean()
            log.append(float(loss_factor * loss + penalty_factor * 0.05 * (kernel**2).sum()))
            gradient = x[rows].T @ (p - targets[rows]) / len(p)
            kernel -= 0.1 * (loss_factor * gradient + penalty_factor * 2 * 0.05 * kernel)
        run[name], norms[name] = log, float(np.linalg.norm(kernel))
    return {**run, "norms": norms}


def _grade_logs(answer):
    what = 'one letter for each, such as {"right": "A", "divided twice": "B", …}'
    if not isinstance(answer, Mapping) or not all(isinstance(k, str) for k in answer):
        raise Unusable(f"Expected a dictionary with {what}. You gave {describe(answer)}.")
    given = {k.strip().lower(): str(v).strip().upper() for k, v in answer.items()}
    if set(given) != set(TRUTH_C):
        raise Unusable(f"Expected the keys {', '.join(TRUTH_C)}; yours are {', '.join(given)}.")
    if set(given.values()) - set("ABCD"):
        raise Unusable(f"Expected {what}: the letters are A, B, C, D.")
    run = _material()
    wrong = [name for name, letter in given.items() if TRUTH_C[name] != letter]
    if not wrong:
        norms = run["norms"]
        return correct(
            "B starts at 4 · ln 10 and A at ln 10 / 4. C and D both start at ln 10; the fourfold "
            f"penalty of C keeps its weights smaller, {norms['C']:.2f} against {norms['D']:.2f}."
        )
    name = wrong[0]
    return incorrect(_why_not(name, given[name], run), PITFALL_C[name])


def _why_not(name, letter, run):
    first, norm = run[letter][0], run["norms"][letter]
    tests = {
        "right": "From zero weights a true loss starts at ln 10, and of two that do, the right one "
        "has the larger weights.",
        "mean of each share": "Four means add up to four times the loss: it starts at 4 · ln 10.",
        "divided twice": "Divided by four once too often, the loss starts at ln 10 / 4.",
        "whole penalty": "A penalty of zero weights is zero: the log starts at ln 10, and the "
        "weights are kept small.",
    }
    return f"“{name}” is not {letter}, which starts at {first:.2f} (norm {norm:.2f}). {tests[name]}"


EXERCISES = (
    Exercise(
        "19-a",
        "Mend a loop",
        (
            "Gradients are added over replicas. What must the losses of two replicas add up to?",
            "tf.nn.compute_average_loss(losses, global_batch_size=global_batch) for the losses.",
            "tf.nn.scale_regularization_loss for the penalty, and ReduceOp.SUM for the log.",
        ),
        _grade_mended,
    ),
    Exercise(
        "19-b",
        "The share of one replica",
        (
            "Write the loss of the batch as one fraction. Which part of the sum is this replica's?",
            "Every replica has the whole penalty, and there are `replicas` of them.",
        ),
        _grade_share,
    ),
    Exercise(
        "19-c",
        "Four logs",
        (
            "With zero weights every class has the probability 1/10. What is the loss then?",
            "Two logs start at the same value. Look at the norms: what does a penalty do?",
        ),
        _grade_logs,
        _material,
    ),
)

PREDICTIONS = (
    Prediction("19-p1", "What will two devices report for the first epoch?", "nats", tolerance=0.3),
    Prediction(
        "19-p2",
        "Is the scale of a Keras loss object right in a replica?",
        choices=("right", "twice too large", "half of it"),
    ),
)
