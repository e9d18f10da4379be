"""What tables of classes tell over the run. Each rule takes a `classes.Classes`."""

import numpy as np

from ..report import Finding
from . import separability

SURE = 3.0  # deviations from chance that are no accident
HINT, HINTS = 2.5, 2.0  # of one sign, or of all together, that noisy labels belong to their inputs
STRUCTURED = 0.85
CLUSTERED = 0.93
NEW = 60  # held-out examples that make a figure


def _sum(tables):
    """Return the sum of the tables that are of the last one's shape, or None."""
    tables = list(tables)
    return sum(t for t in tables if t.shape == tables[-1].shape) if tables else None


def _at_the_end(classes, train: bool):
    """Return the table of batches of the second half of the run and of the last weights."""
    seen = classes.train if train else classes.held
    half = [t for step, t in seen if step > classes.steps / 2]
    return _sum([*half, *(t for late, t in classes.late if late == train)])


def _above_chance(table) -> tuple[float, float]:
    """Return the accuracy, and by how many deviations it exceeds that of unrelated labels.

    With classes of unequal size a good model may be right less often than one that names the
    majority always; what tells is whether labels and predictions go together at all.
    """
    accuracy = float(np.trace(table) / table.sum())
    chance, deviation = _by_lot(table)
    return accuracy, (accuracy - chance) / deviation


def _by_lot(table) -> tuple[float, float]:
    """Return the accuracy and its deviation if labels and predictions had nothing in common."""
    total = table.sum()
    chance = float(table.sum(axis=0) @ table.sum(axis=1)) / total**2
    return chance, float(np.sqrt(max(chance * (1 - chance), 1e-6) / total))


def _would_tell(accuracy: float, table) -> bool:
    """Whether a model of this accuracy would be told from chance on as many examples.

    Not so where nearly all are of one class, and few examples of the other were seen.
    """
    chance, deviation = _by_lot(table)
    return accuracy - chance > 2 * SURE * deviation


def sorted_rule(classes) -> list[Finding]:
    """Find batches of few classes, where the data hold many."""
    batches = [b for b in classes.batches if b.sum() >= 8]
    if len(batches) < 4 or len({len(b) for b in batches}) > 1:
        return []
    counts = np.array(batches, float)
    overall = counts.sum(axis=0) / counts.sum()
    entropy = -(overall[overall > 0] * np.log(overall[overall > 0])).sum()
    shares = counts / counts.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = np.where(shares > 0, shares * np.log(shares / overall), 0.0).sum(axis=1)
    explained = float(gap.mean())
    # Under mixing 2 N · gap is about chi-squared with C − 1 degrees of freedom per batch.
    present = int((overall > 0).sum())
    expected = (present - 1) / (2 * counts.sum(axis=1).mean())
    if entropy < 0.3 or explained < 0.5 * entropy or explained < 4 * expected:
        return []
    single = int((shares.max(axis=1) > 0.99).sum())
    return [
        Finding(
            "unshuffled-labels",
            "warning",
            f"Training batches hold few classes each. In the {len(batches)} batches looked at, the "
            f"largest class makes up {100 * shares.max(axis=1).mean():.3g} % of a batch on "
            f"average, and {single} hold one class only, while together they hold {present}. The "
            "data come sorted, or the shuffle buffer is shorter than a class.",
            {
                "batches looked at": len(batches),
                "largest class in a batch": float(shares.max(axis=1).mean()),
                "batches of one class": single,
                "classes": present,
            },
        )
    ]


def majority_rule(classes) -> list[Finding]:
    """Find a model that answers with the most frequent class whatever it is shown."""
    table = _at_the_end(classes, True)
    if table is None or table.sum() < 64 or classes.steps < 30:
        return []
    total, true, predicted = table.sum(), table.sum(axis=1), table.sum(axis=0)
    winner = int(predicted.argmax())
    share = float(true[winner] / total)
    if share < 0.6 or winner != int(true.argmax()) or predicted[winner] < 0.99 * total:
        return []
    held = _at_the_end(classes, False)
    if held is not None and held.sum() >= NEW and (held.sum(axis=0) > 0.01 * held.sum()).sum() > 1:
        return []
    examples = classes.examples[True].arrays()
    learned = None
    if examples is not None and len(np.unique(examples[1])) > 1:
        x, ids = examples
        learned = separability.linear(separability.standardised(x), ids)
    sure = learned is not None and learned[0] >= 0.65 and learned[1] >= SURE
    extra = (
        f" Yet a linear rule on the inputs reaches a balanced accuracy of {learned[0]:.3g} on "
        f"examples it has not seen, where one class for all gives {1 / len(np.unique(ids)):.3g}: "
        "the classes can be told apart."
        if sure
        else ""
    )
    return [
        Finding(
            "class-imbalance",
            "warning" if sure else "note",
            f"Of the last {total} examples looked at, the model puts "
            f"{'all' if predicted[winner] == total else predicted[winner]} into class {winner}, "
            f"which makes up {100 * share:.3g} % of the labels. So its accuracy is no better than "
            f"naming that class always, and the other classes have a recall of 0.{extra}",
            {"majority share": share, "predicted as it": int(predicted[winner]), "of": int(total)},
        )
    ]


def renamed_rule(classes) -> list[Finding]:
    """Find held-out labels that name the classes otherwise than the training labels do."""
    trained, held = _at_the_end(classes, True), _at_the_end(classes, False)
    if trained is None or held is None or held.shape != trained.shape or held.sum() < 40:
        return []
    if np.trace(trained) / trained.sum() < 0.7:
        return []
    total, present = held.sum(), np.flatnonzero(held.sum(axis=1))
    target = held[present].argmax(axis=1)
    mapped, accuracy = held[present, target].sum() / total, np.trace(held) / total
    if len(set(target.tolist())) < len(present) or len(present) < 2:
        return []
    if mapped < 0.75 or accuracy > 0.5 * mapped:
        return []
    pairs = ", ".join(f"{k} → {t}" for k, t in zip(present, target, strict=True) if k != t)
    return [
        Finding(
            "label-offset",
            "error",
            f"On held-out data the model scores {accuracy:.3g}, but renaming the labels ({pairs}) "
            f"would make it {mapped:.3g}: class ids mean other classes there than in training, as "
            "after a second LabelEncoder.",
            {"accuracy": float(accuracy), "after renaming": float(mapped)},
            "Encode all labels with the encoder that was fitted on the training labels.",
        )
    ]


def split_rule(classes) -> list[Finding]:
    """Find held-out data made of classes that training never shows."""
    batches = [b for b in classes.batches if b.sum()]
    held = _sum(table.sum(axis=1) for _, table in classes.held)
    if len(batches) < 4 or held is None or held.sum() < NEW:
        return []
    counts = _sum(batches)
    if len(counts) != len(held) or counts.sum() < 100:
        return []
    pure = np.mean([b.max() / b.sum() for b in batches])
    before, after = counts / counts.sum(), held / held.sum()
    missing = np.flatnonzero((after > 0) & (before < after / 10))
    share = float(after[missing].sum())
    if pure > 0.9 or share < 0.6:
        return []
    names = ", ".join(str(k) for k in missing[:4]) + ", …" * (len(missing) > 4)
    few = int(counts[missing].sum())
    return [
        Finding(
            "sorted-split",
            "error",
            f"{100 * share:.3g} % of {held.sum()} held-out examples are of class {names}, of which "
            f"there {'are' if few != 1 else 'is'} {few or 'none'} among {counts.sum()} training "
            "examples looked at: the data were sorted by class when they were cut in two.",
            {"share of held out": share, "share of training": float(before[missing].sum())},
        )
    ]


def information_rule(classes) -> list[Finding]:
    """Find labels that the inputs do not predict, though the inputs have an order of their own."""
    trained, held = _at_the_end(classes, True), _at_the_end(classes, False)
    if trained is None or classes.steps < 20:
        return []
    accuracy = float(np.trace(trained) / trained.sum())
    new = held is not None and held.sum() >= NEW
    at_chance = new and _above_chance(held)[1] < SURE
    if new and not at_chance:
        return []
    if at_chance and accuracy > 0.9:
        told = _would_tell(accuracy, held) and not classes.settling
        return [_memorised(accuracy, held)] if told else []
    if not at_chance and accuracy > trained.sum(axis=1).max() / trained.sum() + 0.3:
        return []
    examples = classes.examples[True].arrays()
    if examples is None or len(examples[0]) < 100 or len(np.unique(examples[1])) < 2:
        return []
    x, ids = separability.standardised(examples[0]), examples[1]
    if x.shape[1] < 2 or separability.structure(x) > STRUCTURED:
        return []
    if (order := separability.clustering(x)) > CLUSTERED:
        return []
    near, line = separability.agreement(x, ids), separability.linear(x, ids)
    signs = [near, *([line[1]] if line else []), *([_above_chance(held)[1]] if new else [])]
    if max(signs) > HINT or sum(signs) / np.sqrt(len(signs)) > HINTS:
        return []
    return [_misaligned(len(x), near, order, accuracy)]


def _misaligned(count, near, order, accuracy) -> Finding:
    return Finding(
        "misaligned-labels",
        "error",
        f"The labels do not belong to the inputs. {count} training inputs lie in groups (the "
        f"nearest neighbour is at {order:.2g} of the distance it has in a cloud without groups), "
        "but neighbours share a label no more often than examples drawn by lot "
        f"({max(near, 0):.1f} standard deviations above it), and the model's accuracy is "
        f"{accuracy:.3g}. Inputs and labels were shuffled, sorted or filtered apart.",
        {"examples": count, "deviations above chance": near, "training accuracy": accuracy},
    )


def _memorised(accuracy: float, held) -> Finding:
    value, above = _above_chance(held)
    return Finding(
        "memorised-noise",
        "error",
        f"Accuracy is {accuracy:.3g} on training batches and {value:.3g} on {held.sum()} held-out "
        f"examples, where its predictions go with the labels no more than drawn by lot "
        f"({max(above, 0):.1f} standard deviations): the model knows its training labels by heart "
        "and nothing that holds for new examples.",
        {"training": accuracy, "held out": value, "deviations above chance": above},
        "Check first that inputs and labels belong together; if they do, the model needs more "
        "data, or inputs that say more.",
    )


RULES = (sorted_rule, majority_rule, renamed_rule, split_rule, information_rule)
