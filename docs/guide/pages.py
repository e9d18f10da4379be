"""The field guide's pages, from the register: one for each pitfall, and one to print them all."""

from utils import curriculum, pitfalls

import re
from pathlib import Path

from docs.guide import figures

NAMES = (
    "Paste the lines where the names exist. `x_batch` and `y_batch` are a batch as your step gets "
    "it, `y_pred` what the model returned for it; `model`, `loss_fn`, `metric`, `optimizer`, "
    "`gradients` are your own; `np`, `tf` and `keras` are imported. A comment says what any other "
    "name stands for. In health the lines are silent. If you have the pitfall, they stop with an "
    "AssertionError that shows the figures."
)
OPENING = (
    "One page for each pitfall: how it shows, a test of thirty seconds, where it comes from, how "
    "to mend it. Every test was run on a broken and on a healthy case."
)


def write(folder: Path) -> None:
    """Write every page of the guide, and its figures, into a new folder."""
    (folder / "figures").mkdir(parents=True)
    for entry in pitfalls.all():
        (folder / "figures" / f"{entry.id}.png").write_bytes(figures.stored(entry)[0])
        (folder / f"{entry.id}.md").write_text(f"# {body(entry)}", encoding="utf-8")
    (folder / "index.md").write_text(contents(), encoding="utf-8")
    (folder / "print.md").write_text(to_print(), encoding="utf-8")


def body(entry: pitfalls.Pitfall) -> str:
    """Return what stands on a pitfall's page, without the mark of its first heading."""
    _, reading = figures.stored(entry)
    return f"""{entry.title}

{{.silence}}
`{entry.id}` · {entry.silence} · {to_lesson(entry.lesson)}

**Symptom.** {entry.symptom}

**Test.** {entry.test}

```python
{entry.probe}
```

**Cause.** {entry.cause}

**Fix.** {entry.remedy}

```{{figure}} figures/{entry.id}.png
:alt: {reading}

{caption(entry, reading)}
```

**{found_by(entry)}

{threads(entry)}
"""


def caption(entry: pitfalls.Pitfall, reading: str) -> str:
    """Return the figure's reading, and where it was drawn."""
    if not entry.figure:
        return reading
    return f"{reading} From {to_lesson(int(entry.figure.partition('/')[0]))}."


def to_lesson(number: int) -> str:
    """Return a link to a lesson."""
    lesson = curriculum.get(number)
    return f"[lesson {number:02d}, {lesson.title}](../lessons/{lesson.stem}.ipynb)"


def found_by(entry: pitfalls.Pitfall) -> str:
    """Return which checks find it, and what they cannot see."""
    if not entry.detectable:
        return f"No check finds it.** {entry.reason}"
    names = ", ".join(f"`checks.{name.strip()}`" for name in entry.check.split(","))
    return f"Found by** {names}. {entry.reason}".rstrip()


def threads(entry: pitfalls.Pitfall) -> str:
    """Return where it was met in public."""
    if not entry.threads:
        return "No public thread is recorded for it."
    links = ", ".join(f"[{short(url)}]({url})" for url in entry.threads)
    return f"**Met in** {links}."


def short(url: str) -> str:
    """Return a name for an address that can be found again on paper.

    >>> short("https://github.com/keras-team/keras/issues/9/")
    'keras-team/keras issue 9'
    """
    found = re.fullmatch(r"https://github\.com/([^/]+/[^/]+)/(issues|pull)/(\d+)/?", url)
    if not found:
        return url.removeprefix("https://")
    return f"{found[1]} {'issue' if found[2] == 'issues' else 'pull request'} {found[3]}"


def contents() -> str:
    """Return the page that lists the pitfalls by symptom, lesson by lesson."""
    lines = ["# Field guide", "", OPENING, "", NAMES, ""]
    lines += [
        "[All pages on one, to print](print.md)",
        "",
        "| pitfall | symptom |",
        "| --- | --- |",
    ]
    lesson = None
    for entry in pitfalls.all():
        if entry.lesson != lesson:
            lesson = entry.lesson
            lines.append(f"| **{lesson:02d} · {curriculum.get(lesson).title}** | |")
        symptom = entry.symptom.replace("|", "\\|")
        lines.append(f"| [{entry.title}]({entry.id}.md) | {symptom} |")
    ids = "\n".join(entry.id for entry in pitfalls.all())
    return "\n".join(lines) + f"\n\n```{{toctree}}\n:hidden:\n:titlesonly:\n\n{ids}\n```\n"


def to_print() -> str:
    """Return the page that holds all the others; in print each begins on a new sheet."""
    sheets = "\n".join(f"## {body(entry)}" for entry in pitfalls.all())
    settings = "---\norphan: true\nnosearch: true\n---"
    return f"{settings}\n\n# Field guide\n\n{OPENING}\n\n{NAMES}\n\n{sheets}"
