"""The differential diagnosis: from a symptom to its suspects to the test that decides.

What the suspects are called, where they are taught and how each is tested is
drawn from the register (`pitfalls`); only their grouping by symptom stands here.
"""

import textwrap
from dataclasses import dataclass
from html import escape

from . import cards, pitfalls


@dataclass(frozen=True)
class Symptom:
    """What a user sees first.

    Attributes
    ----------
    key : str
        One word, to ask for it.
    sign : str
        What is seen, in a user's words.
    first : str
        The first thing to measure: it parts the suspects into few and many.
    suspects : tuple of str
        Ids of the register, the likeliest first.
    """

    key: str
    sign: str
    first: str
    suspects: tuple[str, ...]


def _symptom(key: str, sign: str, first: str, suspects: str) -> Symptom:
    return Symptom(key, sign, first, tuple(suspects.split()))


SYMPTOMS = (
    _symptom(
        "error",
        "It stops with an error",
        "Print shape and dtype of y_batch and y_pred, and the least and greatest label.",
        "one-hot-labels sparse-labels-to-categorical label-range mixed-labels label-dtype "
        "batch-mismatch output-units gradients-none",
    ),
    _symptom(
        "nan",
        "The loss is NaN or infinite",
        "Look at the scores of that batch before you look at the loss: are they finite?",
        "unstable-softmax nan-scores half-precision-softmax label-range",
    ),
    _symptom(
        "high",
        "The loss starts far above ln C",
        "Halve the batch. Does the loss halve? Are there scores below 0?",
        "logits-as-probabilities summed-loss loss-without-anchor padding-counted",
    ),
    _symptom(
        "flat",
        "Accuracy is good, but the loss flattens far from zero",
        "Compute the cross-entropy of model(x) by hand and set it beside the report.",
        "double-softmax positional-reduction wrong-output-activation class-weights-scale",
    ),
    _symptom(
        "stuck",
        "It does not learn, or learns too slowly",
        "One small SGD step on one batch: does the loss of that batch fall as its gradient says?",
        "misaligned-labels gradients-none mispaired-gradients optimizer-recreated "
        "unshuffled-labels logits-as-probabilities wrong-output-activation label-offset",
    ),
    _symptom(
        "explodes",
        "It explodes, or the best learning rate changes with the batch size",
        "Print loss.shape inside the tape; then halve the batch.",
        "vector-loss summed-loss replica-loss-scale class-weights-scale",
    ),
    _symptom(
        "chance",
        "The loss falls, but accuracy stays near chance or at an odd value",
        "Compute accuracy in NumPy: (argmax(scores, -1) == y).mean(), with both of shape (B,).",
        "broadcast-shapes one-hot-labels swapped-arguments class-ids-as-scores "
        "wrong-accuracy-metric wrong-axis sparse-labels-to-categorical fractional-labels "
        "saturated-ties low-precision-ids",
    ),
    _symptom(
        "memory",
        "A metric creeps, jumps, or mirrors another",
        "Print result() before the first batch of an epoch, and after one batch known to be right.",
        "metric-not-reset running-value last-batch-metric metric-recreated per-batch-precision",
    ),
    _symptom(
        "differ",
        "Reported and recomputed figures differ by a little",
        "Measure the finished model once more, on the same data, with training=False.",
        "running-average training-flag ragged-batch reshuffled-pass padding-counted lost-mask",
    ),
    _symptom(
        "new",
        "Splendid in training, poor on new data",
        "Intersect the ids of training and validation examples; count the classes in each.",
        "memorised-noise validation-leak early-stopping-without-restore sorted-split "
        "label-offset label-dtype",
    ),
    _symptom(
        "rare",
        "Loss and accuracy are good, but the rare class is not found",
        "Count the predictions of each class, and set precision beside scikit-learn's.",
        "class-imbalance undefined-precision precision-on-sparse-labels metric-on-logits "
        "weights-not-in-metric",
    ),
    _symptom(
        "setting",
        "A setting has no effect",
        "Set it to something absurd, such as 1000 or 0. The loss must change at once.",
        "missing-regularisation class-weights-ignored loss-weights-misuse python-side-effects "
        "replica-regularisation training-flag",
    ),
    _symptom(
        "slow",
        "A compiled step is slow, or a counter in it stands still",
        "Put print('traced') into the step and call it ten times.",
        "retracing python-side-effects optimizer-recreated",
    ),
)


class Page:
    """All symptoms on one page; has a text and an HTML form."""

    def __repr__(self) -> str:
        lines = []
        for symptom in SYMPTOMS:
            lines.append(f"{symptom.sign}  [{symptom.key}]")
            lines += _wrapped("first:    " + symptom.first)
            lines += _wrapped("suspects: " + ", ".join(symptom.suspects))
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = [
            [f"{symptom.sign} [{symptom.key}]", symptom.first, ", ".join(symptom.suspects)]
            for symptom in SYMPTOMS
        ]
        return cards.table(["symptom", "first measure", "suspects"], rows)


class Suspects:
    """The suspects behind one symptom, each with the test that decides."""

    def __init__(self, symptom: Symptom):
        self.symptom = symptom
        self.entries = tuple(pitfalls.get(id_) for id_ in symptom.suspects)

    def __repr__(self) -> str:
        lines = [self.symptom.sign, *_wrapped("first: " + self.symptom.first)]
        for entry in self.entries:
            lines += _wrapped(f"{entry.id} (lesson {entry.lesson:02d}): {entry.test}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = [[entry.id, f"{entry.lesson:02d}", entry.test] for entry in self.entries]
        head = f"<p><b>{escape(self.symptom.sign)}.</b> {escape(self.symptom.first)}</p>"
        return head + cards.table(["suspect", "lesson", "the test that decides"], rows)


def page() -> Page:
    """Return the whole differential diagnosis: symptom, first measure, suspects."""
    return Page()


def suspects(key: str) -> Suspects:
    """Return the suspects behind one symptom, with the register's deciding test for each.

    Parameters
    ----------
    key : str
        Such as ``"flat"``; `page` shows all.

    Raises
    ------
    KeyError
        If there is no such symptom; the message lists the keys.
    """
    for symptom in SYMPTOMS:
        if symptom.key == key:
            return Suspects(symptom)
    raise KeyError(f"no symptom is called {key!r}; there are: {', '.join(s.key for s in SYMPTOMS)}")


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(
        text, 92, initial_indent="  ", subsequent_indent="      ", break_on_hyphens=False
    )
