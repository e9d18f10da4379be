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

import nbformat
import psutil
import pytest
import yaml

from classroom.client import Learner
from classroom.simulate import cost, hub, within

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


def test_a_simulated_learner_runs_the_cells_in_order_and_counts_what_fails(running):
    cells = ["seen = [1]", "seen.append(2)", "assert seen == [1, 2]", "1 / 0", "assert seen"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])

    async def use():
        ben = Learner(running, "ben")
        await ben.save("lessons/small.ipynb", notebook)
        return await ben.run("small")

    result = asyncio.run(use())
    assert result.errors == ["ZeroDivisionError: division by zero"]
    assert 0 < result.slowest <= result.seconds


@pytest.mark.parametrize(
    ("seconds", "reserve", "error"),
    [(0.0, 0.0, TimeoutError), (600.0, 1e6, MemoryError)],
)
def test_a_simulation_stops_by_itself_and_tidies_up(seconds, reserve, error):
    tidied = []

    async def endless():
        try:
            await asyncio.Event().wait()
        finally:
            tidied.append(True)

    with pytest.raises(error):
        asyncio.run(within(endless(), seconds, reserve))
    assert tidied == [True]


def test_servers_give_back_what_nobody_uses(running):
    async def use():
        (await Learner(running, "anna").open_kernel(LESSON)).close()

    asyncio.run(use())
    log = running.log.read_text(encoding="utf-8")
    assert "Culling kernels with idle durations > 1800 seconds" in log
    assert "Culling kernels even with connected clients" in log
    assert "Will shut down after 1800 seconds with no kernels" in log


def test_servers_leave_out_what_no_lesson_uses(running):
    log = running.log.read_text(encoding="utf-8")
    linked = set(re.findall(r"(\S+) \| extension was successfully linked", log))
    assert "jupyterlab" in linked
    assert not {name for name in linked if name.startswith("nbgrader") or name == "jupyter_lsp"}
    assert cost("ben", running.process.pid)[0].mebibytes > 20


def test_the_values_for_kubernetes_agree_with_the_hub_here():
    values = yaml.safe_load((CLASSROOM / "z2jh-values.yaml").read_text(encoding="utf-8"))
    assert values["hub"]["templateVars"]["places"] == values["hub"]["activeServerLimit"]
    mounted = Path(values["hub"]["extraFiles"]["full_house"]["mountPath"])
    assert mounted.name in {p.name for p in (CLASSROOM / "templates").iterdir()}
    assert str(mounted.parent) in values["hub"]["templatePaths"]
    config = (CLASSROOM / "jupyterhub_config.py").read_text(encoding="utf-8")
    assert f'c.Spawner.default_url = "{values["singleuser"]["defaultUrl"]}"' in config
    dockerfile = (CLASSROOM / "Dockerfile").read_text(encoding="utf-8")
    assert values["singleuser"]["cmd"] in dockerfile
    for source in re.findall(r"^COPY (.+) \S+$", dockerfile, re.MULTILINE):
        assert all((CLASSROOM.parent / name).exists() for name in source.split()), source
        assert not {"solutions", "tests", "."} & set(source.split())


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
