"""Gradients that are missing, belong to other variables, or are no numbers."""

import numpy as np

from . import _arrays
from .report import Finding, Report


def gradients(gradients, variables) -> Report:
    """Check gradients before an optimizer applies them.

    Parameters
    ----------
    gradients : list of tensors, IndexedSlices or None
        What ``tape.gradient(loss, variables)`` returned.
    variables : list of variables
        The variables the gradients will be zipped with, in that order.

    Returns
    -------
    Report
        Pitfalls ``gradients-none``, ``mispaired-gradients`` and ``unstable-softmax`` (NaN or
        infinite gradients). Whether a gradient is a sum or a mean over the batch cannot be
        told from one gradient.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a list, or there are no variables.
    """
    given = _listed(gradients, "gradients")
    targets = _listed(variables, "variables")
    if not targets:
        raise ValueError("variables is empty: there is nothing to train. Is the model built?")
    if not any(hasattr(v, "shape") for v in targets):
        raise TypeError(f"variables holds {type(targets[0]).__name__}s, not variables.")
    names = [name_of(v, i) for i, v in enumerate(targets)]
    shapes = [shape_of(v) for v in targets]
    arrays = [None if g is None else _values(g) for g in given]
    grad_shapes = [None if g is None else shape_of(g) for g in given]
    found = none_rule(given, names) + pairing_rule(grad_shapes, shapes, names)
    found += finite_rule(arrays, names)
    present = [a for a in arrays if a is not None]
    observed = {"gradients": len(given), "variables": len(targets)}
    if present:
        with np.errstate(over="ignore", invalid="ignore"):
            squares = sum(float((a.astype(np.float64) ** 2).sum()) for a in present)
        observed["global norm"] = float(np.sqrt(squares))
    return Report(tuple(found), observed)


def none_rule(gradients, names) -> list[Finding]:
    """Find gradients that are None; ``names`` are the variables' names in the same order."""
    missing = [n for g, n in zip(gradients, names, strict=False) if g is None]
    if not missing:
        return []
    everything = len(missing) == len(gradients)
    evidence = {"None": len(missing), "of": len(gradients), "first": missing[0]}
    if everything:
        statement = (
            f"All {len(missing)} gradients are None: no path of differentiable operations leads "
            "from the loss to the variables. Usual breaks: argmax or a cast to int, .numpy(), "
            "predict, a metric in place of the loss, or the forward pass outside the tape."
        )
    else:
        statement = (
            f"{len(missing)} of {len(gradients)} gradients are None ({_some(missing)}): these "
            "variables will stay as they are. The loss does not depend on them, or the path to "
            "them is cut (stop_gradient, argmax, .numpy(), a layer computed outside the tape)."
        )
    return [Finding("gradients-none", "error" if everything else "warning", statement, evidence)]


def pairing_rule(gradient_shapes, variable_shapes, names) -> list[Finding]:
    """Find gradients whose number or shapes do not fit the variables.

    Shapes are tuples; None for a missing gradient.
    """
    count = len(variable_shapes)
    if len(gradient_shapes) != count:
        return [
            Finding(
                "mispaired-gradients",
                "error",
                f"There are {len(gradient_shapes)} gradients for {count} variables: zip pairs the "
                "first of each and silently drops the rest.",
                {"gradients": len(gradient_shapes), "variables": count},
            )
        ]
    pairs = zip(gradient_shapes, variable_shapes, names, strict=True)
    wrong = [(g, v, n) for g, v, n in pairs if g is not None and g != v]
    if not wrong:
        return []
    g, v, name = wrong[0]
    mirrored = list(reversed(gradient_shapes))
    hint = " In reverse order they would fit." if mirrored == list(variable_shapes) else ""
    return [
        Finding(
            "mispaired-gradients",
            "error",
            f"{len(wrong)} of {count} gradients have another shape than their variable: {name} has "
            f"shape {v}, its gradient {g}. They belong to other variables.{hint}",
            {"mismatched": len(wrong), "variable": name, "shape": str(v), "gradient": str(g)},
        )
    ]


def finite_rule(arrays, names) -> list[Finding]:
    """Find NaN or infinity among gradient values (arrays or None)."""
    bad = [
        n
        for a, n in zip(arrays, names, strict=False)
        if a is not None and a.dtype.kind == "f" and not np.isfinite(a).all()
    ]
    if not bad:
        return []
    return [
        Finding(
            "unstable-softmax",
            "error",
            f"{len(bad)} gradient{'s hold' if len(bad) > 1 else ' holds'} NaN or infinity "
            f"({_some(bad)}). One step with it turns the weights into NaN. Usual causes: log or "
            "division by hand at 0, exp of a large logit, NaN in the input.",
            {"not finite": len(bad), "of": len(arrays), "first": bad[0]},
            "Use the built-in loss on logits, which is exact for every finite logit. (With a "
            "LossScaleOptimizer such a step now and then is normal, and skipped.)",
        )
    ]


def name_of(variable, index: int) -> str:
    """Return a variable's path or name, else its place in the list."""
    return str(getattr(variable, "path", None) or getattr(variable, "name", f"variable {index}"))


def shape_of(value) -> tuple:
    """Return the shape of a tensor, variable, array or IndexedSlices as a tuple."""
    return tuple(int(n) if n is not None else None for n in getattr(value, "shape", ()) or ())


def _listed(value, name: str) -> list:
    if isinstance(value, (list, tuple)):
        return list(value)
    if value is None or isinstance(value, (dict, str)) or not hasattr(value, "shape"):
        raise TypeError(
            f"{name} must be a list, in the order of tape.gradient, not {type(value).__name__}."
        )
    return [value]


def _values(gradient):
    if hasattr(gradient, "indices") and hasattr(gradient, "values"):
        gradient = gradient.values
    seen = np.asarray(gradient)
    return _arrays.numbers(gradient, "a gradient").values if seen.size else np.zeros(0)


def _some(names) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
