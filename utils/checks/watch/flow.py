"""Operations as a loop ran or traced them: who made a tensor, and from what."""

import tensorflow as tf
from tensorflow.python.framework import op_callbacks

from .events import shape_of
from .patching import SWITCHBOARD

MAX_OPERATIONS = 4000
MAX_VALUES = 2**25  # that a record of what ran eagerly may keep alive
ASSIGN = {"AssignVariableOp", "AssignAddVariableOp", "AssignSubVariableOp"}
# Passing through these leaves values or order as they are.
TRANSPARENT = {
    "Identity", "Cast", "Reshape", "Squeeze", "ExpandDims", "StopGradient", "PreventGradient",
    "CheckNumerics", "EnsureShape", "Snapshot",
}  # fmt: skip


class EagerOperation:
    """One operation that ran eagerly, with the attributes of a graph's operation."""

    __slots__ = ("attrs", "inputs", "name", "outputs", "type")

    def __init__(self, kind, inputs, attrs, outputs):
        self.type = kind
        self.inputs = inputs
        self.attrs = attrs
        self.outputs = outputs
        self.name = ""

    def get_attr(self, name: str):
        """Return an attribute's value, or None."""
        attrs = self.attrs or ()
        return dict(zip(attrs[::2], attrs[1::2], strict=False)).get(name)


class Flow:
    """Operations in order, and which tensors depend on weights.

    Parameters
    ----------
    operations : list
        Of a graph, or `EagerOperation`.
    seeds : iterable of tensors
        Tensors known to depend on weights, made outside of these operations.
    """

    def __init__(self, operations, seeds=()):
        self.operations = operations
        self.open = None  # questions about operations that another look may answer otherwise
        self.terms = self.weighted = None  # what subjects found in it, for their next look
        self._users = None
        self.by_type = {}
        self._makers = {}
        self._learned = {_key(t) for t in seeds}
        for op in operations:
            self.by_type.setdefault(op.type, []).append(op)
            learned = op.type in ("ReadVariableOp", "ResourceGather") or any(
                _key(t) in self._learned for t in op.inputs
            )
            for output in op.outputs:
                self._makers[_key(output)] = op
                if learned:
                    self._learned.add(_key(output))

    def of(self, *types):
        """Yield the operations of these types."""
        for name in types:
            yield from self.by_type.get(name, ())

    def questions(self, rules: dict) -> list:
        """Return the pairs (rule, operation) that are to be asked, by rules per type."""
        if self.open is None:
            self.open = [(rule, op) for kind, rule in rules.items() for op in self.of(kind)]
        return self.open

    def maker(self, tensor):
        """Return the operation that made a tensor, or None if it came from outside."""
        return self._makers.get(_key(tensor))

    def users(self, tensor) -> list:
        """Return the operations that a tensor goes into."""
        if self._users is None:
            self._users = {}
            for op in self.operations:
                for key in {_key(t) for t in op.inputs}:
                    self._users.setdefault(key, []).append(op)
        return self._users.get(_key(tensor), [])

    def learned(self, tensor) -> bool:
        """Whether the tensor depends on weights."""
        return _key(tensor) in self._learned

    def behind(self, tensor):
        """Return the tensor that stands behind casts, reshapes and the like."""
        while (op := self.maker(tensor)) is not None and op.type in TRANSPARENT:
            tensor = op.inputs[0]
        return tensor

    def constant(self, tensor):
        """Return a constant's value, or None."""
        op = self.maker(tensor)
        if op is not None and op.type == "Const" and not isinstance(op, EagerOperation):
            return tf.make_ndarray(op.get_attr("value"))
        return tensor.numpy() if hasattr(tensor, "numpy") else None


def _key(tensor):
    return tensor.name if hasattr(tensor, "graph") else id(tensor)


class Window:
    """Records the operations a loop runs eagerly, outside Keras' own code, for a short while."""

    def __init__(self):
        self.open = False
        self._operations, self._seeds, self._values = [], [], 0

    def start(self) -> None:
        """Begin to record, with nothing known."""
        self._operations, self._seeds, self._values = [], [], 0
        if not self.open:
            op_callbacks.add_op_callback(self._record)
            self.open = True

    def seed(self, tensors) -> None:
        """Take these tensors as dependent on weights."""
        if self.open:
            self._seeds += [t for t in tensors if hasattr(t, "dtype")]

    def stop(self) -> Flow | None:
        """End the record and return it, or None if there is none."""
        if not self.open:
            return None
        op_callbacks.remove_op_callback(self._record)
        self.open = False
        flow = Flow(self._operations, self._seeds) if self._operations else None
        self._operations, self._seeds = [], []
        return flow

    def _record(self, kind, inputs, attrs, outputs, op_name=None, graph=None):
        if graph is not None or SWITCHBOARD.here.silent or not _in_the_loop(SWITCHBOARD.stack):
            return
        if len(self._operations) < MAX_OPERATIONS and self._values < MAX_VALUES:
            self._values += sum(t.shape.num_elements() or 0 for t in outputs)
            name = kind if isinstance(kind, str) else kind.decode()
            self._operations.append(EagerOperation(name, inputs, attrs, outputs))


def _in_the_loop(stack) -> bool:
    """Whether the thread is in code of the loop's own, a loss class of its own included."""
    for kind, subject in stack:
        if kind != "loss" or type(subject).__module__.startswith("keras."):
            return False
    return True


def same_length(a, b) -> bool:
    """Whether (B,) stands against (B, 1), in either order, with B unknown or above 1."""
    a, b = shape_of(a), shape_of(b)
    if a is None or b is None or {len(a), len(b)} != {1, 2}:
        return False
    vector, column = (a, b) if len(a) == 1 else (b, a)
    if column[1] != 1:
        return False
    return vector[0] == column[0] != 1 or None in (vector[0], column[0])


def rows_crossed(a, b) -> bool:
    """Whether (B, C) stands against (B, 1, C), in either order, with B above 1 or unknown."""
    a, b = shape_of(a), shape_of(b)
    if a is None or b is None or {len(a), len(b)} != {2, 3}:
        return False
    flat, deep = (a, b) if len(a) == 2 else (b, a)
    same = flat[0] == deep[0] != 1 and flat[1] == deep[2]
    return same and deep[1] == 1 and flat[1] not in (1, None)
