"""Each question of the pre-flight check, under a condition that fails it, and the exit status."""

from utils import preflight
from utils.preflight import machine, software

import json
import os
import socket
import subprocess
import sys
from importlib import metadata
from types import SimpleNamespace

import psutil
import pytest


def told(subject):
    """Return a line that must ask for something, as printed."""
    line = preflight.answer(subject)
    assert not line.ok, str(line)
    assert "TO DO: " in str(line)
    return str(line)


@pytest.mark.parametrize("subject", ["Python", "TensorFlow", "memory", "disk", "kernel"])
def test_here_all_is_well(subject):
    line = preflight.answer(subject)
    assert line.ok, str(line)
    assert "OK" in str(line)


@pytest.mark.parametrize("version", [(3, 10, 12), (3, 14, 0)])
def test_python_too_old_or_too_new(version, monkeypatch):
    monkeypatch.setattr(sys, "version_info", version)
    assert "use Python 3.11, 3.12 or 3.13" in told("Python")


def test_another_tensorflow(monkeypatch):
    monkeypatch.setattr(metadata, "version", {"keras": "3.15.1", "tensorflow": "2.20.0"}.get)
    assert "tensorflow 2.20.0" in told("TensorFlow")


def test_no_tensorflow(monkeypatch):
    def version(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", version)
    assert "keras missing, tensorflow missing" in told("TensorFlow")


def test_little_memory(monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=2**30))
    assert "1.0 GiB free" in told("memory")


@pytest.mark.parametrize(("limit", "good"), [("max", True), (str(2**31), False)])
def test_a_container_with_little_memory(limit, good, tmp_path, monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=2**34))
    monkeypatch.setattr(machine, "CGROUP", tmp_path)
    (tmp_path / "memory.max").write_text(f"{limit}\n")
    (tmp_path / "memory.current").write_text(f"{2**30}\n")
    line = preflight.answer("memory")
    assert line.ok is good
    assert line.found == ("16.0 GiB free" if good else "1.0 GiB free")


def test_a_full_disk(monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=2**20))
    assert "free some disk space" in told("disk")


def test_lessons_that_cannot_be_saved(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(machine, "LESSONS", tmp_path / "file")
    assert "copy the course to a folder of your own" in told("notebooks")


def test_progress_that_cannot_be_saved(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("LOSS_AND_FOUND_STATE", os.fspath(tmp_path / "file" / "below"))
    assert "set LOSS_AND_FOUND_STATE" in told("progress")


def test_a_busy_port_is_passed_over_and_no_port_is_told(monkeypatch):
    with socket.socket() as first, socket.socket() as other:
        for server in (first, other):
            server.bind(("127.0.0.1", 0))
            server.listen()
        busy = [server.getsockname()[1] for server in (first, other)]
        monkeypatch.setattr(machine, "PORTS", busy)
        assert "--port=0" in told("port")
        free = socket.socket()
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
        free.close()
        monkeypatch.setattr(machine, "PORTS", [*busy, number])
        assert preflight.answer("port").found == f"{number} is free"


@pytest.mark.parametrize("command", ["w3m %s", "/nowhere/at/all %s"])
def test_no_browser_is_no_fault_but_says_how(command, monkeypatch):
    import webbrowser

    def get():
        if "w3m" in command:
            return webbrowser.GenericBrowser(command.split()[0])
        raise webbrowser.Error("could not locate runnable browser")

    monkeypatch.setattr(webbrowser, "get", get)
    line = preflight.answer("browser")
    assert line.ok
    assert "that JupyterLab prints" in str(line)


def test_a_browser_is_named(monkeypatch):
    import webbrowser

    monkeypatch.setattr(webbrowser, "get", lambda: webbrowser.Chrome("/usr/bin/chromium"))
    assert preflight.answer("browser").found == "chromium"


@pytest.fixture
def kernelspec(tmp_path, monkeypatch):
    """Return a function that puts a kernel `python3` of one's own before the environment's."""

    def install(*argv):
        folder = tmp_path / "kernels" / "python3"
        folder.mkdir(parents=True)
        spec = {
            "argv": [*argv, "-f", "{connection_file}"],
            "display_name": "x",
            "language": "python",
        }
        (folder / "kernel.json").write_text(json.dumps(spec))
        monkeypatch.setenv("JUPYTER_PATH", os.fspath(tmp_path))

    return install


def test_a_kernel_that_dies(kernelspec):
    kernelspec(sys.executable, "-c", "import no_such_kernel")
    assert "No module named 'no_such_kernel'" in told("kernel")


def test_a_kernel_of_another_python(kernelspec):
    kernelspec(
        sys.executable,
        "-c",
        "import sys; from ipykernel.kernelapp import launch_new_instance; "
        "sys.prefix = '/elsewhere'; launch_new_instance()",
    )
    assert "is another Python's: /elsewhere" in told("kernel")


def test_no_jupyter(monkeypatch):
    monkeypatch.setitem(sys.modules, "jupyter_client.manager", None)
    assert "jupyter_client.manager is missing" in told("kernel")


def test_no_tensorflow_to_train_with(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)
    assert "keras is missing" in told("ten steps")


def test_a_loss_that_does_not_fall(monkeypatch):
    import keras

    class Uphill(keras.optimizers.SGD):
        def apply_gradients(self, pairs):
            return super().apply_gradients([(-gradient, variable) for gradient, variable in pairs])

    monkeypatch.setattr(keras.optimizers, "Adam", Uphill)
    assert "the loss should fall" in told("ten steps")


def test_a_slow_machine(monkeypatch):
    monkeypatch.setattr(software, "LOOP_LIMIT", 0)
    line = preflight.answer("ten steps")
    assert line.ok
    assert "OK: slow" in str(line)


def test_whatever_else_goes_wrong_is_a_line_too(monkeypatch):
    monkeypatch.setattr(socket, "socket", lambda: (_ for _ in ()).throw(PermissionError("no nets")))
    assert "PermissionError" in told("port")


def test_exit_status_for_scripts(tmp_path):
    command = [sys.executable, "-m", "utils.preflight"]
    well = subprocess.run(command, capture_output=True, text=True)
    assert (well.returncode, well.stdout.splitlines()[-1]) == (0, "Ready."), well.stdout
    assert len(well.stdout.splitlines()) == len(preflight.CHECKS) + 1
    (tmp_path / "file").touch()
    sick = os.environ | {"LOSS_AND_FOUND_STATE": os.fspath(tmp_path / "file" / "below")}
    ill = subprocess.run(command, capture_output=True, text=True, env=sick)
    assert (ill.returncode, ill.stdout.splitlines()[-1]) == (1, "1 thing to do first."), ill.stdout
