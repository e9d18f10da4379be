"""What several graders need: unpacking answers, and telling outputs apart."""

import numpy as np

from .engine import Unusable, call, describe


def call_for_model_and_loss(function, *args, **kwargs):
    """Call a learner's function that returns ``(model, loss_fn)``.

    Raises
    ------
    Unusable
        If it returns something else.
    NotAttempted
        If it returns None.
    """
    value = call(function, *args, **kwargs)
    if not (isinstance(value, tuple | list) and len(value) == 2 and all(map(callable, value))):
        raise Unusable(f"Return the pair (model, loss_fn). Yours returned {describe(value)}.")
    return value


def numbers(value, count: int, what: str) -> list[float]:
    """Return a learner's answer as finite floats.

    Raises
    ------
    Unusable
        If it is not `count` finite numbers.
    """
    try:
        found = [float(np.asarray(v, dtype=float).reshape(())) for v in value]
    except (TypeError, ValueError):
        raise Unusable(f"Expected {what}. You gave {describe(value)}.") from None
    if len(found) != count or not np.isfinite(found).all():
        raise Unusable(f"Expected {what}. You gave {describe(value)}.")
    return found


def are_probabilities(outputs) -> bool:
    """Whether every row is non-negative and sums to one, within float32 rounding."""
    outputs = np.asarray(outputs, np.float64)
    return bool((outputs >= 0).all() and np.allclose(outputs.sum(axis=-1), 1, atol=1e-3))


def true_loss(y_true, outputs) -> float:
    """Return the mean cross-entropy that a model's outputs deserve, logits or probabilities."""
    from .. import reference

    exact = (
        reference.cross_entropy_from_probabilities
        if are_probabilities(outputs)
        else reference.cross_entropy
    )
    return float(exact(y_true, np.asarray(outputs, np.float64)).mean())
