"""Compiled loops over a dataset or an iterator: the batches are noted as they pass.

Where a tf.function runs a whole epoch, its batches never come out into Python, and to draw
them a second time would move shuffles on. So for a call that is looked at the dataset, or the
iterator, is replaced by one that yields the same elements and tells of each as it goes by.
"""

import tensorflow as tf
from tensorflow.python.ops import gen_dataset_ops

KEPT = {1, 2, 4, 8, 16, 32, 64}  # numbers of the batches that are kept, beside the last
OPAQUE = (tf.variant, tf.resource)


class Log:
    """The batches of one call: how many there were, and a few of them."""

    def __init__(self):
        self.count = 0
        self.kept = []
        self.last = None

    def take(self, *batch):
        """Note a batch, as arrays."""
        self.count += 1
        self.last = batch
        if self.count in KEPT:
            self.kept.append(batch)

    def batches(self) -> list:
        """Return the batches that were kept, in order."""
        return self.kept if self.last is None or self.count in KEPT else [*self.kept, self.last]


class Passage:
    """A place in a traced function at which batches come in, one after another.

    Attributes
    ----------
    scope : Scope
        The graph in which a batch is known.
    places : list of Tensor
        Its components there.
    index : int
        Which input of the traced function is the dataset, or the iterator.
    part : Part
        What happens to each batch.
    """

    def __init__(self, scope, places, index, iterates: bool):
        self.scope = scope
        self.places = places
        self.index = index
        self.iterates = iterates
        self.part = None
        self.usual = 0  # how many batches there were in the call that was looked at last
        self.owner = None  # who reads the log, while one is written
        self._log = Log()
        self._types = [t.dtype for t in places]
        self._shapes = [t.shape for t in places]
        self._functions = None

    def open(self, owner, inputs: list) -> list:
        """Begin a log for an owner, unless one is open, and return inputs that write it."""
        if self.owner is not None:
            return inputs
        if self._functions is None:
            self._functions = self._trace()
        source = inputs[self.index]
        if self.iterates:
            source = self._generated(source)
        tap = self._functions[-1]
        tapped = gen_dataset_ops.map_dataset(
            source, tap.captured_inputs, tap, self._types, self._shapes,
            use_inter_op_parallelism=False, preserve_cardinality=True,
        )  # fmt: skip
        if self.iterates:
            tapped = self._iterator(tapped)
        self.owner, self._log = owner, Log()
        return [*inputs[: self.index], tapped, *inputs[self.index + 1 :]]

    def close(self, owner) -> Log:
        """Return what was logged for this owner, and end its log."""
        if self.owner is not owner:
            return Log()
        log, self.owner, self._log = self._log, None, Log()
        self.usual = log.count or self.usual
        return log

    def values(self, batch) -> dict:
        """Return a batch by the names its components have in the scope."""
        pairs = zip(self.places, batch, strict=True)
        return {tensor.name: tf.constant(value, tensor.dtype) for tensor, value in pairs}

    def _trace(self):
        specs = [tf.TensorSpec(*s) for s in zip(self._shapes, self._types, strict=True)]

        @tf.function(input_signature=specs, autograph=False)
        def tap(*batch):
            noted = tf.numpy_function(lambda *values: self._log.take(*values), batch, [])
            with tf.control_dependencies([noted]):
                return [tf.identity(t) for t in batch]

        functions = [tap.get_concrete_function()]
        if self.iterates:
            state = tf.TensorSpec([], tf.int64)
            given = tf.TensorSpec([], tf.resource)
            begin = tf.function(lambda: tf.constant(0, tf.int64), autograph=False)
            follow = tf.function(
                lambda _, iterator: gen_dataset_ops.iterator_get_next(
                    iterator, self._types, self._shapes
                ),
                autograph=False,
            )
            end = tf.function(lambda value: value, autograph=False)
            functions = [
                begin.get_concrete_function(),
                follow.get_concrete_function(state, given),
                end.get_concrete_function(state),
                *functions,
            ]
        return functions

    def _generated(self, iterator):
        begin, follow, end, _ = self._functions
        return gen_dataset_ops.generator_dataset(
            [], [iterator], [], begin, follow, end, self._types, self._shapes
        )

    def _iterator(self, dataset):
        options = tf.data.Options()
        # Nothing may be drawn before it is asked for.
        options.autotune.enabled = False
        options.experimental_optimization.apply_default_optimizations = False
        options.experimental_optimization.inject_prefetch = False
        dataset = gen_dataset_ops.options_dataset(
            dataset, options._to_proto().SerializeToString(), self._types, self._shapes
        )
        iterator = gen_dataset_ops.anonymous_iterator_v3(self._types, self._shapes)
        gen_dataset_ops.make_iterator(dataset, iterator)
        return iterator


def passages(replay) -> list[Passage]:
    """Return the places at which batches come into a function that draws them itself."""
    found = {}
    for scope in replay.root.walk():
        for place in _places(replay, scope):
            found.setdefault(place.index, []).append(place)
    # Where one iterator is drawn from at two places, which batch went where is not told.
    return [place for places in found.values() for place in places if len(places) == 1]


def _places(replay, scope):
    if scope.drawn:
        index = _input(replay, scope.parent, scope.call.inputs[0])
        if index is not None:
            yield from _passage(scope, [scope.graph.inputs[i] for i in scope.drawn], index, False)
    for op in scope.operations:
        if op.type == "IteratorGetNext":
            at, iterator = scope, op.inputs[0]
        elif op.type == "OptionalGetValue":
            at, optional = replay.source(scope, op.inputs[0])
            if optional.op.type != "IteratorGetNextAsOptional":
                continue
            iterator = optional.op.inputs[0]
        else:
            continue
        index = _input(replay, at, iterator)
        if index is not None:
            yield from _passage(scope, list(op.outputs), index, True)


def _input(replay, scope, tensor):
    """Return which input of the traced function a tensor is, or None."""
    scope, tensor = replay.source(scope, tensor)
    return scope.inputs.get(tensor.name) if scope is replay.root else None


def _passage(scope, places, index, iterates):
    if not any(t.dtype in OPAQUE for t in places):
        yield Passage(scope, places, index, iterates)
