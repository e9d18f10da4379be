"""A simulated class on one server: real JupyterHub, real kernels, learners that are a program.

``python -m classroom.simulate --learners 1,5,10`` starts a Hub of its own on 127.0.0.1 with the
course's configuration and a folder that is thrown away afterwards. For each class size the
learners' servers are started at once, each opens a lesson in its own copy and runs every cell:
as fast as the machine goes, or with a pause between cells (``--think 20``). Then all is stopped.

It prints, for each size: seconds until all servers answered; seconds for all cells (median and
slowest learner); seconds of one core that a learner's server and kernel used; their memory as
proportional set size (shared pages are divided among those that share them); and the memory that
the machine has left. The times depend on what else the machine does, the core's seconds and
the memory hardly. It stops when less than ``--reserve`` GiB would be left, or after ``--limit``
seconds for one size.
"""

import argparse
import asyncio
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from classroom.client import Hub, Learner, free_port

CONFIG = Path(__file__).with_name("jupyterhub_config.py")
ROUGHLY_ONE = 0.5  # GiB; what one more learner takes, for the question whether there is room

_CONFIG = """
load_subconfig({config!r})
c = get_config()
c.JupyterHub.services = [{{"name": "simulation", "api_token": {token!r}}}]
c.JupyterHub.load_roles = [
    {{
        "name": "simulation",
        "scopes": ["admin:users", "admin:servers", "access:servers", "list:users"],
        "services": ["simulation"],
    }}
]
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub_port}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy_port}"
"""


@contextmanager
def hub(folder: Path, **environment: str):
    """Run a Hub on free ports of 127.0.0.1 in an empty folder; stop it and its servers at the end.

    Yields
    ------
    Hub
    """
    token = secrets.token_hex(16)
    ports = {"port": free_port(), "hub_port": free_port(), "proxy_port": free_port()}
    file = folder / "simulated_config.py"
    file.write_text(_CONFIG.format(config=str(CONFIG), token=token, **ports), encoding="utf-8")
    log = folder / "hub.log"
    environment = os.environ | {"LOSS_AND_FOUND_HUB": str(folder)} | environment
    with open(log, "wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", f"--config={file}"],
            cwd=folder,
            env=environment,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Hub(f"http://127.0.0.1:{ports['port']}", token, process, log)
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()


@dataclass
class Figures:
    """What one class size cost."""

    learners: int
    start: list[float] = field(default_factory=list)  # seconds until a server answered
    run: list[float] = field(default_factory=list)  # seconds for all cells, without the pauses
    slowest_cell: float = 0.0  # seconds
    server: list["Cost"] = field(default_factory=list)
    kernel: list["Cost"] = field(default_factory=list)
    left: float = 0.0  # GiB
    errors: list[str] = field(default_factory=list)

    HEADER = (
        "          start   all cells (s)     slowest    core s a learner   MiB a learner     GiB\n"
        "learners  all (s) median  slowest   cell (s)   server  kernel     server  kernel    left"
        "  errors"
    )

    def __str__(self) -> str:
        means = [
            statistics.mean(getattr(cost, what) for cost in costs)
            for what in ("core_seconds", "mebibytes")
            for costs in (self.server, self.kernel)
        ]
        return (
            f"{self.learners:8d}  {max(self.start):7.0f} {statistics.median(self.run):6.0f}"
            f"  {max(self.run):7.0f}   {self.slowest_cell:8.0f}"
            f"   {means[0]:6.1f}  {means[1]:6.1f}     {means[2]:6.0f}  {means[3]:6.0f}"
            f"  {self.left:6.1f}  {len(self.errors):6d}"
        )


@dataclass
class Cost:
    """What processes took."""

    core_seconds: float = 0.0
    mebibytes: float = 0.0  # proportional set size

    def add(self, process: psutil.Process) -> None:
        """Add what one process has taken so far.

        Raises
        ------
        LookupError
            If this operating system does not tell.
        """
        times = process.cpu_times()
        self.core_seconds += times.user + times.system
        rollup = Path(f"/proc/{process.pid}/smaps_rollup")
        if not rollup.exists():
            raise LookupError("proportional set sizes are told by Linux alone")
        for line in rollup.read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                self.mebibytes += int(line.split()[1]) / 1024


def cost(name: str, hub_pid: int) -> tuple[Cost, Cost]:
    """Return what a learner's server and its kernels have taken so far.

    Raises
    ------
    LookupError
        If no server of this learner runs under the Hub.
    """
    for process in psutil.Process(hub_pid).children():
        if process.environ().get("JUPYTERHUB_USER") == name:
            server, kernels = Cost(), Cost()
            server.add(process)
            for kernel in process.children(recursive=True):
                kernels.add(kernel)
            return server, kernels
    raise LookupError(f"no server of {name} is running")


async def one_size(hub: Hub, count: int, lesson: str, think: float) -> Figures:
    """Let `count` learners start at once, run a lesson and stop; return what it cost."""
    learners = [Learner(hub, f"learner{k:02d}") for k in range(count)]
    figures = Figures(count)
    try:
        figures.start = list(await asyncio.gather(*(each.start() for each in learners)))
        results = await asyncio.gather(*(each.run(lesson, think) for each in learners))
        figures.run = [result.seconds for result in results]
        figures.slowest_cell = max(result.slowest for result in results)
        figures.errors = [error for result in results for error in result.errors]
        figures.left = available()
        for each in learners:
            server, kernel = cost(each.name, hub.process.pid)
            figures.server.append(server)
            figures.kernel.append(kernel)
    finally:
        await asyncio.gather(*(each.stop() for each in learners), return_exceptions=True)
    return figures


async def within(work, seconds: float, reserve: float):
    """Await `work` as long as the machine keeps memory in reserve; return its result.

    Parameters
    ----------
    work : coroutine
    seconds : float
        How long it may take.
    reserve : float
        GiB that must stay available.

    Raises
    ------
    TimeoutError, MemoryError
        If either is used up. The work is cancelled first and its servers are stopped.
    """
    task = asyncio.ensure_future(work)
    until = time.monotonic() + seconds
    while not (await asyncio.wait([task], timeout=1))[0]:
        short = available() < reserve
        if short or time.monotonic() > until:
            task.cancel()
            await asyncio.wait([task])
            if short:
                raise MemoryError(f"less than {reserve:g} GiB of memory were left")
            raise TimeoutError(f"not done after {seconds:g} s")
    return task.result()


def available() -> float:
    """Return the memory that the machine can still give, in GiB."""
    return psutil.virtual_memory().available / 2**30


async def simulate(options) -> int:
    """Run every class size on a fresh Hub; return the exit status."""
    print(f"{options.lesson}, {options.think:g} s between cells, {os.cpu_count()} cores")
    print(Figures.HEADER, flush=True)
    failed = 0
    for count in options.learners:
        free = available()
        if free - count * ROUGHLY_ONE < options.reserve:
            print(f"{count:8d}  not tried: {free:.1f} GiB are free", flush=True)
            break
        with (
            tempfile.TemporaryDirectory(prefix="class-") as folder,
            hub(Path(folder), LOSS_AND_FOUND_PLACES=str(count)) as running,
        ):
            await running.ready()
            work = one_size(running, count, options.lesson, options.think)
            figures = await within(work, options.limit, options.reserve)
        failed += len(figures.errors)
        print(figures, flush=True)
        for error, times in Counter(figures.errors).items():
            print(f"{times:8d}  {error}", flush=True)
    return bool(failed)


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m classroom.simulate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    sizes = lambda text: [int(part) for part in text.split(",")]  # noqa: E731
    parser.add_argument("--learners", type=sizes, default=[1, 5, 10], help="class sizes: 1,5,10")
    parser.add_argument("--lesson", default="03_double_softmax")
    parser.add_argument("--think", type=float, default=0.0, help="mean pause between cells, s")
    parser.add_argument("--reserve", type=float, default=3.0, help="GiB to leave free")
    parser.add_argument("--limit", type=float, default=540.0, help="most seconds for one size")
    return asyncio.run(simulate(parser.parse_args(argv)))


if __name__ == "__main__":
    sys.exit(main())
