"""Locks name public hosts only; a mirror's name is found with its line."""

import pytest

from tests.hygiene.hosts import foreign_hosts
from tests.hygiene.sources import ROOT, name

LOCKS = sorted(
    path
    for pattern in ("uv.lock", "requirements*.txt", "environment.yml", "**/package-lock.json")
    for path in ROOT.glob(pattern)
    if not {"node_modules", ".venv"} & set(path.relative_to(ROOT).parts)
)


@pytest.mark.parametrize("path", LOCKS, ids=name)
def test_only_public_hosts(path):
    assert list(foreign_hosts(name(path), path.read_text(encoding="utf-8"))) == []


def test_the_locks_are_looked_at():
    assert {"uv.lock", "requirements.txt", "environment.yml"} <= {name(path) for path in LOCKS}


@pytest.mark.parametrize(
    ("line", "host"),
    [
        ('source = { registry = "https://mirror.example.org/simple" }', "mirror.example.org"),
        ('url = "http://10.1.2.3:8080/numpy.whl"', "10.1.2.3:8080"),
        ("--index-url https://user:word@pypi.example.org/simple", "pypi.example.org"),
        ('"resolved": "https://npm.example.org/a.tgz"', "npm.example.org"),
        ("tool @ git+ssh://git@example.org/tool", "example.org"),
    ],
)
def test_a_planted_foreign_host_is_found_and_its_line_named(line, host):
    text = f'source = {{ registry = "https://pypi.org/simple" }}\n{line}\n'
    assert list(foreign_hosts("uv.lock", text)) == [f"uv.lock, line 2: {host}"]


def test_a_package_may_say_who_funds_it():
    text = '"a": {\n"funding": {\n"url": "https://example.org/sponsor"\n},\n"x": "http://b.org/"'
    assert list(foreign_hosts("package-lock.json", text)) == ["package-lock.json, line 5: b.org"]
