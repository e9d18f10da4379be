"""Judge a mended loop: is its reported loss the cross-entropy that its outputs deserve?

Several lessons ask for a function that trains and returns ``(model, loss_fn)``.
What is still wrong is told from the model's outputs and from the loss's values.
"""

from dataclasses import dataclass

import numpy as np

from .. import reference
from .engine import Result, Unusable, expect_function, incorrect
from .judging import are_probabilities, call_for_model_and_loss, true_loss

NEAR = 0.02  # nats; far above rounding, far below any of the faults


@dataclass(frozen=True)
class Mended:
    """What a learner's loop does on data of the grader.

    Attributes
    ----------
    outputs : ndarray of float64, shape (N, C)
        For inputs with noise: a perfect model would hide errors of the loss.
    y : ndarray of int, shape (N,)
    reported : dict of str to float
        The loss by route.
    truth : float
        The cross-entropy of the outputs, logits or probabilities.
    accuracy : float
        On the training data, without noise.
    """

    outputs: np.ndarray
    y: np.ndarray
    reported: dict[str, float]
    truth: float
    accuracy: float


def run(answer, name: str, x, y, num_classes: int, *, noise: float = 0.35) -> Mended:
    """Train with the learner's function and measure.

    Raises
    ------
    Unusable
        If the answer is no function, returns something else than a model and a
        loss, or outputs and loss have the wrong shape.
    """
    expect_function(answer, name)
    model, loss_fn = call_for_model_and_loss(answer, x, y, num_classes=num_classes)
    outputs = _outputs(model, x, num_classes)
    accuracy = reference.accuracy(y, outputs)
    x = x + np.random.default_rng(0).normal(0, noise, x.shape).astype(np.float32)
    outputs = _outputs(model, x, num_classes)
    reported = {"called eagerly": scalar(loss_fn(y, model(x)))}
    if hasattr(model, "predict"):
        reported["through predict"] = scalar(loss_fn(y, model.predict(x, verbose=0)))
    return Mended(outputs, y, reported, true_loss(y, outputs), accuracy)


def complaint(seen: Mended, *, least_accuracy: float = 0.9) -> Result | None:
    """Return what is still wrong, or None if the loss is true and the model has learned."""
    wrong = {r: v for r, v in seen.reported.items() if not abs(v - seen.truth) <= NEAR}
    if wrong:
        return _untrue(seen, wrong)
    if seen.accuracy < least_accuracy:
        return incorrect(
            f"The loss is true now, but the model has not learned: accuracy {seen.accuracy:.2f} "
            "on the data it was trained on. Change as little of the loop as possible."
        )
    return None


def scalar(loss) -> float:
    """Return a loss as a float.

    Raises
    ------
    Unusable
        If it is not one number.
    """
    array = np.asarray(loss, np.float64)
    if array.shape != ():
        raise Unusable(
            f"loss_fn should return one number; it returned shape {array.shape}. "
            "Keep the mean over the batch."
        )
    return float(array)


def _outputs(model, x, num_classes: int) -> np.ndarray:
    outputs = np.asarray(model(x), np.float64)
    if outputs.shape != (len(x), num_classes):
        raise Unusable(
            f"The model should return shape ({len(x)}, {num_classes}); "
            f"it returns {tuple(outputs.shape)}."
        )
    return outputs


def _untrue(seen: Mended, wrong: dict[str, float]) -> Result:
    route, value = next(iter(wrong.items()))
    outputs, y = seen.outputs, seen.y
    told = f"{route} it reports {value:.3f}, the true cross-entropy is {seen.truth:.3f}."
    if are_probabilities(outputs):
        twice = reference.cross_entropy(y, outputs).mean()
        if "called eagerly" not in wrong:
            return incorrect(
                f"In the loop the loss is right, because Keras repairs it: but {told} There is "
                "a softmax too many: the model returns probabilities, and the loss is told logits.",
                "double-softmax",
            )
        if abs(value - twice) < NEAR:
            return incorrect(
                f"Now there are two softmaxes: {told} One change was enough.", "double-softmax"
            )
        return incorrect(f"The loss is not the cross-entropy of the model's outputs: {told}")
    if not np.isfinite(outputs).all():
        return incorrect(f"The model returns NaN or infinity: {told}", "nan-scores")
    if outputs.min() >= 0 and outputs.max() <= 1:
        return incorrect(
            f"The outputs lie between 0 and 1, but their rows do not sum to one: {told} "
            "For one class out of many that takes a softmax.",
            "wrong-output-activation",
        )
    as_probabilities = clipped_loss(y, outputs)
    if abs(value - as_probabilities) < NEAR:
        return incorrect(
            f"The model returns logits (from {outputs.min():.1f} to {outputs.max():.1f}), and the "
            f"loss takes them for probabilities: {told}",
            "logits-as-probabilities",
        )
    return incorrect(f"The loss is not the cross-entropy of the model's outputs: {told}")


def clipped_loss(y_true, scores) -> float:
    """Return the mean loss that Keras computes with ``from_logits=False`` from any scores.

    Scores are clipped to [1e-7, 1 − 1e-7], divided by their row's sum, and −log
    of the true class is taken (``keras.backend.tensorflow.nn``).
    """
    clipped = np.clip(np.asarray(scores, np.float64), 1e-7, 1 - 1e-7)
    p = clipped / clipped.sum(axis=-1, keepdims=True)
    return float(reference.cross_entropy_from_probabilities(y_true, p).mean())
