"""The tape: what is differentiated, with respect to what, and who gets the gradients."""

import keras
import numpy as np
import tensorflow as tf

from .. import _gradients
from ..report import Finding
from .events import shape_of
from .subject import Subject, name_of

STOCHASTIC = ("Dropout", "Noise", "Random")
REPEATED = 3  # gradients that are None in so many steps are no experiment, whatever uses them


def plain(variable):
    """Return the TensorFlow variable behind a Keras variable."""
    return getattr(variable, "_value", variable)


class Gradients(Subject):
    """Watches GradientTape.gradient and the optimizer's apply."""

    def __init__(self):
        self.per_example = None
        self.loss = None
        self.pairs = {}
        self.kept = None
        self.scaled = False
        self.in_batch = False  # whether the classes are the other examples of the batch
        self.none, self.nones = [], 0

    def on_create(self, event, look) -> None:
        # A loss scale is a power of two, as batch sizes are: a scaled loss looks like a sum.
        self.scaled |= isinstance(event.subject, keras.optimizers.LossScaleOptimizer)

    def on_cross_entropy(self, event, look) -> None:
        if event.info["metric"] is None and event.info["taped"]:
            self.per_example = event.tensors.get("result")
            self.in_batch = _is_identity(event.tensors["y_true"], look)

    def on_loss(self, event, look) -> None:
        if event.info["taped"]:
            self.loss = event

    def on_gradient(self, event, look) -> None:
        sources = tf.nest.flatten(event.info["sources"])
        gradients = tf.nest.flatten(event.info["gradients"])
        self.kept = (sources, gradients)
        self.pairs = {id(g): s for g, s in zip(gradients, sources, strict=False) if g is not None}
        if not sources or not all(_is_variable(s) for s in sources):
            return
        names = [_gradients.name_of(s, i) for i, s in enumerate(sources)]
        self.none = _gradients.none_rule(gradients, names)
        self.nones += bool(self.none)
        if self.nones >= REPEATED:
            self._blame_none()
        targets = tf.nest.flatten(event.info["target"])
        if len(targets) == 1 and not (event.info["weighted"] or self.scaled or self.in_batch):
            self._target(targets[0], look, event.info.get("strategy", False))
        self.per_example = self.loss = None

    def _blame_none(self) -> None:
        """Name gradients that are None once they are used: asking for one may be a lesson."""
        for finding in self.none:
            self.recorder.add(finding)
        self.none = []

    def _target(self, target, look, strategy) -> None:
        shape = shape_of(target)
        if shape is None or tf.distribute.get_strategy().num_replicas_in_sync > 1:
            return
        value = look(target) if look is not None else None
        each = look(self.per_example) if look is not None else None
        if value is None or not np.isfinite(value).all():
            return
        if value.size > 1:
            if each is not None and np.isclose(value.sum(), each.mean(), rtol=0.05):
                return
            self.recorder.add(_vector(value, shape))
        elif each is not None and each.size > 1:
            total, mean = float(each.sum()), float(each.mean())
            scalar = float(value.reshape(()))
            if (
                strategy
                and each.size >= 8
                and mean > 0
                and np.isclose(scalar * each.size, mean, 1e-3)
            ):
                self.recorder.add(_averaged_twice(scalar, mean, each.size))
            if mean > 0 and abs(scalar - total) < 0.02 * total and total > 1.5 * mean:
                self.recorder.add(_summed(scalar, mean, each.size))
            elif mean > 0 and _sum_of_means(scalar, mean, each):
                self.recorder.add(_summed(scalar, mean, len(each)))

    def on_seed(self, event, look) -> None:
        """In a step traced before: the gradient that each example's loss receives."""
        if look is None or self.scaled:
            return
        seed, each = look(event.tensors["seed"]), look(event.tensors["each"])
        if seed is None or each is None or seed.size < 2 or seed.shape != each.shape:
            return
        if np.allclose(seed, 1) and np.isfinite(each).all():
            if event.info["summed"]:
                self.recorder.add(_summed(float(each.sum()), float(each.mean()), each.size))
            else:
                self.recorder.add(_vector(each, each.shape))

    def on_apply(self, event, look) -> None:
        self.on_create(event, look)
        self._blame_none()
        variables = event.info["variables"]
        if variables is None:
            self.kept, self.pairs = None, {}
            return
        wrong = []
        for gradient, variable in zip(event.info["gradients"], variables, strict=False):
            source = self.pairs.get(id(gradient)) if gradient is not None else None
            if source is not None and plain(source) is not plain(variable):
                wrong.append((source, variable))
        self.kept, self.pairs = None, {}
        if wrong:
            self.recorder.add(_mispaired(wrong, len(variables)))


def _sum_of_means(scalar: float, mean: float, each) -> bool:
    """Whether losses per position were averaged in each example, and then summed over examples.

    With as many positions as examples, a sum over positions and a mean over examples is the same.
    """
    examples = len(each)
    told = examples >= 4 and each.size != examples**2
    return told and abs(scalar - examples * mean) < 0.002 * scalar


def _is_identity(y_true, look) -> bool:
    """Whether each example is a class of its own, as in retrieval with in-batch negatives.

    Its losses are summed by custom: the number of classes is the batch size.
    """
    shape = shape_of(y_true)
    if shape is None or len(shape) != 2 or shape[0] != shape[1]:
        return False
    y = look(y_true) if look is not None else None
    return y is not None and np.array_equal(y, np.eye(len(y)))


def _is_variable(source) -> bool:
    return isinstance(source, (tf.Variable, keras.Variable))


def _vector(value, shape) -> Finding:
    return Finding(
        "vector-loss",
        "warning",
        f"The tape differentiates a loss of shape {value.shape}, not a scalar. Its gradient is "
        f"that of the sum, {value.sum():.4g}, which is {value.size} times that of the mean "
        f"{value.mean():.4g}: the learning rate is in effect {value.size} times as large.",
        {"shape": str(value.shape), "sum": float(value.sum()), "mean": float(value.mean())},
    )


def _summed(scalar: float, mean: float, size: int) -> Finding:
    return Finding(
        "summed-loss",
        "warning",
        f"The loss that is differentiated, {scalar:.4g}, is the sum over {size} values whose mean "
        f"is {mean:.4g}. Gradients are {size} times those of the mean and change with the batch "
        "size; so does the figure that is printed.",
        {"loss": scalar, "mean per value": mean, "values": size},
    )


def _averaged_twice(scalar: float, mean: float, size: int) -> Finding:
    return Finding(
        "replica-loss-scale",
        "error",
        f"The loss that is differentiated, {scalar:.4g}, is the mean over the batch, {mean:.4g}, "
        f"divided by the {size} examples once more: loss and gradient are {size} times too small.",
        {"loss": scalar, "mean": mean, "examples": size},
        "Let the loss return one value per example (reduction='none'), and divide the sum once.",
    )


def _mispaired(wrong, count: int) -> Finding:
    source, variable = wrong[0]
    return Finding(
        "mispaired-gradients",
        "error",
        f"{len(wrong)} of {count} gradients are applied to another variable than the one they were "
        f"taken for: the gradient for {_gradients.name_of(source, 0)} goes to "
        f"{_gradients.name_of(variable, 0)}.",
        {
            "mispaired": len(wrong),
            "of": count,
            "taken for": _gradients.name_of(source, 0),
            "applied to": _gradients.name_of(variable, 0),
        },
    )


class Models(Subject):
    """Watches how models are called: the training flag and the regularisation losses."""

    def __init__(self):
        self.read = set()
        self.taped = {}
        self.outputs = {}
        self.batches = []
        self.trained = {}
        self.sourced = set()  # variables that some gradient was asked for
        self.evaluated = {}

    def observed(self) -> dict:
        return (
            {"models": tuple({name_of(m): 1 for m, _ in self.trained.values()})}
            if (self.trained)
            else {}
        )

    def on_losses(self, event, look) -> None:
        self.read.add(id(event.subject))

    def on_model(self, event, look) -> None:
        model, training = event.subject, effective_training(event)
        x = tf.nest.flatten(event.tensors["x"])
        if event.info["taped"]:
            self.taped[id(model)] = (model, training)
            self.batches = x
        elif training and not any(a is b for a in x for b in self.batches):
            outputs = tf.nest.flatten(event.info["outputs"])
            self.outputs = {id(t): (t, model) for t in outputs}

    def on_metric(self, event, look) -> None:
        self._scored(event, "second")

    def on_cross_entropy(self, event, look) -> None:
        if event.info["metric"] is None:
            self._scored(event, "y_pred")

    def _scored(self, event, role: str) -> None:
        """Note when scores made with training=True, outside a tape, are compared with labels."""
        if event.info["taped"]:
            return
        hit = self.outputs.get(id(event.tensors.get(role)))
        if hit is not None:
            self.evaluated[id(hit[1])] = hit[1]

    def on_gradient(self, event, look) -> None:
        ids = {id(plain(v)) for v in tf.nest.flatten(event.info["sources"])}
        self.sourced |= ids
        for key, (model, training) in self.taped.items():
            if any(id(plain(v)) in ids for v in model.trainable_variables):
                seen = self.trained.setdefault(key, (model, set()))
                seen[1].add(bool(training))
        self.taped, self.outputs = {}, {}

    def findings(self) -> list[Finding]:
        found = []
        for key, (model, flags) in self.trained.items():
            if flags == {False} and (layers := mode_layers(model)):
                found.append(_flag_missing(model, layers))
            if (head := self._forgotten(model)) is not None:
                found.append(_head_forgotten(model, head))
            if key not in self.read and (penalties := _penalties(model)):
                found.append(_unregularised(model, penalties))
        for key, model in self.evaluated.items():
            if key in self.trained and (layers := mode_layers(model)):
                found.append(_flag_left_on(model, layers))
        return found

    def _forgotten(self, model):
        """Return the last layer with weights if no gradient was ever asked for them."""
        if getattr(model, "outputs", None) is None or len(model.outputs) != 1:
            return None
        layers = [layer for layer in model.layers if layer.trainable_variables]
        if not layers or any(id(plain(v)) in self.sourced for v in layers[-1].trainable_variables):
            return None
        return layers[-1]


def effective_training(event):
    """Return the training flag a model was called with, its own default included."""
    given = event.info["training"]
    if given is not None:
        return bool(given) if isinstance(given, (bool, int)) else given
    signature = getattr(event.subject, "_call_signature", None)
    parameter = signature.parameters.get("training") if signature else None
    default = getattr(parameter, "default", None)
    return default if isinstance(default, bool) else False


def mode_layers(model) -> list[str]:
    """Return the names of layers that behave differently in training."""
    names = []
    for layer in model._flatten_layers(include_self=False):
        kind = type(layer).__name__
        rate = (
            max(getattr(layer, "rate", 0) or 0, getattr(layer, "dropout", 0) or 0)
            if (not isinstance(getattr(layer, "dropout", 0), keras.layers.Layer))
            else 0
        )
        if isinstance(layer, keras.layers.BatchNormalization):
            if layer.trainable:
                names.append(layer.name)
        elif (
            (kind.endswith("Dropout") and rate > 0)
            or kind.startswith(("Gaussian", "Random"))
            or (isinstance(layer, keras.layers.RNN) and rate > 0)
        ):
            names.append(layer.name)
    return names


def _penalties(model) -> list[float]:
    """Return the penalties of regularised weights that are not 0, as L2(0.0) is."""
    penalised = (v for v in model.trainable_variables if getattr(v, "regularizer", None))
    return [p for v in penalised if (p := float(v.regularizer(v))) != 0]


def _head_forgotten(model, layer) -> Finding:
    count = len(layer.trainable_variables)
    return Finding(
        "gradients-none",
        "error",
        f"{name_of(model)} is trained, but no gradient was ever asked for the {count} variables of "
        f"its last layer, {layer.name}: they keep their first values. The list of variables is "
        "older than the layer, or was taken from a part of the model.",
        {"layer": layer.name, "variables": count},
        "Take model.trainable_variables after the model is complete, in the step itself.",
    )


def _flag_missing(model, layers) -> Finding:
    return Finding(
        "training-flag",
        "error",
        f"{name_of(model)} was trained with training=False, which is what model(x) means in Keras "
        f"3: {_some(layers)} behaved as in inference. Dropout was off, and batch normalisation did "
        "not learn its averages.",
        {"layers": len(layers), "for example": layers[0]},
        "Call model(x, training=True) inside the tape, and training=False when you evaluate.",
    )


def _flag_left_on(model, layers) -> Finding:
    return Finding(
        "training-flag",
        "warning",
        f"{name_of(model)} was evaluated with training=True: {_some(layers)} behaved as in "
        "training. Dropout makes the figures worse and noisy; batch normalisation uses the batch's "
        "own statistics, and learns from the evaluation data.",
        {"layers": len(layers), "for example": layers[0]},
        "Call model(x, training=False) when you evaluate.",
    )


def _unregularised(model, penalties) -> Finding:
    penalty = sum(penalties)
    return Finding(
        "missing-regularisation",
        "error",
        f"{name_of(model)} has {len(penalties)} regularised variable"
        f"{'s' * (len(penalties) != 1)} with a penalty of {penalty:.4g} at the end, but the loop "
        "never read model.losses: the penalty is not part of the loss, and has no effect.",
        {"regularised": len(penalties), "penalty": penalty},
        "Add it inside the tape: loss = loss_fn(y, p) + tf.add_n(model.losses).",
    )


def _some(names) -> str:
    return ", ".join(names[:3]) + (" and others" if len(names) > 3 else "")
