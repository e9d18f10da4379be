"""The patients of the clinic: for each its healthy twin, its faults, and wrong turns of a mend."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Patient:
    """One loop of the ward.

    Attributes
    ----------
    letter : str
    twin : dict
        Settings of `clinic_loop.train` that make the healthy twin.
    faults : dict of str to dict
        For each pitfall the settings that bring it back.
    names : dict of str to tuple of str
        Other names under which a pitfall is accepted.
    turns : tuple of (str, str, dict)
        Wrong turns of a mend: pitfall, what happened, settings.
    hints : tuple of str
    by_learning : bool
        Judged by what it learned; for faults whose mend may reorder the data.
    """

    letter: str
    twin: dict
    faults: Mapping[str, dict]
    hints: tuple[str, ...]
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    turns: tuple[tuple[str, str, dict], ...] = ()
    by_learning: bool = False


WARD = (
    Patient(
        "A",
        {},
        {"double-softmax": {"last": "softmax"}},
        (
            "The accuracy is excellent. Compute the cross-entropy of the model by hand.",
            "The loss has a floor: what is ln(e + 2) − 1?",
        ),
        turns=(
            (
                "logits-as-probabilities",
                "Both ends were changed: now the loss takes logits for probabilities.",
                {"from_logits": False},
            ),
        ),
    ),
    Patient(
        "B",
        {},
        {},
        (
            "Every line that looks odd can be tested. Which of them changes a figure?",
            "Set the chart beside the figures you compute by hand.",
        ),
        turns=(
            (
                "double-softmax",
                "You changed from_logits, and the model does end in a softmax.",
                {"last": "softmax"},
            ),
            (
                "vector-loss",
                "The sum is no longer divided by the number of examples.",
                {"vector": True},
            ),
        ),
    ),
    Patient(
        "C",
        {},
        {"logits-as-probabilities": {"from_logits": False}, "metric-not-reset": {"reset": False}},
        (
            "Look at the first loss. What would a model say that knows nothing?",
            "There are two faults. Print a metric's result before an epoch begins.",
        ),
        turns=(
            (
                "double-softmax",
                "Both ends were changed: now there are two softmaxes.",
                {"last": "softmax"},
            ),
        ),
    ),
    Patient(
        "D",
        {"penalty": 0.05},
        {"missing-regularisation": {"penalised": False}, "ragged-batch": {"pool": "batches"}},
        (
            "Make the penalty a thousand times stronger. What happens?",
            "There are two faults. How many examples are in the last batch, and how much do they "
            "count?",
        ),
    ),
    Patient(
        "E",
        {"order": "together"},
        {"misaligned-labels": {"order": "apart"}},
        (
            "Train for longer: it can learn the training data by heart. And the validation?",
            "Follow one wine from the data set into the batch. Is its label still its own?",
        ),
        by_learning=True,
    ),
    Patient(
        "F",
        {},
        {"broadcast-shapes": {"accuracy": "broadcast"}},
        (
            "Two accuracies are in this chart. Which of them do you believe, and why?",
            "Print the shape of the comparison.",
        ),
        turns=(
            (
                "last-batch-metric",
                "The training accuracy is that of the last batch alone.",
                {"accuracy": "last batch"},
            ),
        ),
    ),
    Patient(
        "G",
        {"dropout": 0.5},
        {
            "training-flag": {"validate_in_training": True},
            "last-batch-metric": {"accuracy": "last batch"},
        },
        (
            "Call the finished model twice on the same test data, as the loop does.",
            "There are two faults. Multiply the accuracy by the size of the last batch.",
        ),
    ),
    Patient(
        "H",
        {},
        {},
        (
            "Which figures would the best model give that these two measurements allow?",
            "Run the loop on all thirteen measurements.",
        ),
    ),
    Patient(
        "I",
        {"optimizer": "SGD", "rate": 0.02},
        {"vector-loss": {"vector": True}},
        (
            "Change the batch size from 48 to 12, and nothing else.",
            "Take one step, and compare the fall of the loss with the expected one (lesson 16).",
        ),
        names={"vector-loss": ("summed-loss",)},
        turns=(
            (
                "vector-loss",
                "A rate divided by the batch size is right for full batches only.",
                {"vector": True, "rate": 0.02 / 48},
            ),
        ),
    ),
    Patient(
        "J",
        {},
        {"optimizer-recreated": {"renewed": True}, "gradients-none": {"only_head": True}},
        (
            "Which weights have moved since the beginning?",
            "There are two faults. What does Adam remember, and since when?",
        ),
    ),
)
