"""Reading values out of a traced step without running it.

A traced step is a graph of operations. To read a tensor inside it, the operations it
depends on are run once more, one by one and outside the step, on the step's own inputs and
variables. Nothing that has an effect is run: no assignment, no iterator, no random number
from a stateful generator, no Python. The compiled step itself stays as it is.
"""

import numpy as np
import tensorflow as tf
from tensorflow.python.eager import context, execute

from .plan import UNAVAILABLE, Plan, run, work

# Operations marked stateful that only read.
READS = {
    "ReadVariableOp",
    "ResourceGather",
    "ResourceGatherNd",
    "VarIsInitializedOp",
    "VariableShape",
    "LookupTableFindV2",
    "LookupTableSizeV2",
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
    drawn : range
        Which of the graph's inputs are components of a dataset's element, and so no input of
        that operation.
    """

    def __init__(self, graph, parent=None, call=None, skip=0, drawn=range(0)):
        self.graph = graph
        self.parent = parent
        self.call = call
        self.skip = skip
        self.drawn = drawn
        self.children = {}
        self.values = {}
        self.inputs = {t.name: i for i, t in enumerate(graph.inputs)}
        self.operations = graph.get_operations()
        for op in self.operations:
            for key, *nested in nested_graphs(graph, op):
                self.children[op.name, key] = Scope(nested[0], self, op, *nested[1:])

    def walk(self):
        """Yield this scope and all below it, in the order of their operations."""
        yield self
        for child in self.children.values():
            yield from child.walk()

    def given(self, index: int):
        """Return the tensor of the parent's graph that stands behind an input, or None."""
        if self.parent is None or index in self.drawn:
            return None
        return self.call.inputs[self.skip + index - len(self.drawn) * (index >= self.drawn.stop)]

    def bound(self):
        """Yield (input, tensor of the parent's graph) for the inputs that have one."""
        for index, tensor in enumerate(self.graph.inputs):
            outer = self.given(index)
            if outer is not None:
                yield tensor, outer

    def forget(self) -> None:
        """Drop all values."""
        for scope in self.walk():
            scope.values = {}


def nested_graphs(graph, op):
    """Yield (key, graph, inputs to skip, inputs drawn) for the graphs an operation runs."""
    if op.type in CALLS:
        names = [("f", 0)]
    elif op.type in LOOPS:
        names = [("body", 0)]
    elif op.type in BRANCHES:
        names = [("then_branch", 1), ("else_branch", 1)]
    elif op.type in REDUCTIONS:
        names = [("f", 1)]
    else:
        return
    for name, skip in names:
        function = graph._get_function(op.get_attr(name).name)
        if hasattr(function, "graph"):  # a gradient's own definition has none
            inner = function.graph
            drawn = _drawn(op, inner) if op.type in REDUCTIONS else range(0)
            yield name, inner, skip, drawn


def _drawn(op, graph) -> range:
    """Return which inputs of a reduction's graph come from the dataset: between state and rest."""
    state, rest = len(op.get_attr("Tstate")), len(op.get_attr("Targuments"))
    return range(state, len(graph.inputs) - rest)


class Replay:
    """Runs parts of one traced function again, for their values only.

    At the first look a value is worked out when it is asked for. What was asked for then
    is worked out by a plan at the next.

    Parameters
    ----------
    graph : FuncGraph
    """

    def __init__(self, graph):
        self.root = Scope(graph)
        self.scopes = {}
        for scope in self.root.walk():
            self.scopes.setdefault(id(scope.graph), scope)
        self.work = 0  # floating-point operations of what the first look ran, roughly
        self.runs = 0  # operations run, over all looks
        self._kernels = {}
        self._wanted = {}
        self._plan = None
        self._planned = 0  # how many tensors the plan gives
        self._fresh = False  # whether the plan is still to be run on these inputs

    def feed(self, inputs) -> None:
        """Set the values of the function's inputs, captured ones included."""
        self.root.forget()
        for name, value in zip(self.root.inputs, inputs, strict=False):
            self.root.values[name] = value
        if self._planned < len(self._wanted):
            self._plan = Plan(self, self._wanted.values())
            self._planned = len(self._wanted)
        self._fresh = self._plan is not None

    def read(self, tensor):
        """Return a tensor's value as an eager tensor, or None if it cannot be had."""
        scope = self.scopes.get(id(getattr(tensor, "graph", None)))
        if scope is None:
            return None
        if self._fresh:
            self._fresh = False
            self.runs += self._plan.run()
        self._wanted.setdefault(id(tensor), (scope, tensor))
        value = self._fetch(scope, tensor)
        return None if value is UNAVAILABLE else value

    def _fetch(self, scope, wanted):
        todo = [(scope, wanted)]
        while todo:
            at, tensor = todo[-1]
            if tensor.name in at.values:
                todo.pop()
                continue
            origin, behind = self.source(at, tensor)
            moved = behind is not tensor
            needs = [behind] if moved else self.inputs_of(at, tensor)
            missing = [(origin, t) for t in needs if t.name not in origin.values]
            if missing:
                todo += missing
            elif moved:
                at.values[tensor.name] = origin.values[behind.name]
            else:
                self._run(at, tensor)
        return scope.values[wanted.name]

    def source(self, scope, tensor):
        """Return the scope and tensor behind the inputs and results of nested calls."""
        while True:
            outer = scope.given(scope.inputs[tensor.name]) if tensor.name in scope.inputs else None
            if outer is not None:
                scope, tensor = scope.parent, outer
            elif tensor.op.type in CALLS and (tensor.op.name, "f") in scope.children:
                scope = scope.children[tensor.op.name, "f"]
                tensor = scope.graph.outputs[tensor.value_index]
            else:
                return scope, tensor

    def inputs_of(self, scope, tensor) -> list:
        """Return the tensors of this scope that the tensor's operation is run on."""
        op = tensor.op
        if tensor.name in scope.inputs or self.kernel(scope, op) is None:
            return []
        return list(op.inputs)

    def _run(self, scope, tensor) -> None:
        if tensor.name in scope.inputs:
            scope.values[tensor.name] = UNAVAILABLE
            return
        op = tensor.op
        inputs = [scope.values[t.name] for t in self.inputs_of(scope, tensor)]
        outputs = run(self.kernel(scope, op), inputs, len(op.outputs))
        self.runs += 1
        if self._plan is None:
            self.work += work(op.type, inputs, outputs)
        for output, value in zip(op.outputs, outputs, strict=True):
            scope.values[output.name] = value

    def kernel(self, scope, op):
        """Return what runs an operation on a list of values, or None if it must not be run."""
        key = id(scope), op.name
        if key not in self._kernels:
            self._kernels[key] = self._make_kernel(scope, op)
        return self._kernels[key]

    def _make_kernel(self, scope, op):
        if op.type == "Const":
            value = [tf.constant(tf.make_ndarray(op.get_attr("value")))]
            return lambda inputs: value
        if op.type in STAND_INS:
            draw, dtype = STAND_INS[op.type], op.outputs[0].dtype
            return lambda inputs: [draw(inputs[0], seed=(1, 2), dtype=dtype)]
        if op.type in LOOPS | BRANCHES:
            if not all(_harmless(c) for (name, _), c in scope.children.items() if name == op.name):
                return None
        elif op.type in CALLS or (op._is_stateful and op.type not in READS):
            return None
        kind, count, attrs, here = op.type, len(op.outputs), _attributes(op), context.context()
        return lambda inputs: execute.quick_execute(kind, count, inputs, attrs, here)


def _harmless(scope) -> bool:
    """Whether running the graph of this scope has no effect."""
    return all(
        not op._is_stateful or op.type in READS or op.type in CALLS | LOOPS | BRANCHES
        for op in scope.operations
    ) and all(_harmless(child) for child in scope.children.values())


def _attributes(op) -> tuple:
    flat = []
    for name in op.node_def.attr:
        if not name.startswith("_"):
            flat += [name, _attribute(op.get_attr(name))]
    return tuple(flat)


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
