"""Calling model and loss, eagerly and in a graph, and comparing what the routes report."""

import re
from dataclasses import replace

import numpy as np

from . import _models
from .report import Finding


def forward(model, x):
    """Call the model; its complaint becomes a short ValueError."""
    try:
        return _models.forward(model, x)
    except Exception as problem:
        raise ValueError(f"The model does not accept this batch: {first_line(problem)}") from None


def call(form, y, p):
    """Return the loss as an array-like tensor, or None and what it raised."""
    try:
        import tensorflow as tf

        # As a dataset would hand them over; what does not convert the loss may still take.
        labels = (
            y if getattr(getattr(y, "dtype", None), "kind", "") == "O" else tf.convert_to_tensor(y)
        )
        return tf.convert_to_tensor(form.call(labels, p)), ""
    except Exception as problem:
        return None, first_line(problem)


def repaired(form, y, p) -> bool:
    """Whether this loss uses the logits that travel with the scores; only Keras' own do."""
    import tensorflow as tf

    value, _ = call(form, y, p)
    correct, _ = call(form, y, tf.math.log(tf.cast(p, tf.float32)))
    if value is None or correct is None:
        return form.known
    return bool(np.allclose(value, correct, rtol=1e-3, atol=1e-4))


def with_both_routes(finding, model, form, x, y, p, seen, activation) -> Finding:
    """Add the loss eagerly, in a graph, and as it should be; the routes may disagree."""
    import tensorflow as tf

    eager, _ = call(form, y, p)
    correct, _ = call(form, y, tf.math.log(tf.cast(p, tf.float32)))
    if eager is None or correct is None:
        return finding
    try:
        graph = tf.function(lambda a, b: form.call(b, _models.forward(model, a)), autograph=False)(
            x, tf.convert_to_tensor(y)
        )
    except Exception:
        return finding  # the model does not trace; eager is then its only route
    eager, graph, correct = (float(np.mean(v)) for v in (eager, graph, correct))
    evidence = finding.evidence | {
        "eager loss": eager,
        "loss in tf.function": graph,
        "true loss": correct,
    }
    floor = finding.evidence["floor"]
    units = seen.values.shape[-1]
    head = (
        "The model's outputs are probabilities"
        + (f" (its last layer ends in {activation})" if activation else "")
        + ", and from_logits=True makes the loss apply softmax again. On this batch the true loss "
        f"is {correct:.3f}. "
    )
    constant = finding.severity == "note"
    if constant:
        severity = "warning" if activation == "softmax" else "note"
        head += (
            "All outputs are still equal, so every route reports the same; once they differ, an "
            "eager loop goes wrong, and inside tf.function Keras repairs tf.nn.softmax."
        )
    elif abs(graph - correct) < 1e-3 * max(1.0, abs(correct)) and abs(graph - eager) > 1e-4:
        severity = "warning"
        head += (
            f"Eagerly the loss reports {eager:.3f}: wrong. Inside tf.function it reports "
            f"{graph:.3f}: Keras sees the softmax there and repairs it."
        )
    else:
        severity = "error"
        head += f"The loss reports {eager:.3f} eagerly and {graph:.3f} inside tf.function."
    end = (
        f" {'The loss' if severity == 'error' else 'An eager loop'} cannot get below "
        f"ln(e + {units - 1}) − 1 = {floor:.3f}, and the gradients shrink; accuracy does not "
        "change."
    )
    return replace(finding, severity=severity, statement=head + end, evidence=evidence)


def first_line(problem: Exception) -> str:
    """Return the reason of an exception in one line."""
    plain = re.sub(r"\x1b\[\d*m", "", str(problem))
    lines = [line.strip() for line in plain.splitlines() if line.strip()]
    # Keras puts the layer's name first and the reason second.
    wrapped = len(lines) > 1 and lines[0].startswith("Exception encountered")
    text = lines[wrapped] if lines else ""
    return f"{type(problem).__name__}: {text[:160]}"
