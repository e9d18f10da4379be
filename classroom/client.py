"""A learner as a program: the Hub's API, the contents API and a kernel's channels."""

import asyncio
import json
import random
import socket
import subprocess
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

PATIENCE = 600.0  # seconds for any one request


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Hub:
    """A running Hub and the token of a service that may act for every learner."""

    url: str
    token: str
    process: subprocess.Popen
    log: Path

    def __post_init__(self):
        AsyncHTTPClient.configure(None, max_clients=1000)

    async def ready(self, seconds: float = 120.0) -> None:
        """Wait until the Hub answers.

        Raises
        ------
        RuntimeError
            If it ended or did not answer in time; with the end of its log.
        """
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.process.poll() is None:
            try:
                await self.request("GET", "/hub/api/")
                return
            except (OSError, HTTPClientError):
                await asyncio.sleep(0.3)
        raise RuntimeError("the Hub did not start:\n" + self.log.read_text("utf-8")[-3000:])

    async def request(self, method: str, path: str, body: dict | None = None):
        """Send one request with the service's token; return the decoded answer, None if empty."""
        response = await AsyncHTTPClient().fetch(
            HTTPRequest(
                self.url + path,
                method,
                {"Authorization": f"token {self.token}"},
                body=None if body is None else json.dumps(body),
                allow_nonstandard_methods=True,
                request_timeout=PATIENCE,
            )
        )
        return json.loads(response.body) if response.body else None


@dataclass
class Run:
    """What running a notebook gave."""

    seconds: float = 0.0  # in cells, pauses not counted
    slowest: float = 0.0
    errors: list[str] = field(default_factory=list)


@dataclass
class Learner:
    """One learner of a Hub."""

    hub: Hub
    name: str

    @property
    def base(self) -> str:
        return f"/user/{self.name}/api"

    async def start(self) -> float:
        """Ask for a server and wait for it; return the seconds it took.

        Raises
        ------
        tornado.httpclient.HTTPClientError
            With code 429 if all places are taken.
        """
        begun = time.monotonic()
        users = f"/hub/api/users/{self.name}"
        try:
            await self.hub.request("POST", users)
        except HTTPClientError as error:
            if error.code != 409:  # there already
                raise
        await self.hub.request("POST", f"{users}/server", {})
        while not (await self.hub.request("GET", users))["servers"].get("", {}).get("ready"):
            if time.monotonic() - begun > PATIENCE:
                raise TimeoutError(f"the server of {self.name} did not start")
            await asyncio.sleep(0.3)
        return time.monotonic() - begun

    async def stop(self) -> None:
        """Stop the server and wait until it is gone."""
        users = f"/hub/api/users/{self.name}"
        await self.hub.request("DELETE", f"{users}/server")
        until = time.monotonic() + 60
        while (await self.hub.request("GET", users))["servers"] and time.monotonic() < until:
            await asyncio.sleep(0.3)

    async def notebook(self, path: str) -> dict:
        """Return a notebook's content from the learner's home."""
        return (await self.hub.request("GET", f"{self.base}/contents/{path}"))["content"]

    async def save(self, path: str, content: dict) -> None:
        """Save a notebook, as JupyterLab does."""
        body = {"type": "notebook", "format": "json", "content": content}
        await self.hub.request("PUT", f"{self.base}/contents/{path}", body)

    async def run(self, lesson: str, think: float = 0.0) -> Run:
        """Open a lesson with a kernel, run its code cells one after the other, and save it.

        Parameters
        ----------
        lesson : str
            Name of the notebook without its suffix.
        think : float
            Mean pause before a cell, in seconds; exponentially distributed.
        """
        path = f"lessons/{lesson}.ipynb"
        content = await self.notebook(path)
        kernel = await self.open_kernel(path)
        result = Run()
        try:
            for cell in content["cells"]:
                if cell["cell_type"] != "code":
                    continue
                if think:
                    await asyncio.sleep(random.expovariate(1 / think))
                begun = time.monotonic()
                reply = await kernel.execute(cell["source"])
                seconds = time.monotonic() - begun
                result.seconds += seconds
                result.slowest = max(result.slowest, seconds)
                if reply["status"] != "ok":
                    result.errors.append(f"{reply.get('ename')}: {reply.get('evalue')}")
        finally:
            kernel.close()
        await self.save(path, content)
        return result

    async def open_kernel(self, path: str) -> "Kernel":
        """Start a kernel for a notebook and connect to it."""
        session = await self.hub.request(
            "POST",
            f"{self.base}/sessions",
            {"path": path, "name": path, "type": "notebook", "kernel": {"name": "python3"}},
        )
        address = f"{self.hub.url}{self.base}/kernels/{session['kernel']['id']}/channels"
        socket = await websocket_connect(
            HTTPRequest(
                address.replace("http", "ws", 1),
                headers={"Authorization": f"token {self.hub.token}"},
            ),
            max_message_size=2**28,
        )
        return Kernel(socket)


class KernelDied(Exception):
    """The kernel is gone: what Jupyter tells a learner in a dialog."""


class Kernel:
    """A kernel behind a WebSocket, one cell at a time."""

    def __init__(self, socket):
        self.socket = socket

    async def execute(self, code: str) -> dict:
        """Run one cell; return the content of the kernel's reply.

        Raises
        ------
        KernelDied
            If the kernel restarts or the connection closes meanwhile.
        """
        id = uuid.uuid4().hex
        header = {
            "msg_id": id,
            "msg_type": "execute_request",
            "username": "",
            "session": id,
            "version": "5.4",
            "date": "",
        }
        content = {"code": code, "silent": False, "store_history": True, "stop_on_error": True}
        message = {
            "header": header,
            "parent_header": {},
            "metadata": {},
            "content": content | {"allow_stdin": False, "user_expressions": {}},
            "channel": "shell",
            "buffers": [],
        }
        await self.socket.write_message(json.dumps(message))
        while True:
            raw = await asyncio.wait_for(self.socket.read_message(), PATIENCE)
            if raw is None:
                raise KernelDied("the connection was closed")
            answer = json.loads(raw)
            if answer["msg_type"] == "status":
                state = answer["content"]["execution_state"]
                if state in ("restarting", "autorestarting", "dead"):
                    raise KernelDied(f"the kernel is {state}")
            if answer["msg_type"] == "execute_reply" and answer["parent_header"]["msg_id"] == id:
                return answer["content"]

    def close(self) -> None:
        """Leave the kernel; it goes on, as when a browser's tab is closed."""
        self.socket.close()
