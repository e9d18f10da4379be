"""The settings matrix: what it chooses, what it keeps, and that a failing notebook is named."""

from utils import edition

import json
import sys

import nbformat
import pytest

from tests.settings import __main__ as command
from tests.settings import catalogue, places, proof, results, runner

PLAIN = catalogue.Setting("plain", "nothing")


def passed(setting="plain", notebook="lessons/a", fingerprint="1", **changes):
    return results.Result(setting, notebook, **{"passed": True, "seconds": 1.0, **changes},
                          fingerprint=fingerprint)  # fmt: skip


def test_every_setting_has_a_proof_that_exists():
    for setting in catalogue.SETTINGS:
        assert setting.proofs, setting.name
        assert all(callable(getattr(proof, name)) for name in setting.proofs)


def test_the_settings_of_the_design_are_there():
    names = {setting.name for setting in catalogue.SETTINGS}
    assert {"python-3.11", "python-3.12", "python-3.13", "threads-1", "threads-16"} <= names
    assert {"onednn-on", "onednn-off", "isa-avx2", "isa-sse"} <= names
    assert {"elsewhere", "read-only", "offline"} <= names


def test_an_unknown_setting_is_refused_with_the_known_ones():
    with pytest.raises(SystemExit, match="threads-1"):
        catalogue.choose(["thread-1"])


def test_a_setting_that_this_system_lacks_is_refused(monkeypatch):
    monkeypatch.setattr(catalogue.platform, "system", lambda: "Windows")
    assert "offline" not in {setting.name for setting in catalogue.choose([])}
    with pytest.raises(SystemExit, match="offline needs one of Linux"):
        catalogue.choose(["offline"])


@pytest.mark.parametrize(
    ("name", "environment"),
    [
        ("python", {proof.PYTHON: "2.7"}),
        ("no_writing", {}),
        ("another_place", {}),
        ("pools", {"TF_NUM_INTRAOP_THREADS": "97"}),
        ("glibc_isa", {}),
    ],
)
def test_a_proof_refuses_where_its_setting_does_not_act(name, environment, monkeypatch):
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    if name == "glibc_isa":
        monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    if name == "no_writing" and not _writable(places.ROOT):
        pytest.skip("this checkout is read-only")
    if name == "another_place":
        monkeypatch.setattr(proof.utils, "__file__", str(places.ROOT.anchor) + "plain/utils/x.py")
    with pytest.raises(AssertionError):
        getattr(proof, name)()


def _writable(folder):
    try:
        (folder / "probe").touch()
    except OSError:
        return False
    (folder / "probe").unlink()
    return True


def test_a_setting_that_does_not_take_hold_is_not_to_be_had(tmp_path):
    setting = catalogue.Setting("x", "nothing", proofs=("python",))
    with pytest.raises(runner.NotToBeHad, match="was asked for"):
        runner.prepare(setting, tmp_path)


def test_results_are_resumed_until_something_changes(tmp_path):
    kept = results.Results(tmp_path / "folder" / "results.json")
    kept.add(passed())
    kept.add(passed(notebook="lessons/b", passed=False, cells=["Cell 3"]))
    again = results.Results(kept.path)
    assert again.stands("plain", "lessons/a", "1")
    assert not again.stands("plain", "lessons/a", "2")
    assert not again.stands("plain", "lessons/b", "1"), "a failure is tried again"
    assert len(json.loads(kept.path.read_text(encoding="utf-8"))) == 2


def test_the_table_shows_notebooks_by_settings(tmp_path):
    kept = results.Results(tmp_path / "results.json")
    kept.add(passed())
    kept.add(passed("other", passed=False))
    table = kept.table(["plain", "other"], ["lessons/a", "lessons/b"]).splitlines()
    assert table[0].split() == ["plain", "other"]
    assert table[1].split() == ["lessons/a", "✓", "✗"]
    assert table[2].split() == ["lessons/b", "·", "·"]
    assert table[3].split() == ["passed", "1/2", "0/2"]


@pytest.fixture
def planted(tmp_path, monkeypatch):
    """A checkout with one notebook whose second cell stores another digit than it prints."""
    for name in ("solutions", "lessons", "utils"):
        (tmp_path / name).mkdir()
    for name in ("uv.lock", "conftest.py"):
        (tmp_path / name).write_bytes((edition.ROOT / name).read_bytes())
    cells = [
        nbformat.v4.new_code_cell(
            f"print({shown})", execution_count=k, outputs=[nbformat.v4.new_output("stream", text=t)]
        )
        for k, (shown, t) in enumerate([("1", "1\n"), ("0.124", "0.123\n")], 1)
    ]
    path = tmp_path / "lessons" / "99_planted.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    monkeypatch.setattr(results, "ROOT", tmp_path)
    return path


def test_a_changed_digit_fails_and_its_cell_is_named(planted, monkeypatch, tmp_path):
    monkeypatch.setattr(runner, "ROOT", planted.parents[1])
    ready = runner.Ready(PLAIN, sys.executable, places.Place(planted.parents[1]))
    environment = ready.environment()
    monkeypatch.setattr(
        runner.Ready, "environment",
        lambda self: {**environment, "PYTHONPATH": str(edition.ROOT), "PYTEST_ADDOPTS":
                      "--nbval --nbval-current-env"},
    )  # fmt: skip
    found = runner.run(ready, planted)
    assert not found.passed
    assert found.cells == ["Cell 1"]
    assert "0.124" in found.told
    assert "FAILED Cell 1" in runner.line(found)


@pytest.mark.parametrize(("good", "status"), [(True, 0), (False, 1)])
def test_the_command_exits_with_what_came_of_it(good, status, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(runner, "prepare", lambda setting, work: setting)
    monkeypatch.setattr(
        runner,
        "run",
        lambda ready, n: passed(ready.name, runner.name(n), results.fingerprint(n), passed=good),
    )
    asked = ["--settings", "threads-1", "--notebooks", "03", "--work", str(tmp_path)]
    assert command.main(asked) == status
    assert "passed" in capsys.readouterr().out
    monkeypatch.setattr(runner, "run", lambda ready, n: pytest.fail("ran again"))
    if good:
        assert command.main(asked) == 0


def test_a_setting_that_could_not_be_had_is_no_success(monkeypatch, tmp_path, capsys):
    def refuse(setting, work):
        raise runner.NotToBeHad("no such interpreter")

    monkeypatch.setattr(runner, "prepare", refuse)
    asked = ["--settings", "python-3.13", "--notebooks", "03", "--work", str(tmp_path)]
    assert command.main(asked) == 2
    assert "no such interpreter" in capsys.readouterr().out
