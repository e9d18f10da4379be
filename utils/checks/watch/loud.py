"""Faults that raise: the exception is the loop's own, the finding says which fault it was."""

import re
import traceback

from ..report import Finding

# TensorFlow says the same whatever made the variables; where it was raised tells which object.
MADE_AGAIN = re.compile(r"singleton tf\.Variable|non-first call to a function decorated")
MAKERS = (
    ("optimizer-recreated", "keras/src/optimizers/", "An optimizer is made inside the step."),
    ("metric-recreated", "keras/src/metrics/", "A metric is made inside the step."),
)
RULES = (
    (
        "gradients-none",
        r"No gradients provided for any variable",
        "No gradient reached any variable: no differentiable path leads from the loss to the "
        "weights.",
    ),
    (
        "label-range",
        r"Received a label value of (-?\d+) which is outside the valid range of \[0, (\d+)\)",
        "A label lies outside the range of the output units.",
    ),
    (
        "label-dtype",
        r"cannot compute (Equal|Sub|NotEqual|AddV2|Mul) as input #1.*expected to be a u?int",
        "Two integer dtypes met in an operation that takes only one: tf.argmax gives int64, "
        "labels are often int32.",
    ),
    (
        "mixed-labels",
        r"Failed to convert a NumPy array to a Tensor \(Unsupported object type",
        "An array of objects cannot become a tensor: its entries are of mixed kinds.",
    ),
    (
        "metric-not-reset",
        r"has no attribute 'reset_states'",
        "reset_states() is gone in Keras 3; the method is called reset_state().",
    ),
    (
        "class-weights-ignored",
        r"unexpected keyword argument 'class_weights?'",
        "class_weight was given to a loss, which does not know it: only fit does. The loss takes "
        "sample_weight, one weight per example.",
    ),
    (
        "loss-weights-misuse",
        r"`?loss_weights`? (argument )?(should|must)|loss_weights.*(match|number|length)",
        "loss_weights weighs the losses of several outputs, not classes.",
    ),
    (
        "batch-mismatch",
        r"expected (min_)?ndim=\d+, found ndim=\d+",
        "The model was given an array without its batch axis.",
    ),
    (
        "optimizer-recreated",
        r"Unknown variable: .*optimizer",
        "The optimizer was built for other variables.",
    ),
)


def classify(problem: BaseException, known: set[str]) -> list[Finding]:
    """Return a finding for an exception that leaves the block, if its text tells one.

    Parameters
    ----------
    problem : BaseException
    known : set of str
        Pitfalls found already; the arguments of a failed call say more than its text.
    """
    text = f"{type(problem).__name__}: {problem}"
    if match := MADE_AGAIN.search(text):
        return _made_again(problem, text, match.group(0), known)
    for pitfall, pattern, statement in RULES:
        match = re.search(pattern, text, re.DOTALL)
        if match and pitfall not in known:
            if pitfall == "label-range" and known & {"label-offset", "output-units"}:
                return []
            return [
                Finding(
                    pitfall,
                    "error",
                    f"{statement} The loop stopped with {type(problem).__name__}.",
                    {"error": type(problem).__name__, "says": match.group(0)[:80]},
                )
            ]
    return []


def _made_again(problem, text: str, says: str, known) -> list[Finding]:
    """Tell which kind of object a tf.function made anew in a later call."""
    frames = traceback.walk_tb(problem.__traceback__)
    places = text + "".join(frame.f_code.co_filename for frame, _ in frames)
    places = places.replace("\\", "/")
    for pitfall, where, statement in MAKERS:
        if where in places and pitfall not in known:
            return [
                Finding(
                    pitfall,
                    "error",
                    "A tf.function created variables again in a later call, which TensorFlow "
                    f"forbids. {statement} The loop stopped with {type(problem).__name__}.",
                    {"error": type(problem).__name__, "says": says},
                )
            ]
    return []
