"""Reading values out of a traced step without running it.

A traced step is a graph of operations. To read a tensor inside it, the operations it
depends on are run once more, one by one and outside the step, on the step's own inputs and
variables. Nothing that has an effect is run: no assignment, no iterator, no random number
from a stateful generator, no Python. The compiled step itself stays as it is.
"""

import numpy as np
import tensorflow as tf
from tensorflow.python.eager import context, execute, record

UNAVAILABLE = object()

# Operations marked stateful that only read.
READS = {
    "ReadVariableOp",
    "ResourceGather",
    "ResourceGatherNd",
    "VarIsInitializedOp",
    "VariableShape",
}
CALLS = {"PartitionedCall", "StatefulPartitionedCall"}
LOOPS = {"While", "StatelessWhile"}
BRANCHES = {"If", "StatelessIf"}
REDUCTIONS = {"ReduceDataset", "ScanDataset"}
# A generator with state would be moved on by another draw; any other draw serves as well.
STAND_INS = {
    "RandomUniform": tf.random.stateless_uniform,
    "RandomStandardNormal": tf.random.stateless_normal,
    "TruncatedNormal": tf.random.stateless_truncated_normal,
}


class Scope:
    """A graph, the call through which it is reached, and the values known in it.

    Parameters
    ----------
    graph : FuncGraph
    parent : Scope, optional
    call : Operation, optional
        The operation of the parent's graph that runs this graph.
    skip : int
        How many of that operation's inputs come before the graph's own.
    """

    def __init__(self, graph, parent=None, call=None, skip=0):
        self.graph = graph
        self.parent = parent
        self.call = call
        self.skip = skip
        self.children = {}
        self.values = {}
        self.inputs = {t.name: i for i, t in enumerate(graph.inputs)}
        self.operations = graph.get_operations()
        for op in self.operations:
            for key, nested, offset in nested_graphs(graph, op):
                self.children[op.name, key] = Scope(nested, self, op, offset)

    def walk(self):
        """Yield this scope and all below it, in the order of their operations."""
        yield self
        for child in self.children.values():
            yield from child.walk()

    @property
    def inside_dataset(self) -> bool:
        """Whether the graph runs inside a dataset's own iteration, out of our reach."""
        return self.skip is None or (self.parent is not None and self.parent.inside_dataset)

    def forget(self) -> None:
        """Drop all values."""
        for scope in self.walk():
            scope.values = {}


def nested_graphs(graph, op):
    """Yield (key, graph, number of inputs to skip) for the graphs an operation runs."""
    if op.type in CALLS:
        names = [("f", 0)]
    elif op.type in LOOPS:
        names = [("body", 0)]
    elif op.type in BRANCHES:
        names = [("then_branch", 1), ("else_branch", 1)]
    elif op.type in REDUCTIONS:
        names = [("f", None)]
    else:
        return
    for name, skip in names:
        function = graph._get_function(op.get_attr(name).name)
        if function is not None:
            yield name, function.graph, skip


class Replay:
    """Runs parts of one traced function again, for their values only.

    Parameters
    ----------
    graph : FuncGraph
    """

    def __init__(self, graph):
        self.root = Scope(graph)
        self.scopes = {}
        for scope in self.root.walk():
            self.scopes.setdefault(id(scope.graph), scope)
        self._constants = {}
        self._attributes = {}

    def feed(self, inputs) -> None:
        """Set the values of the function's inputs, captured ones included."""
        self.root.forget()
        for tensor, value in zip(self.root.graph.inputs, inputs, strict=False):
            self.root.values[tensor.name] = value

    def read(self, tensor):
        """Return a tensor's value as an eager tensor, or None if it cannot be had."""
        scope = self.scopes.get(id(getattr(tensor, "graph", None)))
        if scope is None:
            return None
        with record.stop_recording(), tf.init_scope():
            value = self._fetch(scope, tensor)
        return None if value is UNAVAILABLE else value

    def _fetch(self, scope, wanted):
        todo = [wanted]
        while todo:
            tensor = todo[-1]
            if tensor.name in scope.values:
                todo.pop()
                continue
            missing = [t for t in self._dependencies(scope, tensor) if t.name not in scope.values]
            if missing:
                todo += missing
                continue
            self._run(scope, tensor)
        return scope.values[wanted.name]

    def _dependencies(self, scope, tensor):
        op = tensor.op
        if tensor.name in scope.inputs or op.type in CALLS or op.type == "Const":
            return ()
        return op.inputs

    def _run(self, scope, tensor) -> None:
        op = tensor.op
        if tensor.name in scope.inputs:
            scope.values[tensor.name] = self._input(scope, scope.inputs[tensor.name])
            return
        if op.type in CALLS:
            child = scope.children.get((op.name, "f"))
            scope.values[tensor.name] = (
                UNAVAILABLE
                if child is None
                else self._fetch(child, child.graph.outputs[tensor.value_index])
            )
            return
        outputs = self._outputs(scope, op)
        for output, value in zip(op.outputs, outputs, strict=True):
            scope.values[output.name] = value

    def _input(self, scope, index: int):
        if scope.parent is None or scope.skip is None:
            return UNAVAILABLE
        return self._fetch(scope.parent, scope.call.inputs[scope.skip + index])

    def _outputs(self, scope, op) -> list:
        nothing = [UNAVAILABLE] * len(op.outputs)
        if op.type == "Const":
            if op.name not in self._constants:
                self._constants[op.name] = tf.constant(tf.make_ndarray(op.get_attr("value")))
            return [self._constants[op.name]]
        inputs = [scope.values[t.name] for t in op.inputs]
        if any(value is UNAVAILABLE for value in inputs):
            return nothing
        if op.type in STAND_INS:
            draw = STAND_INS[op.type]
            return [draw(inputs[0], seed=(1, 2), dtype=op.outputs[0].dtype)]
        if op.type in LOOPS | BRANCHES:
            if not all(_harmless(c) for (name, _), c in scope.children.items() if name == op.name):
                return nothing
        elif op._is_stateful and op.type not in READS:
            return nothing
        try:
            return list(
                execute.quick_execute(
                    op.type, len(op.outputs), inputs, self._attrs(op), context.context()
                )
            )
        except (tf.errors.OpError, TypeError, ValueError, RuntimeError):
            # Such as a loss that refuses its labels: the step itself will say so.
            return nothing

    def _attrs(self, op) -> tuple:
        if op not in self._attributes:
            flat = []
            for name in op.node_def.attr:
                if not name.startswith("_"):
                    flat += [name, _attribute(op.get_attr(name))]
            self._attributes[op] = tuple(flat)
        return self._attributes[op]


def _harmless(scope) -> bool:
    """Whether running the graph of this scope has no effect."""
    return all(
        not op._is_stateful or op.type in READS or op.type in CALLS | LOOPS | BRANCHES
        for op in scope.operations
    ) and all(_harmless(child) for child in scope.children.values())


def _attribute(value):
    if isinstance(value, tf.DType):
        return value.as_datatype_enum
    if isinstance(value, list):
        return [_attribute(v) for v in value]
    kind = type(value).__name__
    if kind == "TensorShapeProto":
        return None if value.unknown_rank else [d.size for d in value.dim]
    if kind == "NameAttrList":
        return value.name
    if isinstance(value, np.generic):
        return value.item()
    return value
