"""How reports and findings read."""

from utils import checks

import pytest


def note(value):
    return str(checks.Finding("label-range", "note", "Seen.", {"value": value}))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "value = 0"),
        (1.23456789, "value = 1.235"),
        (3e-9, "value ≈ 0"),
        (-3e-9, "value ≈ 0"),
        (float("nan"), "value = nan"),
        (float("inf"), "value = inf"),
        (12, "value = 12"),
        (True, "value = True"),
        (("a", "b"), "value = a, b"),
        ((450, 1), "value = (450, 1)"),
    ],
)
def test_numbers_are_short_and_vanishing_digits_are_not_shown(value, shown):
    assert shown in note(value)


def test_merge_pools_findings_once_and_keeps_what_was_missed():
    finding = checks.Finding("label-range", "error", "Seen.")
    merged = checks.merge(
        checks.Report((finding,), {"a": 1}, ("x",)), checks.Report((finding,), {"b": 2}, ("x", "y"))
    )
    assert merged.findings == (finding,)
    assert merged.observed == {"a": 1, "b": 2}
    assert merged.not_observed == ("x", "y")


def test_an_unknown_severity_is_refused():
    with pytest.raises(ValueError, match="severity must be one of"):
        checks.Finding("label-range", "fatal", "Seen.")


def test_the_headline_counts():
    finding = checks.Finding("label-range", "error", "Seen.")
    remark = checks.Finding("label-range", "note", "Seen.")
    assert str(checks.Report((), {"a": 1})).startswith("No fault found.")
    assert str(checks.Report((finding, remark), {"a": 1})).startswith("1 fault found. 1 note.")
    assert str(checks.Report()).startswith("Nothing was observed.")
    assert "not everything was observed" in str(checks.Report((), {"a": 1}, ("the step",)))
