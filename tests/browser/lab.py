"""A learner's hands and eyes in JupyterLab: opens a notebook, runs it, types, reads."""

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START_LIMIT = 90  # seconds for the server to answer
RUN_LIMIT = 240_000  # milliseconds for one notebook

_NOTEBOOK = "window.jupyterapp.shell.currentWidget"
_IDLE = f"""() => {{
  const panel = {_NOTEBOOK};
  const kernel = panel.sessionContext.session?.kernel;
  const cells = [...panel.content.model.cells].filter(cell => cell.type === 'code');
  return kernel?.status === 'idle' && cells.every(
    cell => cell.executionCount !== null && cell.executionState !== 'running');
}}"""


@contextlib.contextmanager
def serve(course: Path, state: Path):
    """Start JupyterLab in a copy of the course, as README does; yield its address.

    Parameters
    ----------
    course : Path
        Holds ``lessons/`` and ``jupyter_lab_config.py``.
    state : Path
        Takes the place of everything that Jupyter and the course keep in the user's folders.

    Raises
    ------
    RuntimeError
        If the server does not answer; the text holds the end of its log.
    """
    port, token = _free_port(), secrets.token_hex(16)
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    folders = {name: str(state / name.lower()) for name in names}
    places = folders | {"LOSS_AND_FOUND_STATE": str(state / "progress")}
    options = ["--no-browser", f"--port={port}", f"--IdentityProvider.token={token}"]
    command = [sys.executable, "-m", "jupyter", "lab", "--config=jupyter_lab_config.py", *options]
    log = state / "server.log"
    with log.open("w", encoding="utf-8") as out:
        server = subprocess.Popen(
            [*command, "--LabApp.expose_app_in_browser=True"],
            cwd=course,
            env=os.environ | places,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/api?token={token}", server, log)
        yield address, token
    finally:
        server.terminate()
        server.wait(30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(url, server, log) -> None:
    end = time.monotonic() + START_LIMIT
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.3)
    told = log.read_text(encoding="utf-8", errors="replace")[-2000:]
    raise RuntimeError(f"JupyterLab did not answer. Its log ends with:\n{told}")


class Lab:
    """One browser tab with JupyterLab in it.

    Attributes
    ----------
    foreign : list of str
        Addresses off this machine that the page asked for.
    errors : list of str
        What the page wrote to the console as an error, and exceptions nobody caught.
    """

    def __init__(self, page, address: str, token: str):
        self.page, self.address, self.token = page, address, token
        self.foreign, self.errors = [], []
        for kind in ("request", "websocket"):
            page.on(kind, lambda asked: self._note(asked.url))
        page.on("console", lambda m: m.type == "error" and self.errors.append(m.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _note(self, url: str) -> None:
        here = self.address.split("://")[1]
        if not url.startswith((f"http://{here}", f"ws://{here}", "data:", "blob:", "about:")):
            self.foreign.append(url)

    def start(self) -> str:
        """Open the address that README's command opens; return the notebook's path it shows."""
        self.page.goto(f"{self.address}/?token={self.token}")
        self._ready()
        return self.page.evaluate(f"() => {_NOTEBOOK}.context.path")

    def open(self, path: str) -> None:
        """Open a notebook, alone, and wait until its kernel answers."""
        # A workspace of its own: JupyterLab would bring back the notebook opened before, and
        # what follows could meet that one.
        workspace = f"lab/workspaces/{secrets.token_hex(4)}"
        self.page.goto(f"{self.address}/{workspace}/tree/{path}?token={self.token}")
        self._ready()

    def _ready(self) -> None:
        self.page.wait_for_function(
            f"() => window.jupyterapp && {_NOTEBOOK}?.context?.isReady"
            f" && {_NOTEBOOK}.sessionContext.session?.kernel?.status === 'idle'",
            timeout=RUN_LIMIT,
        )

    def command(self, name: str, **arguments) -> None:
        """Run a command of JupyterLab, as a menu entry does."""
        self.page.evaluate(
            "([name, args]) => window.jupyterapp.commands.execute(name, args)", [name, arguments]
        )

    def run_all(self) -> None:
        """Run every cell, and wait for the last."""
        self.page.evaluate(
            f"""async () => {{
              const app = window.jupyterapp, panel = {_NOTEBOOK};
              app.shell.activateById(panel.id);
              for (const cell of panel.content.model.cells)
                if (cell.type === 'code') cell.executionCount = null;
              app.commands.execute('notebook:run-all-cells');
            }}"""
        )
        self.page.wait_for_function(_IDLE, timeout=RUN_LIMIT)

    def cells(self) -> list[dict]:
        """Return the notebook's cells with their outputs, in the form of the file."""
        return self.page.evaluate(f"() => {_NOTEBOOK}.content.model.toJSON().cells")

    def theme(self, name: str) -> None:
        """Change the theme: "Light" or "Dark"."""
        self.command("apputils:change-theme", theme=f"JupyterLab {name}")
        self.page.wait_for_function(
            "name => document.body.dataset.jpThemeName === name", arg=f"JupyterLab {name}"
        )

    def cell(self, cell_id: str):
        """Make a cell the active one, in sight; return its element."""
        self.page.evaluate(
            f"""async id => {{
              const notebook = {_NOTEBOOK}.content;
              const index = [...notebook.model.cells].findIndex(cell => cell.id === id);
              notebook.activeCellIndex = index;
              await notebook.scrollToItem(index, 'center');
            }}""",
            cell_id,
        )
        return self.page.locator(".jp-Notebook .jp-Cell.jp-mod-active")

    def attach_every_cell(self) -> int:
        """Put every cell into the page, those out of sight too; return how many there are."""
        return self.page.evaluate(
            f"""async () => {{
              const notebook = {_NOTEBOOK}.content;
              notebook.notebookConfig = {{...notebook.notebookConfig, windowingMode: 'none'}};
              const enough = new Promise(resolve => setTimeout(resolve, 60000));
              await Promise.race([enough, Promise.all(notebook.widgets.map(cell => cell.ready))]);
              return document.querySelectorAll('.jp-Notebook .jp-Cell').length;
            }}"""
        )

    def type_over(self, cell_id: str, line: str, typed: str) -> str:
        """Replace one line of a cell by typing, run the cell, and return what it shows."""
        cell = self.cell(cell_id)
        cell.locator(".cm-line", has_text=line).first.click()
        self.page.keyboard.press("Home")
        self.page.keyboard.press("Shift+End")
        self.page.keyboard.type(typed)
        self.page.keyboard.press("Control+Enter")
        self.page.wait_for_function(_IDLE, timeout=RUN_LIMIT)
        return cell.locator(".jp-OutputArea-output").last.inner_text()
