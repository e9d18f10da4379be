"""A class on one server: a real Hub on 127.0.0.1, two places, three learners."""

import asyncio
import importlib.util
import json
import re
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

import psutil
import pytest

from classroom.client import Learner
from classroom.simulate import cost, hub

CLASSROOM = Path(__file__).resolve().parents[2] / "classroom"
PROXY = CLASSROOM / "node_modules" / ".bin" / "configurable-http-proxy"

if importlib.util.find_spec("jupyterhub") is None:
    pytest.skip(
        "JupyterHub is not installed: `python -m uv sync --group classroom`",
        allow_module_level=True,
    )
if not PROXY.exists():
    pytest.skip(
        "the Hub's proxy is not installed: `npm ci --prefix classroom`", allow_module_level=True
    )

LESSON = "lessons/03_double_softmax.ipynb"
TOO_MUCH = "import numpy as np\nnp.ones(10**9)  # 7.5 GiB"
RECORD = 'from utils import exercises\nexercises.get("03-b").check(("A", 1.0))'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("hub")


@pytest.fixture(scope="module")
def running(folder):
    """A Hub with two places, both taken: by anna and ben."""
    with hub(folder, LOSS_AND_FOUND_PLACES="2") as hub_:

        async def begin():
            await hub_.ready()
            await asyncio.gather(Learner(hub_, "anna").start(), Learner(hub_, "ben").start())

        asyncio.run(begin())
        yield hub_


class Browser:
    """A learner's browser, as far as logging in and asking for a server need one."""

    def __init__(self, url: str):
        self.url, self.cookies = url, CookieJar()
        self.opener = build_opener(HTTPCookieProcessor(self.cookies))

    def open(self, path: str, form: dict | None = None) -> tuple[int, str]:
        data = None if form is None else urlencode(form).encode()
        try:
            with self.opener.open(self.url + path, data, timeout=60) as page:
                return page.status, page.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()

    def log_in(self, name: str, password: str) -> tuple[int, str]:
        _, page = self.open("/hub/login")
        token = re.search(r'name="_xsrf" value="([^"]+)"', page).group(1)
        return self.open(
            "/hub/login?next=%2Fhub%2Fspawn",
            {"_xsrf": token, "username": name, "password": password},
        )


def test_each_learner_has_a_copy_of_every_lesson(running, folder):
    for name in ("anna", "ben"):
        mine = folder / "homes" / name / "lessons"
        assert {p.name: p.read_bytes() for p in mine.iterdir() if p.is_file()} == {
            p.name: p.read_bytes() for p in (CLASSROOM.parent / "lessons").glob("*.ipynb")
        }


def test_a_full_house_says_so_and_what_to_do(running, folder):
    password = (folder / "password").read_text(encoding="ascii")
    status, page = Browser(running.url).log_in("clara", password)
    assert status == 429
    text = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert "All places are taken This server has room for 2 learners at a time" in text
    assert "Your notebooks and your progress are safe" in text
    assert "Active user limit exceeded" not in text


def test_a_wrong_password_opens_nothing(running):
    status, page = Browser(running.url).log_in("clara", "guessed")
    assert status == 403
    assert "Invalid username or password" in page


def test_too_much_memory_costs_the_cell_not_the_kernel(running):
    async def use():
        kernel = await Learner(running, "anna").open_kernel(LESSON)
        replies = [await kernel.execute(code) for code in ("kept = 1", TOO_MUCH, "assert kept")]
        kernel.close()
        return replies

    before, greedy, after = asyncio.run(use())
    assert (before["status"], after["status"]) == ("ok", "ok")
    assert greedy["ename"].endswith("MemoryError")
    assert "Unable to allocate 7.45 GiB" in greedy["evalue"]


def test_progress_and_work_are_each_learners_own_and_outlive_the_server(running, folder):
    async def use():
        anna = Learner(running, "anna")
        kernel = await anna.open_kernel(LESSON)
        assert (await kernel.execute(RECORD))["status"] == "ok"
        kernel.close()
        notebook = await anna.notebook(LESSON)
        notebook["cells"][0]["source"] = "my own title"
        await anna.save(LESSON, notebook)
        await anna.stop()
        await anna.start()
        return await anna.notebook(LESSON)

    again = asyncio.run(use())
    assert again["cells"][0]["source"] == "my own title"
    journals = list(folder.glob("homes/*/.local/share/loss-and-found/progress.jsonl"))
    assert [j.relative_to(folder).parts[1] for j in journals] == ["anna"]
    assert json.loads(journals[0].read_text(encoding="utf-8"))["status"] == "incorrect"


def test_servers_leave_out_what_no_lesson_uses(running):
    log = running.log.read_text(encoding="utf-8")
    linked = set(re.findall(r"(\S+) \| extension was successfully linked", log))
    assert "jupyterlab" in linked
    assert not {name for name in linked if name.startswith("nbgrader") or name == "jupyter_lsp"}
    assert cost("ben", running.process.pid)[0].mebibytes > 20


def test_stopping_the_hub_leaves_no_server_behind(tmp_path):
    async def begin(hub_):
        await hub_.ready()
        await Learner(hub_, "dora").start()

    with hub(tmp_path, LOSS_AND_FOUND_PLACES="1") as hub_:
        asyncio.run(begin(hub_))
        children = psutil.Process(hub_.process.pid).children(recursive=True)
        assert len(children) >= 2  # the proxy and a server
    _, alive = psutil.wait_procs(children, timeout=30)
    assert not alive
