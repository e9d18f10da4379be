"""Reading the batch that a traced step is about to draw from an iterator, without using it up.

`model.fit` hands its compiled step an iterator, not a batch. For a close look one batch is
drawn, and the step is given an iterator that yields just this batch: it computes what it
would have computed, and the next step goes on with the batch after.
"""

import tensorflow as tf
from tensorflow.python.ops import gen_dataset_ops


def drawing(scope):
    """Return the operation by which a graph draws its one batch, or None."""
    found = [op for op in scope.operations if op.type == "IteratorGetNext"]
    nested = any(
        op.type.startswith("IteratorGetNext") for s in scope.walk() if s is not scope
        for op in s.operations
    )  # fmt: skip
    if len(found) != 1 or nested or found[0].inputs[0].name not in scope.inputs:
        return None
    return found[0]


def tee(scope, op, inputs: list) -> list:
    """Return inputs with a one-batch iterator, and enter that batch in the scope's values.

    Parameters
    ----------
    scope : Scope
    op : Operation
        As returned by `drawing`.
    inputs : list of tensors
        The function's inputs.
    """
    index = scope.inputs[op.inputs[0].name]
    types, shapes = op.get_attr("output_types"), op.get_attr("output_shapes")
    shapes = [tf.TensorShape(s) for s in shapes]
    try:
        batch = gen_dataset_ops.iterator_get_next(inputs[index], types, shapes)
    except tf.errors.OutOfRangeError:
        # An iterator at its end stays there: the step will find that out by itself.
        return inputs
    for output, value in zip(op.outputs, batch, strict=True):
        scope.values[output.name] = value
    single = gen_dataset_ops.tensor_dataset(batch, shapes)
    iterator = gen_dataset_ops.anonymous_iterator_v3(types, shapes)
    gen_dataset_ops.make_iterator(single, iterator)
    return [*inputs[:index], iterator, *inputs[index + 1 :]]
