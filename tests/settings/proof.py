"""Ask, inside a setting, whether it took hold: ``python -m tests.settings.proof pools …``.

Each proof raises AssertionError, with what was seen, if its setting does not act.
"""

import utils

import hashlib
import math
import os
import re
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

PYTHON = "LOSS_AND_FOUND_PYTHON"  # what the runner asked for
_CAPS = {"SSE41": "Intel SSE4.1", "AVX2": "Intel AVX2"}
_LIBM = "-c", "from tests.settings import proof; print(proof.libm())"


def python() -> None:
    """The interpreter has the version that was asked for."""
    found, wanted = "{}.{}".format(*sys.version_info), os.environ[PYTHON]
    assert found == wanted, f"Python {found} runs, {wanted} was asked for"


def pools() -> None:
    """Thread pools have the size that was asked for."""
    import psutil
    import sklearn.linear_model  # noqa: F401  (brings OpenBLAS and OpenMP)
    import threadpoolctl

    wanted = int(os.environ["TF_NUM_INTRAOP_THREADS"])
    pools = {p["internal_api"]: p["num_threads"] for p in threadpoolctl.threadpool_info()}
    # OpenBLAS takes no more threads than there are cores.
    expected = {"openmp": wanted, "openblas": min(wanted, os.cpu_count())}
    assert pools.items() <= expected.items(), f"{pools}, {wanted} threads were asked for"
    before = psutil.Process().num_threads()
    _product()
    started = psutil.Process().num_threads() - before
    enough = started >= wanted if wanted > 1 else started <= 4
    assert enough, f"TensorFlow started {started} threads, {wanted} in each pool were asked for"


def onednn_switch() -> None:
    """oneDNN's kernels are on or off as asked for."""
    import tensorflow  # noqa: F401
    from tensorflow.python.util import _pywrap_util_port

    on = _pywrap_util_port.IsMklEnabled()
    assert on == (os.environ["TF_ENABLE_ONEDNN_OPTS"] == "1"), f"oneDNN on: {on}"


def onednn_isa() -> None:
    """oneDNN says which instructions it uses, and that it computed a matrix product."""
    wanted = _CAPS[os.environ["ONEDNN_MAX_CPU_ISA"]]
    told = _told({"ONEDNN_VERBOSE": "1"}, "from tests.settings import proof; proof._product()")
    found = re.findall(r"isa:(.+)", told)
    assert found == [wanted], f"oneDNN uses {found}, {wanted} was asked for"
    assert "exec,cpu,gemm" in told, "TensorFlow's matrix product did not go through oneDNN"


def numpy_isa() -> None:
    """NumPy uses none of the instructions that were taken from it."""
    import numpy as np

    found = set(np.show_config(mode="dicts")["SIMD Extensions"].get("found", []))
    left = found & set(os.environ["NPY_DISABLE_CPU_FEATURES"].split())
    assert not left, f"NumPy still uses {sorted(left)}"


def openblas_core() -> None:
    """OpenBLAS runs the kernels of the processor that was asked for."""
    import sklearn.linear_model  # noqa: F401
    import threadpoolctl

    wanted = os.environ["OPENBLAS_CORETYPE"]
    found = {p["architecture"] for p in threadpoolctl.threadpool_info() if "architecture" in p}
    assert found == {wanted}, f"OpenBLAS runs for {sorted(found)}, {wanted} was asked for"


def xla_isa() -> None:
    """XLA compiles no AVX register into its code for the machine."""
    with tempfile.TemporaryDirectory() as folder:
        flags = f"{os.environ['XLA_FLAGS']} --xla_dump_to={folder} --xla_dump_hlo_as_text"
        _told({"XLA_FLAGS": flags}, "from tests.settings import proof; proof._compiled()")
        widths = set()
        for path in Path(folder).glob("*ir-with-opt.ll"):
            widths |= set(re.findall(r"<(\d+) x float>", path.read_text(encoding="utf-8")))
    assert widths, "XLA wrote no vector code to look at"
    assert max(map(int, widths)) <= 4, f"XLA uses vectors of {sorted(widths)} floats"


def glibc_isa() -> None:
    """The C library's exp gives other last digits than without the cap."""
    environment = {k: v for k, v in os.environ.items() if k != "GLIBC_TUNABLES"}
    free = subprocess.run(
        [sys.executable, *_LIBM], env=environment, capture_output=True, text=True, check=True
    ).stdout.strip()
    assert libm() != free, "exp gives the same digits with and without the cap"


def no_route() -> None:
    """No address outside this machine can be reached; nothing is sent to find out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # TEST-NET-1; connecting a datagram socket sends none
        except OSError:
            return
    raise AssertionError("there is a route to 192.0.2.1")


def no_writing() -> None:
    """A file in the checkout cannot be made."""
    probe = _checkout() / "probe"
    try:
        probe.write_text("", encoding="ascii")
    except OSError:
        return
    probe.unlink()
    raise AssertionError(f"{_checkout()} can be written to")


def another_place() -> None:
    """The checkout's path holds a space and a letter beyond ASCII."""
    path = str(_checkout())
    assert " " in path, path
    assert not path.isascii(), path


def libm() -> str:
    """Return a digest of the C library's exp on fixed arguments."""
    digest = hashlib.sha256()
    for k in range(1, 20001):
        digest.update(math.exp(k / 401).hex().encode())
    return digest.hexdigest()


def _checkout() -> Path:
    return Path(utils.__file__).resolve().parents[1]


def _product() -> None:
    import tensorflow as tf

    x = tf.ones((300, 300))
    tf.matmul(x, x).numpy()


def _compiled() -> None:
    import tensorflow as tf

    x = tf.ones((300, 300))
    tf.function(lambda: tf.tanh(x * 0.5) + tf.exp(x), jit_compile=True)().numpy()


def _told(extra: dict[str, str], code: str) -> str:
    """Run Python with more variables; return what it wrote to standard output."""
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **extra}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-500:]
    return done.stdout


if __name__ == "__main__":
    for proof_name in sys.argv[1:]:
        try:
            globals()[proof_name]()
        except AssertionError as error:
            sys.exit(f"{proof_name}: {error}")
