"""Whether inputs tell their labels apart: by rules that need no model and a second at most."""

import numpy as np

NEIGHBOURS = 5
DRAWS = 60
ENOUGH = 5  # examples of a class on either side of a split


def standardised(x) -> np.ndarray:
    """Return the columns that vary, with mean 0 and deviation 1."""
    spread = x.std(axis=0)
    keep = spread > 1e-9
    return (x[:, keep] - x[:, keep].mean(axis=0)) / spread[keep]


def structure(x, seed: int = 0) -> float:
    """Return how much nearer the next example is than in data of unrelated columns, as a ratio.

    1 for noise whose columns are drawn one by one; well below 1 for images and clusters, in
    whose columns there is a common order.

    Parameters
    ----------
    x : ndarray of shape (N, D)
        As `standardised` gives them, N of 2 or more.
    """
    rng = np.random.default_rng(seed)
    return _nearness(x, rng.permuted(x, axis=0))


def clustering(x, seed: int = 0) -> float:
    """Return how much nearer the next example is than in a normal cloud of the same covariance.

    1 for what is correlated and no more, such as windows of a random walk, whose labels may be
    as good as drawn by lot and belong to them all the same; below it for images and clusters.

    Parameters
    ----------
    x : ndarray of shape (N, D)
        As `standardised` gives them, N of 2 or more.
    """
    rng = np.random.default_rng(seed)
    _, scale, axes = np.linalg.svd(x, full_matrices=False)
    cloud = rng.normal(size=(len(x), len(scale))) * (scale / np.sqrt(len(x) - 1)) @ axes
    return _nearness(x, cloud)


def _nearness(x, other) -> float:
    nearest = [np.median(_distances(rows).min(axis=1)) for rows in (x, other)]
    return float(nearest[0] / max(nearest[1], 1e-12))


def agreement(x, ids, seed: int = 0) -> float:
    """Return by how many deviations near examples share a label more often than by chance."""
    near = np.argsort(_distances(x), axis=1)[:, :NEIGHBOURS]
    rng = np.random.default_rng(seed)
    by_lot = [rng.permutation(ids) for _ in range(DRAWS)]
    shares = np.array([(labels[near] == labels[:, None]).mean() for labels in (ids, *by_lot)])
    return float((shares[0] - shares[1:].mean()) / max(shares[1:].std(), 1e-6))


def _distances(x) -> np.ndarray:
    squares = (x**2).sum(axis=1)
    table = squares[:, None] + squares - 2 * x @ x.T
    np.fill_diagonal(table, np.inf)
    return np.sqrt(np.maximum(table, 0))


def linear(x, ids) -> tuple[float, float] | None:
    """Return what a linear rule scores on examples it has not seen, and how sure that is.

    Returns
    -------
    balanced accuracy, deviations above chance : float
        Or None with fewer than two classes that have examples enough.
    """
    half = np.arange(len(x)) % 2 == 0
    names = [
        c for c in np.unique(ids)
        if min((ids[half] == c).sum(), (ids[~half] == c).sum()) >= ENOUGH
    ]  # fmt: skip
    if len(names) < 2:
        return None
    keep = np.isin(ids, names)
    x, half = x[keep], half[keep]
    truth = np.searchsorted(names, ids[keep])
    guess = np.empty(len(x), int)
    for side in (half, ~half):
        guess[~side] = _ridge(x[side], truth[side], len(names), x[~side])
    right = np.array([(guess[truth == k] == k).mean() for k in range(len(names))])
    chance = 1 / len(names)
    each = np.array([(truth == k).sum() for k in range(len(names))])
    deviation = np.sqrt((chance * (1 - chance) / each).sum()) / len(names)
    return float(right.mean()), float((right.mean() - chance) / deviation)


def _ridge(x, truth, classes: int, new) -> np.ndarray:
    """Return the classes a weighted ridge regression gives to new examples."""
    design = np.hstack([x, np.ones((len(x), 1))])
    targets = np.eye(classes)[truth]
    weight = 1 / targets.sum(axis=0)[truth]
    gram = design.T @ (design * weight[:, None])
    gram += np.eye(len(gram)) * 0.1 * np.trace(gram) / len(gram)
    solution = np.linalg.solve(gram, design.T @ (targets * weight[:, None]))
    return (np.hstack([new, np.ones((len(new), 1))]) @ solution).argmax(axis=1)
