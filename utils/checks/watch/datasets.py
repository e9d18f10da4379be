"""tf.data pipelines: splits that leak, parts shuffled apart, passes that do not match."""

import tensorflow as tf

from .._metric_forms import one_hot
from ..report import Finding
from .events import shape_of
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
        self.apart = None  # what two parts hold that were shuffled apart and may be x and y
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
        self.apart = None
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
        if len(seeds) < 2 or len(set(seeds)) < 2:
            return
        specs = [tf.nest.flatten(part.element_spec) for part in node._inputs()]
        if any(len(spec) != 1 or spec[0].shape.rank is None for spec in specs):
            return  # such as two sets of examples that hold their labels already
        specs = [spec[0] for spec in specs]
        if _pairs_labels(specs):
            self.recorder.add(_zipped(len(specs)))
        else:
            self.apart = specs

    def on_cross_entropy(self, event, look) -> None:
        """See whether one of two parts that were shuffled apart serves as one-hot labels."""
        if self.apart is None or look is None or event.info["metric"] is not None:
            return
        shape = shape_of(event.tensors["y_true"])
        widths = [tuple(spec.shape)[-1:] for spec in self.apart]
        if not shape or len(shape) < 2 or widths.count(shape[-1:]) != 1:
            return
        y = look(event.tensors["y_true"])
        if y is not None and y.size and one_hot(y):
            self.recorder.add(_zipped(len(self.apart)))
            self.apart = None

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


def _zipped(count) -> Finding:
    return Finding(
        "misaligned-labels",
        "error",
        f"{count} datasets were shuffled one by one and zipped afterwards: each has an order of "
        "its own, so that labels belong to other examples.",
        {"zipped": count, "shuffled before": count},
        "Zip first, then shuffle: tf.data.Dataset.zip((x, y)).shuffle(n).",
    )


def _pairs_labels(specs) -> bool:
    """Whether one part holds inputs and another their labels, by their dtypes and ranks.

    Two sets of images may be zipped unpaired on purpose, as for CycleGAN.
    """
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
