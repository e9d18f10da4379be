"""Lay out the sources of the site, and run Sphinx over them."""

from utils import curriculum

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from docs import notebooks
from docs.guide import pages

ROOT = Path(__file__).resolve().parents[1]
HERE = ROOT / "docs"
SITE = ROOT / "_site"
NEEDED = ("sphinx", "myst_nb", "furo", "sphinx-mathjax-offline")


def lay_out(folder: Path) -> None:
    """Write everything that becomes a page into an empty folder."""
    shutil.copytree(HERE / "pages", folder, dirs_exist_ok=True)
    shutil.copytree(ROOT / "assets", folder / "assets")
    pages.write(folder / "fieldguide")
    (folder / "lessons").mkdir()
    for lesson in curriculum.available():
        notebooks.write(lesson.stem, folder / "lessons")
    (folder / "lessons" / "index.md").write_text(contents(), encoding="utf-8")


def contents() -> str:
    """Return the page that lists the lessons, and makes them a part of the navigation."""
    stems = "\n".join(lesson.stem for lesson in curriculum.available())
    return (
        f"# Lessons\n\n{curriculum.markdown('')}\n\n"
        f"```{{toctree}}\n:hidden:\n:titlesonly:\n\n{stems}\n```\n"
    )


def site(output: Path) -> int:
    """Build the pages anew in `output`; return Sphinx's exit status. A warning is an error."""
    # All in a scratch folder: MyST-NB also writes beside the folder of the pages.
    with tempfile.TemporaryDirectory() as scratch:
        sources, made = Path(scratch, "sources"), Path(scratch, "pages")
        lay_out(sources)
        command = [sys.executable, "-m", "sphinx", "-b", "html", "-c", HERE, "-j", "auto"]
        command += ["-d", Path(scratch, "doctrees"), "-q", "-W", "--keep-going", sources, made]
        status = subprocess.run(command, cwd=ROOT).returncode
        if status == 0:
            shutil.rmtree(output, ignore_errors=True)
            shutil.move(made, output)
    return status
