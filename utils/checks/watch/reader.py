"""What a graph that was traced before the block tells, by its operations alone."""

from . import before
from .events import Event, shape_of
from .flow import ASSIGN, Flow


def read(scopes, traced_here: bool, function=None) -> tuple[list, list[str]]:
    """Return the events of a traced function with their scopes, and what could not be read.

    Parameters
    ----------
    scopes : list of Scope
        The function's graph and those it calls.
    traced_here : bool
        Whether the function was traced inside the block: then its calls of Keras were noted
        as they were made, and only what was written by hand is read here.
    function : callable, optional
        The Python function that was traced.
    """
    events, missed, flows = [], [], {}
    if scopes[0].graph.name == "initialize_variables":
        return [], []  # TensorFlow's own, for variables that a first trace made
    for scope in scopes:
        flow = flows[id(scope)] = Flow(scope.operations, _learned_inputs(scope))
        if not traced_here:
            events += [(scope, event) for event in _cross_entropies(scope, flow)]
        events.append((scope, Event("flow", None, {}, {"flow": flow, "graph": True})))
    if not traced_here:
        more, missed = before.read(scopes, flows, function)
        events += more
    return events, missed


def _learned_inputs(scope) -> list:
    """Return the inputs of a nested graph that depend on weights in the graph around it."""
    if scope.parent is None:
        return []
    around = Flow(scope.parent.operations, _learned_inputs(scope.parent))
    return [tensor for tensor, outer in scope.bound() if around.learned(outer)]


def _cross_entropies(scope, flow):
    trains = any(
        op.type in ASSIGN or op.type.startswith("ResourceApply")
        for s in _chain(scope)
        for op in s.operations
        if _trainable(s, op)
    )
    for op in flow.operations:
        if op.type == "SparseSoftmaxCrossEntropyWithLogits":
            yield from _sparse(flow, op, trains)
        elif op.type == "SoftmaxCrossEntropyWithLogits":
            yield from _categorical(flow, op, trains)
        elif op.type == "Mul":
            yield from _product(flow, op, trains)


def _chain(scope):
    while scope is not None:
        yield scope
        scope = scope.parent


def _trainable(scope, op) -> bool:
    handles = {
        internal.name
        for variable in scope.graph.variables
        if variable is not None and variable.trainable
        for external, internal in scope.graph.captures
        if external is variable.handle
    }
    return bool(op.inputs) and op.inputs[0].name in handles


def _event(kind, y_true, y_pred, from_logits, result, trains, raw=False):
    info = {
        "ce": kind,
        "from_logits": from_logits,
        "origin": "",
        "axis": -1,
        "metric": None,
        "taped": trains,
        "read": True,
        "raw": raw,
    }
    return Event(
        "cross_entropy", None, {"y_true": y_true, "y_pred": y_pred, "result": result}, info
    )


def _seed(op, flow):
    """Tell how the gradient reaches the losses per example: as 1/B each, or as 1."""
    summed = any(c.type == "Sum" for c in op.outputs[0].consumers())
    for consumer in op.outputs[1].consumers():
        for tensor in consumer.inputs:
            maker = flow.maker(tensor)
            if maker is not None and maker.type == "ExpandDims":
                tensors = {"seed": maker.inputs[0], "each": op.outputs[0]}
                yield Event("seed", None, tensors, {"summed": summed})


def _sparse(flow, op, trains):
    yield from _seed(op, flow)
    logits = flow.behind(op.inputs[0])
    labels = flow.behind(op.inputs[1])
    probabilities = _clipped_log(flow, logits)
    if probabilities is not None:
        yield _event("sparse", labels, probabilities, False, op.outputs[0], trains)
    else:
        yield _event("sparse", labels, logits, True, op.outputs[0], trains)


def _categorical(flow, op, trains):
    labels, logits = flow.behind(op.inputs[1]), flow.behind(op.inputs[0])
    yield _event("categorical", labels, logits, True, op.outputs[0], trains)


def _product(flow, op, trains):
    """Recognise the products of labels with logarithms in Keras' losses on probabilities."""
    if op.name.endswith("logistic_loss/mul"):
        yield _event("binary", op.inputs[1], op.inputs[0], True, None, trains)
        return
    for labels, log in (op.inputs, reversed(op.inputs)):
        source = _clipped_log(flow, log)
        if source is None or flow.learned(labels):
            continue
        maker = flow.maker(source)
        divided = maker is not None and maker.type == "RealDiv"
        if divided and _sum_of(flow, maker.inputs[1], maker.inputs[0]):
            yield _event("categorical", labels, maker.inputs[0], False, None, trains)
        elif shape_of(labels) is not None and "binary_crossentropy" in op.name:
            yield _event("binary", labels, source, False, None, trains)
        return


def _sum_of(flow, total, values) -> bool:
    maker = flow.maker(total)
    return maker is not None and maker.type == "Sum" and maker.inputs[0] is values


def _clipped_log(flow, tensor):
    """Return what a logarithm of clipped probabilities was taken of, or None."""
    op = flow.maker(flow.behind(tensor))
    if op is None or op.type != "Log":
        return None
    op = flow.maker(op.inputs[0])
    if op is None or op.type not in ("Maximum", "Minimum", "ClipByValue"):
        return None
    if op.type == "ClipByValue":
        return op.inputs[0]
    inner = flow.maker(op.inputs[0])
    if inner is not None and inner.type in ("Maximum", "Minimum"):
        return inner.inputs[0]
    return op.inputs[0]
