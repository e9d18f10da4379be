"""Real data that ship inside dependencies: nothing is ever downloaded."""

from typing import NamedTuple

import numpy as np


class Split(NamedTuple):
    """A seeded, stratified split of one data set.

    Attributes
    ----------
    x_train, x_test : ndarray of float32, shape (N, D), (N, H, W, 1) or, for `codes`, (N, L, D)
    y_train, y_test : ndarray of int64, shape (N,) or, for `codes`, (N, L)
        Class ids from 0.
    class_names : tuple of str
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    class_names: tuple[str, ...]

    @property
    def num_classes(self) -> int:
        return len(self.class_names)


def digits(*, images: bool = False, test_size: float = 0.25, seed: int = 0) -> Split:
    """Return scikit-learn's digits: 1797 handwritten digits of 8×8 pixels, ten classes.

    Parameters
    ----------
    images : bool
        If True, x has shape (N, 8, 8, 1); otherwise (N, 64).
    test_size : float
        Share of examples held out.
    seed : int
        Decides the split, which keeps the class frequencies in both parts.

    Returns
    -------
    Split
        Pixels are scaled from 0 … 16 to [0, 1].

    Notes
    -----
    Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten
    Digits, UCI Machine Learning Repository, 1998; the test part of that set.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    x = (bunch.data / 16.0).astype(np.float32)
    if images:
        x = x.reshape(-1, 8, 8, 1)
    return _split(x, bunch.target, tuple(str(d) for d in range(10)), test_size, seed)


def wine(*, test_size: float = 0.25, seed: int = 0) -> Split:
    """Return scikit-learn's wine data: 178 wines, 13 chemical measurements, three cultivars.

    Parameters
    ----------
    test_size : float
    seed : int

    Returns
    -------
    Split
        Each measurement is scaled to mean 0 and standard deviation 1 over the
        training part.

    Notes
    -----
    Source: M. Forina et al., PARVUS, 1991; UCI Machine Learning Repository.
    """
    from sklearn.datasets import load_wine

    bunch = load_wine()
    names = tuple(str(n) for n in bunch.target_names)
    return _standardised(_split(bunch.data, bunch.target, names, test_size, seed))


def iris(*, test_size: float = 0.25, seed: int = 0) -> Split:
    """Return scikit-learn's iris data: 150 flowers, four measurements, three species.

    Parameters
    ----------
    test_size : float
    seed : int

    Returns
    -------
    Split
        Standardised as `wine`.

    Notes
    -----
    Source: R. A. Fisher, The use of multiple measurements in taxonomic
    problems, Annals of Eugenics 7 (2), 1936.
    """
    from sklearn.datasets import load_iris

    bunch = load_iris()
    names = tuple(str(n) for n in bunch.target_names)
    return _standardised(_split(bunch.data, bunch.target, names, test_size, seed))


def rare_digits(features: str = "pixels", *, test_size: float = 0.5, seed: int = 0) -> Split:
    """Return the digits as three unequal classes: 80 % are something else, 10 % eights, 10 % nines.

    The labels are the same for every choice of features; only what the model
    may see of an image changes, so that imbalance and difficulty come apart.

    Parameters
    ----------
    features : {"pixels", "rows", "ink"}
        ``"pixels"``: all 64, in [0, 1]; the classes are nearly separable.
        ``"rows"``: the ink in each of the 8 rows; the classes overlap.
        ``"ink"``: the ink of the whole image, one number; next to nothing.
        Rows and ink are standardised as `wine`.
    test_size : float
    seed : int

    Returns
    -------
    Split
        Classes 0 "other" (the digits 0 to 7), 1 "eight", 2 "nine".

    Raises
    ------
    ValueError
        If `features` is none of the three.

    Notes
    -----
    No image is left out: one digit against the rest is imbalanced by itself.
    Source as `digits`.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = bunch.images / 16.0
    kinds = {"pixels": images.reshape(-1, 64), "rows": images.mean(axis=2)}
    kinds["ink"] = images.mean(axis=(1, 2))[:, None]
    if features not in kinds:
        raise ValueError(f"features must be one of {', '.join(kinds)}, not {features!r}")
    y = np.select([bunch.target == 8, bunch.target == 9], [1, 2], 0)
    x = kinds[features].astype(np.float32)
    split = _split(x, y, ("other", "eight", "nine"), test_size, seed)
    return split if features == "pixels" else _standardised(split)


def codes(*, boxes: int = 12, longest: int = 8, test_size: float = 0.25, seed: int = 0) -> Split:
    """Return handwritten codes: 1 to `longest` digits each, on a form with `boxes` boxes.

    Every digit of `digits` is used once, in the order of the split. What is made
    up is only how many of them form a code: each length is equally likely.

    Parameters
    ----------
    boxes : int
        Length of every sequence; boxes that are left over stay empty.
    longest : int
        Largest number of digits in a code, at most `boxes`.
    test_size : float
    seed : int

    Returns
    -------
    Split
        x has shape (N, boxes, 64) and is 0 in empty boxes; y has shape (N, boxes)
        and is 0 there too, the id of the digit zero. A real digit always has ink,
        so that ``(x != 0).any(axis=-1)`` tells the two apart.

    Raises
    ------
    ValueError
        If the longest code does not fit.

    Notes
    -----
    Source as `digits`.
    """
    if not 1 <= longest <= boxes:
        raise ValueError(f"longest must be in 1 … boxes = {boxes}, not {longest}")
    split = digits(test_size=test_size, seed=seed)
    rng = np.random.default_rng(seed)
    x_train, y_train = _in_boxes(split.x_train, split.y_train, boxes, longest, rng)
    x_test, y_test = _in_boxes(split.x_test, split.y_test, boxes, longest, rng)
    return Split(x_train, y_train, x_test, y_test, split.class_names)


def _in_boxes(x, y, boxes, longest, rng):
    ends = np.cumsum(rng.integers(1, longest + 1, len(x)))
    cuts = ends[ends < len(x)]
    lengths = np.diff(cuts, prepend=0, append=len(x))
    filled = np.arange(boxes) < lengths[:, None]
    x_boxes = np.zeros((len(lengths), boxes, x.shape[1]), np.float32)
    y_boxes = np.zeros((len(lengths), boxes), np.int64)
    x_boxes[filled], y_boxes[filled] = x, y  # row by row: the order of the split
    return x_boxes, y_boxes


def _standardised(split: Split) -> Split:
    mean, spread = split.x_train.mean(axis=0), split.x_train.std(axis=0)
    return split._replace(
        x_train=((split.x_train - mean) / spread).astype(np.float32),
        x_test=((split.x_test - mean) / spread).astype(np.float32),
    )


def _split(x, y, class_names, test_size, seed) -> Split:
    from sklearn.model_selection import train_test_split

    x_train, x_test, y_train, y_test = train_test_split(
        x, y.astype(np.int64), test_size=test_size, stratify=y, random_state=seed
    )
    return Split(x_train, y_train, x_test, y_test, tuple(class_names))
