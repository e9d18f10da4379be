"""Say in Markdown which claims a newer TensorFlow decides otherwise.

    python tests/claims/drift.py report.xml >> "$GITHUB_STEP_SUMMARY"

`report.xml` is what ``pytest --junitxml=report.xml tests/claims`` leaves. The
script reports; it always ends with success, because drift is news, not a fault
of the course. The pinned versions are tested elsewhere.
"""

import sys
import xml.etree.ElementTree as ET
from importlib import metadata
from pathlib import Path

PACKAGES = ("tensorflow", "tensorflow-cpu", "keras", "numpy", "scikit-learn")


def versions() -> str:
    """Return the installed versions of what the claims depend on."""
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


def cell(text: str, limit: int = 160) -> str:
    """Return text for one cell of a Markdown table."""
    first = text.strip().splitlines()[0] if text.strip() else ""
    return first[:limit].replace("|", "\\|")


def drifted(report: Path) -> tuple[int, list[tuple[list[str], str, str]]]:
    """Return how many tests ran, and (claims, test, message) for each that failed."""
    failures, ran = [], 0
    for case in ET.parse(report).iter("testcase"):
        ran += 1
        bad = [*case.iter("failure"), *case.iter("error")]
        if bad:
            claims = [p.get("value") for p in case.iter("property") if p.get("name") == "claim"]
            failures.append((claims, case.get("name"), bad[0].get("message") or bad[0].text or ""))
    return ran, failures


def summary(report: Path) -> str:
    """Return the whole report in Markdown."""
    head = ["## Claims on the newest TensorFlow", "", versions(), ""]
    try:
        ran, failures = drifted(report)
    except (OSError, ET.ParseError) as error:
        return "\n".join([*head, f"The experiments did not run: {error}"])
    if ran == 0:
        return "\n".join([*head, "No experiment ran."])
    if not failures:
        return "\n".join([*head, f"No drift: all {ran} tests agree with the ledger."])
    rows = [
        f"| {', '.join(claims) or '–'} | `{cell(test)}` | {cell(message)} |"
        for claims, test, message in failures
    ]
    count = f"{len(failures)} of {ran} tests disagree with the ledger."
    columns = ["| claims | experiment | what it saw |", "|---|---|---|"]
    return "\n".join([*head, count, "", *columns, *rows])


if __name__ == "__main__":
    print(summary(Path(sys.argv[1])))
