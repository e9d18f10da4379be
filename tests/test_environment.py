"""The two routes of installation carry the same pins."""

import re
import subprocess
import sys
import tomllib
from itertools import zip_longest
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
EXPORT = (
    "uv export --frozen --no-hashes --no-emit-project --no-annotate --no-header --quiet --offline"
)


def test_requirements_are_an_export_of_the_lock():
    done = subprocess.run(
        [sys.executable, "-m", *EXPORT.split()], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    told = first_difference((ROOT / "requirements.txt").read_text(encoding="utf-8"), done.stdout)
    if told:
        pytest.fail(f"{told}: run `{EXPORT} > requirements.txt`")


def first_difference(stored: str, exported: str) -> str:
    """Say in which line the file differs from the lock's export; nothing if it does not."""
    pairs = zip_longest(stored.splitlines(), exported.splitlines(), fillvalue="nothing")
    for number, (have, want) in enumerate(pairs, 1):
        if have != want:
            return f"requirements.txt, line {number}: {have!r}, the lock has {want!r}"
    return ""


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        ("a==1\nb==2\n", ""),
        ("a==1\nb==3\n", "requirements.txt, line 2: 'b==3', the lock has 'b==2'"),
        ("a==1\n", "requirements.txt, line 2: 'nothing', the lock has 'b==2'"),
    ],
)
def test_a_planted_pin_is_found_and_its_line_named(stored, told):
    assert first_difference(stored, "a==1\nb==2\n") == told


def test_the_conda_environment_installs_the_export_and_the_course():
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    assert re.search(r"^\s+- -r requirements\.txt$", text, re.MULTILINE)
    assert re.search(r"^\s+- -e \.$", text, re.MULTILINE)
    wanted = re.search(r"python=(3\.\d+)", text).group(1)
    low, high = map(int, re.findall(r"3\.(\d+)", _pyproject()["project"]["requires-python"]))
    assert low <= int(wanted.split(".")[1]) < high


def test_the_pins_the_course_was_written_for():
    packages = {
        p["name"]: p["version"]
        for p in tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
    }
    assert packages["tensorflow-cpu"].startswith("2.21.")
    assert packages["tensorflow"] == packages["tensorflow-cpu"]
    assert packages["keras"].startswith("3.15.")


def test_bytecode_is_compiled_at_install():
    assert _pyproject()["tool"]["uv"]["compile-bytecode"] is True


def test_the_wheel_asks_for_no_tensorflow():
    # Taken home beside a CUDA build, the package must not pull in another TensorFlow.
    assert not [d for d in _pyproject()["project"]["dependencies"] if "tensorflow" in d]


def _pyproject():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
