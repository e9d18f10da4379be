"""Looking into a dataset without moving it on."""

import numpy as np

from . import _arrays, _models

EXAMPLES = 32  # put through the model by diagnose
BATCHES = 20  # read for their labels by diagnose
MAX_BATCHES = 100
MAX_LABELS = 1_000_000
MAX_ELEMENTS = 4096  # of a dataset that was never batched


def peek(dataset, name: str, limit: int = MAX_BATCHES):
    """Yield up to ``limit`` elements of a copy of the dataset.

    A ``shuffle`` draws a new order for every pass, so that merely looking would
    change the order the training sees. The copy gets a seed generator of its own.

    Raises
    ------
    ValueError
        If the dataset yields nothing, or fails when it is read.
    """
    empty = True
    elements = iter(_private_copy(dataset).take(limit))
    while (element := _next(elements, name)) is not None:
        empty = False
        yield element
    if empty:
        raise ValueError(
            f"{name} is a dataset that yields nothing. Check its filter, take, skip and batch "
            "(drop_remainder=True drops a batch that is not full), and that its files exist."
        )


def _next(elements, name: str):
    try:
        return next(elements, None)
    except Exception as problem:
        # TensorFlow puts the reason behind the name of its own operation.
        reason = str(problem).split("}} ")[-1].strip().splitlines()[0]
        raise ValueError(f"{name} is a dataset that fails when read: {reason[:200]}") from None


def labels_of(dataset, name: str) -> np.ndarray:
    """Return the labels of the first batches of a dataset of labels or of ``(x, y, …)``."""
    batched = _is_batched(dataset.element_spec)
    parts, count = [], 0
    for element in peek(dataset, name, MAX_BATCHES if batched else MAX_ELEMENTS):
        y = _label_part(element, name)
        y = y.flat_values if hasattr(y, "flat_values") else y
        part = np.asarray(y.numpy() if hasattr(y, "numpy") else y)
        parts.append(part if batched else part[None])
        count += part.size
        if count >= MAX_LABELS:
            break
    if len({p.shape[1:] for p in parts}) > 1:
        parts = [p.reshape(-1) for p in parts]
    return np.concatenate(parts)


def read_data(data):
    """Return x, y and weight of a first batch, and all labels within reach."""
    if _arrays.is_dataset(data):
        if not isinstance(data.element_spec, tuple) or len(data.element_spec) < 2:
            raise TypeError("data is a dataset without labels. Map it to (x, y).")
        batch, labels = None, []
        for element in peek(data, "data", BATCHES):
            batch = element if batch is None else batch
            if isinstance(element[1], (dict, tuple)):
                return element[0], element[1], None, None
            labels.append(element[1])
        if getattr(labels[0], "shape", (1,)).rank == 0:
            raise ValueError("data is a dataset of single examples. Batch it: data.batch(32).")
        parts = [np.asarray(part) for part in labels]
        same = len({part.shape[1:] for part in parts}) == 1
        joined = np.concatenate(parts) if same else parts[0]
        x, y, *rest = (_models.first_examples(part, EXAMPLES) for part in batch[:3])
        return x, y, (rest or [None])[0], joined
    if isinstance(data, (str, dict)) or not isinstance(data, (tuple, list)) or len(data) < 2:
        raise TypeError(
            "data must be a tuple (x, y) of arrays or a tf.data.Dataset of batches (x, y), not "
            f"{type(data).__name__}"
            + (f" of length {len(data)}." if hasattr(data, "__len__") else ".")
        )
    x, y, *rest = data[:3]
    if x is None or y is None:
        raise TypeError("data holds None for x or y.")
    if isinstance(y, (dict, tuple)):
        return x, y, None, None
    # Nested lists may be ragged: read them once, with our own message.
    x, y = (_as_array(part, name) for part, name in ((x, "x"), (y, "y")))
    if np.size(y) == 0:
        raise ValueError("data holds no examples: y is empty.")
    lengths = {_length(x), _length(y)} - {None}
    if len(lengths) > 1:
        raise ValueError(
            f"data holds {_length(x)} examples and {_length(y)} labels. Pass as many of both."
        )
    heads = [_models.first_examples(part, EXAMPLES) for part in (x, y)]
    weight = _models.first_examples(rest[0], EXAMPLES) if rest and rest[0] is not None else None
    return *heads, weight, y


def _as_array(part, name: str):
    plain = isinstance(part, list) and part and not hasattr(part[0], "shape")
    return _arrays.read(part, name).values if plain else part


def _length(part):
    """Return the number of examples, or None where there are several inputs."""
    if isinstance(part, (dict, tuple)) or not hasattr(part, "__len__"):
        return None
    return None if isinstance(part, list) and hasattr(part[0], "shape") else len(part)


def _label_part(element, name: str):
    if isinstance(element, dict):
        raise TypeError(
            f"{name} is a dataset of dictionaries with keys {sorted(map(str, element))}. "
            "Map it to (x, y) or to the labels alone."
        )
    if not isinstance(element, tuple):
        return element
    if len(element) < 2:
        raise TypeError(f"{name} is a dataset of 1-tuples: there are no labels in it.")
    y = element[1]
    if isinstance(y, (dict, tuple, list)):
        raise TypeError(
            f"{name} has several sets of labels per example ({type(y).__name__}). "
            "Map the dataset to the one you mean."
        )
    return y


def _is_batched(spec) -> bool:
    """Tell a batch from a single example; an unknown or shared first length is a batch's."""
    x = spec[0] if isinstance(spec, tuple) and len(spec) > 1 else None
    y = spec[1] if x is not None else spec
    shape = getattr(y, "shape", None)
    if shape is None or shape.rank is None:
        return True
    if shape.rank == 0:
        return False
    other = getattr(x, "shape", None)
    if shape[0] is None or other is None or not other.rank:
        return True
    return other[0] == shape[0]


def _private_copy(dataset):
    if not _shuffles(dataset):
        return dataset
    try:
        return _copy_with_own_seeds(dataset)
    except Exception:
        # Some sources cannot be written down as a graph. Looking is still worth more than
        # keeping the shuffle's order.
        return dataset


def _shuffles(dataset) -> bool:
    todo = [dataset]
    while todo:
        node = todo.pop()
        if "Shuffle" in type(node).__name__:
            return True
        todo += list(getattr(node, "_inputs", list)())
    return False


def _copy_with_own_seeds(dataset):
    import tensorflow as tf
    from tensorflow.python.data.ops import dataset_ops

    policy = tf.data.experimental.ExternalStatePolicy.IGNORE
    serialized = dataset._as_serialized_graph(external_state_policy=policy)
    graph = tf.compat.v1.GraphDef.FromString(serialized.numpy())
    nodes = {node.name: node for node in graph.node}
    for node in graph.node:
        if node.op.startswith("ShuffleDatasetV3") or node.op.startswith(
            "ShuffleAndRepeatDatasetV2"
        ):
            # TensorFlow makes a fresh seed generator for a handle that it does not know.
            for source in node.input:
                constant = nodes[source.split(":")[0]]
                if constant.op == "Const":
                    for handle in constant.attr["value"].tensor.resource_handle_val:
                        handle.name = f"loss_and_found/{handle.name}"
    variant = tf.raw_ops.DatasetFromGraph(graph_def=graph.SerializeToString())
    return dataset_ops._VariantDataset(variant, dataset.element_spec)
