"""tf.data pipelines: splits that leak, parts shuffled apart, passes that do not match."""

import tensorflow as tf

from ..report import Finding
from .patching import SWITCHBOARD
from .subject import Subject

TRAINERS = ("fit", "evaluate", "predict")


def chain(dataset):
    """Yield a dataset and all it is made from."""
    todo = [dataset]
    while todo:
        node = todo.pop()
        yield node
        try:
            todo += list(node._inputs())
        except (AttributeError, NotImplementedError):
            continue


def kind_of(dataset) -> str:
    """Return the class's name without its underscore."""
    return type(dataset).__name__.lstrip("_")


def root_of(dataset):
    """Return the id of the source a pipeline starts from."""
    root = dataset
    for node in chain(dataset):
        root = node
    return id(root)


def reshuffles(node) -> bool:
    """Whether a node draws a new order at every pass."""
    return kind_of(node) == "ShuffleDataset" and bool(
        getattr(node, "_reshuffle_each_iteration", True)
    )


class Datasets(Subject):
    """Watches which datasets are iterated, and how they were made."""

    def __init__(self):
        self.parts = {}
        self.kept = {}
        self.current = None
        self.used = {}
        self.last_use = None
        self.began = 0

    def on_iterate(self, event, look) -> None:
        dataset = event.subject
        self.kept[id(dataset)] = dataset
        self._end_pass()
        self.current, self.last_use = dataset, "labels"
        if any(kind in TRAINERS for kind, _ in SWITCHBOARD.here.stack):
            self.current = None  # Keras keeps scores and labels of a pass together
        self.began = self.recorder.train_steps
        for node in chain(dataset):
            if kind_of(node) in ("TakeDataset", "SkipDataset"):
                part = kind_of(node)[:4].lower()
                for below in chain(node._input_dataset):
                    if reshuffles(below):
                        self.parts.setdefault(id(below), {})[part] = below
            if kind_of(node) == "ZipDataset":
                self._zip(node)

    def _zip(self, node) -> None:
        seeds = []
        for part in node._inputs():
            shuffled = [n for n in chain(part) if kind_of(n) == "ShuffleDataset"]
            if not shuffled:
                return
            seeds.append(tuple(_seed(n) for n in shuffled))
        if len(seeds) > 1 and len(set(seeds)) > 1 and _pairs_labels(node._inputs()):
            self.recorder.add(
                Finding(
                    "misaligned-labels",
                    "error",
                    f"{len(seeds)} datasets were shuffled one by one and zipped afterwards: each "
                    "has an order of its own, so that labels belong to other examples.",
                    {"zipped": len(seeds), "shuffled before": len(seeds)},
                    "Zip first, then shuffle: tf.data.Dataset.zip((x, y)).shuffle(n).",
                )
            )

    def on_model(self, event, look) -> None:
        if self.last_use in ("labels", "compiled"):
            self.last_use = "scores"

    def on_gradient(self, event, look) -> None:
        self.last_use = "training"

    def function_called(self, function) -> None:
        """A compiled function ran in this pass; most of its runs are not looked at."""
        if self.last_use == "labels" and self.current is not None:
            self.last_use = "compiled"

    def _use(self) -> str:
        """Say what the current pass is for."""
        return "training" if self.recorder.train_steps > self.began else self.last_use

    def _end_pass(self) -> None:
        if self.current is not None:
            self.used.setdefault(id(self.current), set()).add(self._use())
        self.current = None

    def on_predict(self, event, look) -> None:
        data = event.info["args"][0] if event.info["args"] else event.info["kwargs"].get("x")
        if hasattr(data, "_inputs") and hasattr(data, "element_spec"):
            self._end_pass()
            self.kept[id(data)] = data
            self.used.setdefault(id(data), set()).add("scores")

    def findings(self) -> list[Finding]:
        found = []
        if any(len(parts) == 2 for parts in self.parts.values()):
            found.append(
                Finding(
                    "validation-leak",
                    "error",
                    "take and skip cut one shuffled dataset in two, and that shuffle draws a new "
                    "order at every pass: after the first, training sees validation examples.",
                    {"split": "take and skip after shuffle", "reshuffled": "at every pass"},
                    "Split first and shuffle the training part, or say "
                    "shuffle(..., reshuffle_each_iteration=False).",
                )
            )
        used = {key: set(uses) for key, uses in self.used.items()}
        if self.current is not None:
            used.setdefault(id(self.current), set()).add(self._use())
        for key, uses in used.items():
            if {"labels", "scores"} <= uses and any(reshuffles(n) for n in chain(self.kept[key])):
                found.append(
                    Finding(
                        "reshuffled-pass",
                        "error",
                        "Scores were collected in one pass over a dataset and labels in another, "
                        "but it is shuffled anew at every pass: the two do not belong together.",
                        {"passes": "scores, labels", "reshuffled": "at every pass"},
                    )
                )
        return found


def _pairs_labels(parts) -> bool:
    """Whether one part holds inputs and another their labels, by their dtypes and ranks.

    Two sets of images may be zipped unpaired on purpose, as for CycleGAN; so may two sets of
    examples that hold their labels already.
    """
    specs = [tf.nest.flatten(part.element_spec) for part in parts]
    if any(len(spec) != 1 or spec[0].shape.rank is None for spec in specs):
        return False
    specs = [spec[0] for spec in specs]
    ranks = {spec.shape.rank for spec in specs}
    whole = {spec.dtype.is_integer and spec.dtype != tf.uint8 for spec in specs}
    return len(ranks) > 1 or whole == {True, False}


def _seed(node):
    """Return what decides a shuffle's order, unique where nothing fixes it."""
    seed = getattr(node, "_seed", None)
    try:
        value = int(seed)
    except (TypeError, ValueError):
        return id(node)
    second = getattr(node, "_seed2", 0)
    return (value, int(second)) if value or int(second) else id(node)
