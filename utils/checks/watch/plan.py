"""What a look runs of a traced step: the operations behind the values it reads, in order."""

import tensorflow as tf

UNAVAILABLE = object()


class Plan:
    """The operations behind some tensors of a traced step, each to be run once.

    A value is let go after the last operation that needs it, as in the step itself.

    Parameters
    ----------
    replay : Replay
    wanted : iterable of (Scope, Tensor)
    """

    def __init__(self, replay, wanted):
        self._replay = replay
        self._slots = {}  # of a tensor, by the id of its scope and its name
        self._given = []  # (slot, scope, name): what is fed, or out of reach
        self._steps = []  # (kernel, input slots, output slots, slots no longer needed)
        self._wanted = [(self._add(*pair), *pair) for pair in wanted]
        self._let_go()

    def _add(self, scope, tensor) -> int:
        todo = [self._replay.source(scope, tensor)]
        first = todo[0]
        while todo:
            scope, tensor = todo[-1]
            needs = self._replay.inputs_of(scope, tensor)
            sources = [self._replay.source(scope, t) for t in needs]
            missing = [pair for pair in sources if self._slot(*pair) is None]
            if self._slot(scope, tensor) is not None or not missing:
                todo.pop()
                if self._slot(scope, tensor) is None:
                    self._append(scope, tensor, [self._slot(*pair) for pair in sources])
            else:
                todo += missing
        return self._slot(*first)

    def _slot(self, scope, tensor):
        return self._slots.get((id(scope), tensor.name))

    def _append(self, scope, tensor, sources) -> None:
        op = tensor.op
        kernel = self._replay.kernel(scope, op)
        given = kernel is None or tensor.name in scope.inputs
        made = [tensor] if given else op.outputs
        targets = [self._slots.setdefault((id(scope), t.name), len(self._slots)) for t in made]
        if given:
            self._given.append((targets[0], scope, tensor.name))
        else:
            self._steps.append((kernel, sources, targets, []))

    def _let_go(self) -> None:
        seen = {slot for slot, _, _ in self._wanted}
        for _, sources, targets, spent in reversed(self._steps):
            last = {*sources, *targets} - seen
            spent += last
            seen |= last

    def run(self) -> int:
        """Enter the wanted values in their scopes; return how many operations were run."""
        slots = [None] * len(self._slots)
        for slot, scope, name in self._given:
            slots[slot] = scope.values.get(name, UNAVAILABLE)
        for kernel, sources, targets, spent in self._steps:
            outputs = run(kernel, [slots[i] for i in sources], len(targets))
            for slot, value in zip(targets, outputs, strict=True):
                slots[slot] = value
            for slot in spent:
                slots[slot] = None
        for slot, scope, tensor in self._wanted:
            scope.values[tensor.name] = slots[slot]
        return len(self._steps)


def run(kernel, inputs: list, count: int) -> list:
    """Return the values an operation gives, `UNAVAILABLE` where they cannot be had."""
    for value in inputs:
        if value is UNAVAILABLE:
            kernel = None
    if kernel is None:
        return [UNAVAILABLE] * count
    try:
        return kernel(inputs)
    except (tf.errors.OpError, TypeError, ValueError, RuntimeError):
        # Such as a loss that refuses its labels: the step itself will say so.
        return [UNAVAILABLE] * count


def work(kind: str, inputs, outputs) -> float:
    """Return roughly how many floating-point operations an operation takes.

    Products of matrices and convolutions are counted as such, all others as one operation
    per value they give.
    """
    values = [t for t in outputs if t is not UNAVAILABLE and t.dtype.is_floating]
    out = sum(_size(t) for t in values)
    if not out:
        return 0.0
    if "MatMul" in kind:
        rows = out / values[0].shape[-1]
        return 2.0 * out * _size(inputs[0]) / rows
    if kind.startswith("Conv"):
        return 2.0 * out * _size(inputs[1]) / inputs[1].shape[-1]
    if kind.startswith("DepthwiseConv"):
        return 2.0 * out * inputs[1].shape[0] * inputs[1].shape[1]
    return float(out)


def _size(tensor) -> int:
    return tensor.shape.num_elements()
