"""Slow, plain NumPy versions of what the course measures: the oracle.

Every function works in float64 and spells its formula out. Lessons show them,
tests trust them, nothing is optimised.
"""

import numpy as np


def softmax(logits):
    """Return softmax over the last axis, shifted by the maximum so that exp cannot overflow.

    Parameters
    ----------
    logits : array_like, shape (..., C)

    Returns
    -------
    ndarray of float64, shape (..., C)
        Non-negative, each row sums to 1.
    """
    z = np.asarray(logits, np.float64)
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def log_softmax(logits):
    """Return the logarithm of `softmax` by log-sum-exp, finite for every finite logit.

    Parameters
    ----------
    logits : array_like, shape (..., C)
    """
    z = np.asarray(logits, np.float64)
    shifted = z - z.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def cross_entropy(y_true, logits):
    """Return −log p of the true class for each example.

    Parameters
    ----------
    y_true : array_like of int, shape (N,)
        Class ids in 0 … C−1.
    logits : array_like, shape (N, C)

    Returns
    -------
    ndarray of float64, shape (N,), in nats
    """
    y = np.asarray(y_true).reshape(-1).astype(int)
    return -log_softmax(logits)[np.arange(len(y)), y]


def cross_entropy_from_probabilities(y_true, probabilities):
    """Return −log p of the true class for each example, from probabilities.

    Parameters
    ----------
    y_true : array_like of int, shape (N,)
    probabilities : array_like, shape (N, C)
        Rows that sum to 1. A zero gives infinity: nothing is clipped here.
    """
    y = np.asarray(y_true).reshape(-1).astype(int)
    p = np.asarray(probabilities, np.float64)
    with np.errstate(divide="ignore"):
        return -np.log(p[np.arange(len(y)), y])


def accuracy(y_true, scores):
    """Return the share of examples whose highest score is at the true class.

    Parameters
    ----------
    y_true : array_like of int, shape (N,) or (N, 1)
    scores : array_like, shape (N, C)
        Logits or probabilities: only their order counts.
    """
    y = np.asarray(y_true).reshape(-1)
    return float(np.mean(np.argmax(np.asarray(scores), axis=-1) == y))


def double_softmax_floor(num_classes: int, confidence: float = 1.0) -> float:
    """Return the least cross-entropy when probabilities are taken for logits.

    The second softmax sees scores in [0, 1]. At best the true class has
    ``confidence`` and the others share the rest; at confidence 1 the loss is
    −log(e / (e + C − 1)) = ln(e + C − 1) − 1, which is 1.461 for ten classes.

    Parameters
    ----------
    num_classes : int
        C, at least 2.
    confidence : float
        Probability of the true class after the first softmax.
    """
    rest = (1.0 - confidence) / (num_classes - 1)
    return float(np.log(np.exp(confidence) + (num_classes - 1) * np.exp(rest)) - confidence)


def prior_entropy(y_true) -> float:
    """Return the entropy of the class frequencies in nats.

    It is the loss of the best model that never looks at its input.

    Parameters
    ----------
    y_true : array_like of int, shape (N,)
    """
    _, counts = np.unique(np.asarray(y_true).reshape(-1), return_counts=True)
    p = counts / counts.sum()
    return float(-(p * np.log(p)).sum() + 0.0)


def confusion_matrix(y_true, y_pred, num_classes: int):
    """Return counts of shape (C, C): rows are true classes, columns are predictions.

    Parameters
    ----------
    y_true, y_pred : array_like of int, shape (N,)
    num_classes : int
    """
    matrix = np.zeros((num_classes, num_classes), int)
    np.add.at(matrix, (np.asarray(y_true).reshape(-1), np.asarray(y_pred).reshape(-1)), 1)
    return matrix


def precision(matrix):
    """Return TP / (TP + FP) for each class from a confusion matrix; NaN where it is 0/0."""
    matrix = np.asarray(matrix)
    with np.errstate(invalid="ignore"):
        return np.diag(matrix) / matrix.sum(axis=0)


def recall(matrix):
    """Return TP / (TP + FN) for each class from a confusion matrix; NaN where it is 0/0."""
    matrix = np.asarray(matrix)
    with np.errstate(invalid="ignore"):
        return np.diag(matrix) / matrix.sum(axis=1)
