"""The names that things outside the project call. They are kept."""

import utils
from utils import checks, claims, data, exercises, pitfalls, plots, reference

import dataclasses
import inspect
import subprocess
import sys

import numpy as np
import pytest

SIGNATURES = {
    "labels": "(y, num_classes, *, ignore_class=None)",
    "outputs": "(y_pred, *, from_logits)",
    "metric": "(metric, y_true, y_pred)",
    "gradients": "(gradients, variables)",
    "weights": "(sample_weight, y, *, class_weight=None)",
    "curve": "(losses, *, num_classes, prior=None)",
    "diagnose": "(model, loss_fn, data, *, metrics=(), num_classes=None)",
    "watch": "()",
}


def fresh(code: str) -> str:
    """Run code in a new interpreter and return what it prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_public_face():
    modules = (checks, claims, data, exercises, pitfalls, plots, reference)
    assert {m.__name__ for m in modules} == {f"utils.{name}" for name in utils.__all__}


def test_import_utils_loads_nothing_heavy():
    heavy = "('numpy', 'tensorflow', 'keras', 'matplotlib', 'sklearn', 'IPython')"
    out = fresh(f"import utils, sys; print([m for m in {heavy} if m in sys.modules])")
    assert out.strip() == "[]"


def test_importing_the_checks_does_not_import_tensorflow():
    assert (
        fresh("from utils import checks; import sys; print('tensorflow' in sys.modules)")
        == "False\n"
    )


def test_tensorflow_starts_quietly_and_nobody_is_overridden():
    done = subprocess.run(
        [sys.executable, "-c", "import utils, tensorflow as tf; tf.constant(1) + 1"],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    out = fresh(
        "import os; os.environ['TF_CPP_MIN_LOG_LEVEL'] = '0'; import utils;"
        "print(os.environ['TF_CPP_MIN_LOG_LEVEL'])"
    )
    assert out == "0\n"


@pytest.mark.parametrize("name", SIGNATURES)
def test_checks_have_their_parameters(name):
    signature = inspect.signature(getattr(checks, name))
    bare = signature.replace(
        parameters=[p.replace(annotation=p.empty) for p in signature.parameters.values()],
        return_annotation=signature.empty,
    )
    assert str(bare) == SIGNATURES[name]


def test_a_finding_and_a_report():
    names = [f.name for f in dataclasses.fields(checks.Finding)]
    assert names == ["pitfall", "severity", "statement", "evidence", "remedy", "lesson"]
    finding = checks.Finding("double-softmax", "error", "Seen.", {"loss": 1.5})
    assert finding.remedy == pitfalls.get("double-softmax").remedy
    assert finding.lesson == 3
    report = checks.Report((finding,), {"steps": 1})
    assert list(report) == [finding] == list(report.findings)
    assert not report.ok
    with pytest.raises(AssertionError, match="double-softmax"):
        report.raise_if_failed()


@pytest.mark.parametrize("severity", ["note"])
def test_notes_inform_and_nothing_observed_is_not_ok(severity):
    note = checks.Finding("double-softmax", severity, "Seen.")
    assert checks.Report((note,), {"steps": 1}).ok
    assert not checks.Report((), {}).ok
    assert not checks.Report((), {"steps": 1}, ("the compiled step",)).ok
    with pytest.raises(checks.CheckFailed, match="Nothing was observed"):
        checks.Report().raise_if_failed()


def test_findings_come_gravest_first():
    kinds = [checks.Finding("label-range", s, "Seen.") for s in ("note", "error", "warning")]
    assert [f.severity for f in checks.Report(tuple(kinds))] == ["error", "warning", "note"]


def test_a_finding_of_no_pitfall_is_refused():
    with pytest.raises(KeyError, match="double-softmax"):
        checks.Finding("double-sofmax", "error", "Seen.")


def test_cards_escape_what_they_show_and_load_nothing():
    finding = checks.Finding("double-softmax", "error", "<script>alert(1)</script>", {"a<b": "<i>"})
    html = checks.Report((finding,), {"x": "<b>"})._repr_html_()
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "<i>" not in html
    assert "src=" not in html
    assert "http" not in html


def test_the_register():
    entry = pitfalls.get("double-softmax")
    assert entry.lesson == 3
    assert entry in pitfalls.all()
    with pytest.raises(KeyError, match="Did you mean double-softmax"):
        pitfalls.get("doubel-softmax")


def test_the_ledger():
    claim = claims.get("D001-16")
    assert claim.verdict == "false"
    table = claims.table(lesson=3)
    assert claim in list(table)
    assert "D001-16" in repr(table)
    assert "<table" in table._repr_html_()


def test_data_are_seeded_stratified_and_scaled():
    digits, again = data.digits(), data.digits()
    assert len(digits.x_train) + len(digits.x_test) == 1797
    assert digits.x_train.dtype == np.float32
    assert digits.x_train.min() == 0
    assert digits.x_train.max() == 1
    assert (digits.x_train == again.x_train).all()
    assert (data.digits(seed=1).y_test != digits.y_test).any()
    assert data.digits(images=True).x_test.shape[1:] == (8, 8, 1)
    train = np.bincount(digits.y_train) / len(digits.y_train)
    test = np.bincount(digits.y_test) / len(digits.y_test)
    assert np.abs(train - test).max() < 0.005


def test_exercises_answer_with_a_result():
    result = exercises.get("03-b").check(None)
    assert (result.status, result.pitfall) == ("not attempted", None)
    assert isinstance(result.message, str)
    assert exercises.get("03-b").hint()
    assert "np.log" in exercises.get("03-b").solution()
