"""`data.rare_digits`: the same unequal labels under three sets of features."""

from utils import data

import numpy as np
import pytest


def test_shares_and_shapes():
    for features, width in (("pixels", 64), ("rows", 8), ("ink", 1)):
        split = data.rare_digits(features)
        assert split.x_train.shape == (898, width)
        assert split.x_test.shape == (899, width)
        assert split.x_train.dtype == np.float32
        for y in (split.y_train, split.y_test):
            shares = np.bincount(y) / len(y)
            np.testing.assert_allclose(shares, [0.80, 0.10, 0.10], atol=0.01)
    assert split.class_names == ("other", "eight", "nine")


def test_features_change_and_labels_do_not():
    pixels, rows, ink = (data.rare_digits(f, seed=3) for f in ("pixels", "rows", "ink"))
    for other in (rows, ink):
        np.testing.assert_array_equal(pixels.y_train, other.y_train)
        np.testing.assert_array_equal(pixels.y_test, other.y_test)
    images = pixels.x_train.reshape(-1, 8, 8)
    for split, raw in ((rows, images.mean(axis=2)), (ink, images.mean(axis=(1, 2))[:, None])):
        expected = (raw - raw.mean(axis=0)) / raw.std(axis=0)
        np.testing.assert_allclose(split.x_train, expected, atol=1e-4)


def test_labels_are_the_digits():
    whole = data.rare_digits("pixels", seed=0)
    eights = data.digits(test_size=0.5, seed=0)
    assert (np.concatenate([whole.y_train, whole.y_test]) == 1).sum() == (
        np.concatenate([eights.y_train, eights.y_test]) == 8
    ).sum()


def test_the_seed_decides_and_repeats():
    a, b, c = (data.rare_digits("rows", seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(a.x_train, b.x_train)
    assert not np.array_equal(a.x_train, c.x_train)


def test_unknown_features():
    with pytest.raises(ValueError, match="pixels, rows, ink"):
        data.rare_digits("corners")
