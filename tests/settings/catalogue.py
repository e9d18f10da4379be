"""The settings under which every notebook must give the stored outputs.

Each says what it covers, and holds the means: environment variables, a Python
version, or a place to run in. `proof` asks, inside the setting, whether the
means took hold: a setting that does not act would pass for nothing.
"""

import os
import platform
from dataclasses import dataclass, field

LINUX_X86 = ("Linux-x86_64",)
EVERYWHERE = ("Linux-x86_64", "Linux-aarch64", "Darwin-arm64", "Windows-AMD64")
NOT_WINDOWS = EVERYWHERE[:3]


@dataclass(frozen=True)
class Setting:
    """One way to run the notebooks.

    Attributes
    ----------
    name : str
    covers : str
        What acts, and what does not.
    environment : dict
        Variables for the runner and the kernels.
    python : str
        A version, for an environment of its own from the lock; empty for the running interpreter.
    place : str
        "here", "elsewhere", "read-only" or "offline"; see `places`.
    proofs : tuple of str
        Functions of `proof`.
    systems : tuple of str
        "System-machine" as the module `platform` says them.
    """

    name: str
    covers: str
    environment: dict[str, str] = field(default_factory=dict)
    python: str = ""
    place: str = "here"
    proofs: tuple[str, ...] = ()
    systems: tuple[str, ...] = EVERYWHERE

    @property
    def fits(self) -> bool:
        """Whether this system has what the setting varies."""
        return f"{platform.system()}-{platform.machine()}" in self.systems


def threads(count: int) -> dict[str, str]:
    """Return the variables that give TensorFlow, BLAS and OpenMP so many threads each."""
    names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
    return dict.fromkeys((*names, "OPENBLAS_NUM_THREADS"), str(count))


def cap(onednn: str, xla: str, numpy: str, openblas: str, glibc: str = "") -> dict[str, str]:
    """Return the variables that cap the instructions of the libraries that choose at run time."""
    capped = {
        "ONEDNN_MAX_CPU_ISA": onednn,
        # XLA_FLAGS of the caller stay: the last of two equal flags counts.
        "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_max_isa={xla}".strip(),
        "NPY_DISABLE_CPU_FEATURES": numpy,
        "OPENBLAS_CORETYPE": openblas,
    }
    return capped | ({"GLIBC_TUNABLES": f"glibc.cpu.hwcaps={glibc}"} if glibc else {})


_AVX512 = "X86_V4 AVX512_ICL AVX512_SPR"

SETTINGS = (
    Setting(
        "isa-sse",
        "no AVX in oneDNN (TensorFlow's matrix products too, oneDNN off), XLA, NumPy, OpenBLAS "
        "and the C library's exp, log and sin; TensorFlow's other kernels are compiled for AVX",
        cap("SSE41", "SSE4_2", f"X86_V3 {_AVX512}", "Nehalem", "-AVX,-AVX2,-FMA,-FMA4,-AVX512F"),
        proofs=("onednn_isa", "numpy_isa", "openblas_core", "xla_isa", "glibc_isa"),
        systems=LINUX_X86,
    ),
    Setting(
        "onednn-on",
        "TensorFlow's oneDNN kernels, which the course switches off",
        {"TF_ENABLE_ONEDNN_OPTS": "1"},
        proofs=("onednn_switch",),
        systems=LINUX_X86,
    ),
    Setting("python-3.13", "the lock on Python 3.13", python="3.13", proofs=("python",)),
    Setting(
        "threads-1",
        "one thread in each pool of TensorFlow, OpenBLAS and OpenMP",
        threads(1),
        proofs=("pools",),
    ),
    Setting("threads-16", "sixteen threads in each of these pools", threads(16), proofs=("pools",)),
    Setting(
        "isa-avx2",
        "AVX2 at most in oneDNN, XLA, NumPy and OpenBLAS",
        cap("AVX2", "AVX2", _AVX512, "Haswell"),
        proofs=("onednn_isa", "numpy_isa", "openblas_core"),
        systems=LINUX_X86,
    ),
    Setting(
        "offline",
        "a network namespace with a loopback interface and no route",
        place="offline",
        proofs=("no_route",),
        systems=EVERYWHERE[:2],
    ),
    Setting(
        "read-only",
        "a checkout that nobody can write to: mounted read-only on Linux, a copy without write "
        "permission elsewhere",
        place="read-only",
        proofs=("no_writing",),
        systems=NOT_WINDOWS,
    ),
    Setting(
        "elsewhere",
        "a copy under a path with a space and an accent; kernels work in an empty folder",
        place="elsewhere",
        proofs=("another_place",),
    ),
    Setting("python-3.12", "the lock on Python 3.12", python="3.12", proofs=("python",)),
    Setting("python-3.11", "the lock on Python 3.11", python="3.11", proofs=("python",)),
    Setting(
        "onednn-off",
        "as the course runs: oneDNN kernels off, all instructions, a thread for each core",
        {"TF_ENABLE_ONEDNN_OPTS": "0"},
        proofs=("onednn_switch",),
    ),
)


def choose(names: list[str]) -> list[Setting]:
    """Return the settings with these names, in the catalogue's order; for none, all that fit here.

    Raises
    ------
    SystemExit
        If a name is unknown, or the setting cannot be had on this system.
    """
    known = {setting.name: setting for setting in SETTINGS}
    for name in names:
        if name not in known:
            raise SystemExit(f"There is no setting {name!r}; there are: {', '.join(known)}.")
        if not known[name].fits:
            raise SystemExit(f"{name} needs one of {', '.join(known[name].systems)}.")
    return [s for s in SETTINGS if (s.name in names if names else s.fits)]
