"""Real data that ship inside dependencies: nothing is ever downloaded."""

from typing import NamedTuple

import numpy as np


class Split(NamedTuple):
    """A seeded, stratified split of one data set.

    Attributes
    ----------
    x_train, x_test : ndarray of float32, shape (N, D) or (N, H, W, 1)
    y_train, y_test : ndarray of int64, shape (N,)
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


def _split(x, y, class_names, test_size, seed) -> Split:
    from sklearn.model_selection import train_test_split

    x_train, x_test, y_train, y_test = train_test_split(
        x, y.astype(np.int64), test_size=test_size, stratify=y, random_state=seed
    )
    return Split(x_train, y_train, x_test, y_test, tuple(class_names))
