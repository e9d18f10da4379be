"""checks.labels: each fault by its own name, silence on every healthy form of labels."""

from utils import checks

import subprocess
import sys

import numpy as np
import pytest

RNG = np.random.default_rng(0)
IDS = RNG.integers(0, 10, 200)


def names(report):
    return [f.pitfall for f in report.alarms]


HEALTHY = {
    "ids": (IDS, 10, {}),
    "column": (IDS[:, None], 10, {}),
    "whole floats": (IDS.astype("float32"), 10, {}),
    "list": (IDS.tolist(), 10, {}),
    "bool": (IDS > 5, 2, {}),
    "uint8": (IDS.astype("uint8"), 10, {}),
    "sequence": (IDS.reshape(20, 10), 10, {}),
    "segmentation": (IDS.reshape(2, 10, 10), 10, {}),
    "void ignored": (np.where(IDS == 3, 255, IDS), 10, {"ignore_class": 255}),
    "padding ignored": (np.where(IDS == 3, -1, IDS), 10, {"ignore_class": -1}),
    "all ignored": (np.full(8, -1), 10, {"ignore_class": -1}),
    "one label": ([7], 10, {}),
    "small batch without class 0": (IDS[:20] % 9 + 1, 11, {}),
    "one class only": ([4] * 50, 10, {}),
    "binary sequence of length 2": (RNG.integers(0, 2, (50, 2)), 2, {}),
    "one marker per sequence": (np.eye(30, dtype=int)[RNG.integers(0, 30, 40)], 2, {}),
    "a million classes": ([0, 999_999], 1_000_000, {}),
}

SICK = {
    "one-hot": (np.eye(10)[IDS], 10, "one-hot-labels"),
    "one-hot bool": (np.eye(10, dtype=bool)[IDS], 10, "one-hot-labels"),
    "smoothed": (np.eye(10)[IDS] * 0.9 + 0.01, 10, "one-hot-labels"),
    "multi-hot": ((RNG.random((50, 6)) < 0.3).astype(int), 6, "one-hot-labels"),
    "one-hot of another width": (np.eye(7)[IDS % 7], 10, "one-hot-labels"),
    "from 1": (IDS + 1, 10, "label-offset"),
    "from 1, one unit more": (IDS + 1, 11, "label-offset"),
    "minus one": (IDS - 1, 10, "label-range"),
    "void": (np.where(IDS == 3, 255, IDS), 10, "label-range"),
    "too many": (IDS, 9, "label-range"),
    "plus and minus": (np.sign(IDS - 4.5), 2, "label-range"),
    "colour mask": (RNG.integers(0, 256, (2, 4, 4, 3)), 5, "label-range"),
    "NaN": ([0.0, np.nan], 2, "label-range"),
    "huge": ([0.0, 1e300], 2, "label-range"),
    "divided by 255": (IDS / 255, 10, "fractional-labels"),
    "blurred": (np.array([1.0, 2.9999998]), 4, "fractional-labels"),
    "interpolated": ([0.5, 1.25, 2.0], 4, "fractional-labels"),
    "mixed": ([0, "1", 1], 2, "mixed-labels"),
    "gaps": (np.array([0, 1, None], object), 2, "mixed-labels"),
    "ids and rows, array": (np.array([0, 1, [0, 1, 0]], object), 3, "mixed-labels"),
    "ids and rows, list": ([0, 1, [0, 1, 0]], 3, "mixed-labels"),
    "text": (["cat", "dog"], 2, "label-dtype"),
    "objects": (np.array([0, 1], object), 2, "label-dtype"),
}


@pytest.mark.parametrize("case", HEALTHY)
def test_healthy_labels_raise_no_alarm(case):
    y, classes, settings = HEALTHY[case]
    report = checks.labels(y, classes, **settings)
    assert report.ok, report


@pytest.mark.parametrize("case", SICK)
def test_each_fault_is_named_and_nothing_else(case):
    y, classes, pitfall = SICK[case]
    assert names(checks.labels(y, classes)) == [pitfall]


def test_the_numbers_that_show_the_fault_are_in_the_statement():
    finding = checks.labels(IDS / 255, 10).findings[0]
    assert "divided by 255" in finding.statement
    assert finding.evidence["fractional"] == int((IDS > 0).sum())
    finding = checks.labels(np.where(IDS == 3, 255, IDS), 10).findings[0]
    assert "ignore_class=255" in finding.remedy
    assert finding.evidence["outside"] == int((IDS == 3).sum())


def test_smoothed_and_multi_hot_are_told_apart_from_one_hot():
    def statement(y, classes):
        return checks.labels(y, classes).findings[0].statement

    assert "smoothed" in statement(SICK["smoothed"][0], 10)
    assert "multi-hot" in statement(SICK["multi-hot"][0], 6)
    assert "one-hot" in statement(SICK["one-hot"][0], 10)


def test_unsigned_labels_get_a_note_about_wrapping():
    report = checks.labels(IDS.astype("uint8"), 10)
    assert [f.pitfall for f in report] == ["label-dtype"]
    assert "255" in report.findings[0].statement


def test_weak_evidence_is_no_error():
    one_row = checks.labels(np.eye(3)[:1], 3)
    assert [f.severity for f in one_row] == ["warning"]


@pytest.mark.parametrize(
    ("y", "classes", "error", "words"),
    [
        (None, 3, TypeError, "None"),
        ("abc", 3, TypeError, "str"),
        ({"a": 1}, 3, TypeError, "dict"),
        (object(), 3, TypeError, "object"),
        ((i for i in [1, 2]), 3, TypeError, "generator"),
        (np.array([1 + 2j]), 3, TypeError, "complex128"),
        (np.array(["2020-01-01"], "M8[D]"), 3, TypeError, "datetime64"),
        ([], 3, ValueError, "empty"),
        (np.zeros((0, 3)), 3, ValueError, "(0, 3)"),
        (3, 5, ValueError, "single number"),
        ([[1, 2], [3]], 4, ValueError, "ragged"),
        ([[None, []]], 4, ValueError, "ragged"),
        ([0, 1], 1, ValueError, "at least 2"),
        ([0, 1], 2.0, TypeError, "float"),
        ([0, 1], True, TypeError, "bool"),
        ([0, 1], None, TypeError, "NoneType"),
    ],
)
def test_what_is_no_label_gets_a_clear_message(y, classes, error, words):
    with pytest.raises(error) as caught:
        checks.labels(y, classes)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 250
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_ragged_object_arrays_are_refused():
    y = np.empty(2, object)
    y[:] = [[0, 1], [1]]
    with pytest.raises(ValueError, match="ragged"):
        checks.labels(y, 2)


def test_ignore_class_must_be_a_whole_number():
    with pytest.raises(TypeError, match="ignore_class"):
        checks.labels([0], 2, ignore_class="void")
    with pytest.raises(ValueError, match="ignore_class"):
        checks.labels([0], 2, ignore_class=0.5)


def test_importing_the_checks_leaves_tensorflow_alone():
    code = (
        "import sys; from utils import checks; checks.labels([0], 2); "
        "checks.outputs([[0.5, 0.5]], from_logits=False); print('tensorflow' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
