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
