# A learner's server in a class: the Hub names this folder in JUPYTER_CONFIG_PATH, and an image has
# it as /etc/jupyter. labconfig/ beside it hides nbgrader's buttons, which are the instructor's.
import os
import shutil
from pathlib import Path

c = get_config()  # noqa: F821

COURSE = Path(os.environ.get("LOSS_AND_FOUND_COURSE", Path(__file__).resolve().parents[2]))
load_subconfig(str(COURSE / "jupyter_lab_config.py"))  # noqa: F821


def give_lessons(home: Path) -> None:
    """Copy into a learner's home each lesson that is not there yet; overwrite nothing."""
    mine = home / "lessons"
    mine.mkdir(parents=True, exist_ok=True)
    for lesson in sorted((COURSE / "lessons").glob("*.ipynb")):
        if not (mine / lesson.name).exists():
            # First aside: a full disk must not leave half a notebook under the lesson's name.
            aside = mine / f".{lesson.name}.part"
            shutil.copyfile(lesson, aside)
            aside.replace(mine / lesson.name)


give_lessons(Path.home())

# A kernel holds half a gigabyte. One that has computed nothing for half an hour is shut down,
# also with its tab still open: the notebook stays as it is, only its variables are gone.
c.MappingKernelManager.cull_idle_timeout = 30 * 60
c.MappingKernelManager.cull_interval = 60
c.MappingKernelManager.cull_connected = True
# A server without a kernel gives its place back half an hour later.
c.ServerApp.shutdown_no_activity_timeout = 30 * 60

# Left out: what no lesson uses but every learner's server would pay for in memory and seconds at
# the start. nbgrader's pages are the instructor's; the language servers are not installed.
c.ServerApp.jpserver_extensions = {
    "jupyter_lsp": False,
    "nbgrader.server_extensions.assignment_list": False,
    "nbgrader.server_extensions.course_list": False,
    "nbgrader.server_extensions.formgrader": False,
    "nbgrader.server_extensions.validate_assignment": False,
}
