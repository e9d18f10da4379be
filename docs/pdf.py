"""The field guide on paper: its print page through a Chromium that is installed."""

import os
import shutil
import subprocess
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def browser() -> str | None:
    """Return the path of a Chromium, or nothing."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def print_guide(site: Path) -> Path:
    """Print the field guide of a built site to ``field_guide.pdf`` in it; return its path.

    Raises
    ------
    FileNotFoundError
        If no Chromium is installed.
    subprocess.CalledProcessError
        If it fails.
    """
    program = browser()
    if program is None:
        raise FileNotFoundError(
            f"none of {', '.join(BROWSERS)} is installed. Install one (on Debian: apt-get install "
            "chromium), or open fieldguide/print.html in any browser and print it"
        )
    target = site.resolve() / "field_guide.pdf"
    page = (site / "fieldguide" / "print.html").resolve().as_uri()
    command = [program, "--headless", "--disable-gpu", "--disable-background-networking"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--no-sandbox")  # Chromium refuses root without it
    command += ["--no-pdf-header-footer", f"--print-to-pdf={target}", page]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return target
