"""Steps traced before the block: which Keras objects they use, and what they do with them.

Such a graph knows variables, not metrics or models. The objects are found where the step's
Python function finds them (its closure, its globals, its ``self``), and are matched with the
graph by their variables. No Python of the step is run.
"""

import keras

from .events import Event
from .flow import ASSIGN
from .reach import reachable

RANDOM = ("Random", "StatelessRandom", "StatelessTruncated", "TruncatedNormal")
CONTAINERS = ("CompileMetrics", "MetricsList")  # of Keras' own, around the metrics themselves
PENALTIES = {"Square", "Abs", "L2Loss", "SquaredDifference"}


def objects(function) -> list:
    """Return the Keras models and metrics that a Python function can reach."""
    found = reachable(function)
    return [value for _, value, _ in found if isinstance(value, (keras.Model, keras.Metric))]


def read(scopes, flows, function) -> tuple[list, list[str]]:
    """Return (scope, event) of a traced function by its objects, and what could not be read."""
    found = objects(function) if function is not None else []
    assigned, read_by = _uses(scopes)
    events, missed = [], []
    trained = []
    for model in (o for o in found if isinstance(o, keras.Model) and o.built):
        mine = [v for v in model.trainable_variables if _handle(v) in assigned]
        if mine:
            trained += mine
            place = assigned[_handle(mine[0])][0]
            events += [(place, e) for e in _model(model, scopes, assigned, read_by)]
    if trained:
        info = {"target": None, "sources": trained, "gradients": trained, "weighted": True}
        place = assigned[_handle(trained[0])][0]
        events.append((place, Event("gradient", None, {}, info)))
    for metric in (o for o in found if isinstance(o, keras.Metric)):
        if type(metric).__name__ in CONTAINERS:
            continue
        places = [assigned[_handle(v)] for v in metric.variables if _handle(v) in assigned]
        if places:
            tensors = _arguments(metric, places, flows)
            info = {"masked": False, "taped": False, "trains": bool(trained)}
            events.append((places[0][0], Event("metric", metric, tensors, info)))
            if not tensors:
                missed.append(
                    f"what {metric.name} is given: it is updated in a step that was traced before "
                    "the block. Define the step again inside the block to have it checked."
                )
    return events, missed


def _handle(variable):
    return id(getattr(getattr(variable, "_value", variable), "handle", None))


def _uses(scopes):
    """Return by variable handle: the assignment to it, and the operations that read it."""
    assigned, read_by, names = {}, {}, {}
    for scope in scopes:
        own = names[id(scope)] = {}
        if scope.parent is None:
            for external, internal in scope.graph.captures:
                own[internal.name] = id(external)
        else:
            around = names[id(scope.parent)]
            for inner, outer in scope.bound():
                if outer.name in around:
                    own[inner.name] = around[outer.name]
        for op in scope.operations:
            handle = own.get(op.inputs[0].name) if op.inputs else None
            if handle is None:
                continue
            if op.type in ASSIGN or op.type.startswith("ResourceApply"):
                assigned[handle] = (scope, op)
            elif op.type == "ReadVariableOp":
                read_by.setdefault(handle, []).extend(op.outputs[0].consumers())
    return assigned, read_by


def _model(model, scopes, assigned, read_by) -> list[Event]:
    """Tell from what is assigned and drawn whether a model ran in training mode."""
    norms = [
        layer
        for layer in model._flatten_layers(include_self=False)
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable
    ]
    draws = any(op.type.startswith(RANDOM) for scope in scopes for op in scope.operations)
    training = draws
    if norms:
        training = any(_handle(layer.moving_mean) in assigned for layer in norms)
    info = {"training": training, "taped": True, "outputs": ()}
    events = [Event("model", model, {"x": None}, info)]
    for variable in model.trainable_variables:
        if getattr(variable, "regularizer", None) is not None and any(
            op.type in PENALTIES for op in _behind(read_by.get(_handle(variable), ()))
        ):
            events.append(Event("losses", model))
            break
    return events


def _behind(consumers):
    """Yield operations that consume a value, casts and copies passed through."""
    for op in consumers:
        yield op
        if op.type in ("Identity", "Cast"):
            yield from op.outputs[0].consumers()


def _arguments(metric, places, flows) -> dict:
    """Return labels and scores of an accuracy, found behind what it adds up."""
    function = getattr(getattr(metric, "_fn", None), "__name__", "")
    if function not in ("sparse_categorical_accuracy", "categorical_accuracy"):
        mean = type(metric) in (keras.metrics.Mean, keras.metrics.Sum)
        return {"first": None} if mean else {}
    for scope, place in places:
        flow = flows[id(scope)]
        todo, seen = [place.inputs[-1]], 0
        while todo and seen < 60:
            tensor = todo.pop(0)
            op = flow.maker(tensor)
            seen += 1
            if op is None:
                continue
            if op.type == "Equal":
                sides = [flow.behind(t) for t in op.inputs]
                makers = [flow.maker(t) for t in sides]
                chosen = [m is not None and m.type == "ArgMax" for m in makers]
                learned = [
                    c and flow.learned(m.inputs[0]) for c, m in zip(chosen, makers, strict=True)
                ]
                if not any(chosen):
                    continue
                k = learned.index(True) if True in learned else chosen.index(True)
                other = makers[1 - k].inputs[0] if chosen[1 - k] else sides[1 - k]
                return {"first": other, "second": makers[k].inputs[0]}
            todo += list(op.inputs)
    return {}
