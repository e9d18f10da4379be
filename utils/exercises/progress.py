"""The progress file: what a learner has tried, kept on their own machine, sent nowhere.

It is a journal of one JSON object a line, only ever appended to. Two notebooks
may write at once, and a damaged line costs that line alone.
"""

import json
import os
import time
import warnings
from pathlib import Path

import platformdirs

_FILE = "progress.jsonl"


def state_dir() -> Path:
    """Return the folder of the progress file: ``$LOSS_AND_FOUND_STATE``, else the user's own."""
    chosen = os.environ.get("LOSS_AND_FOUND_STATE")
    return Path(chosen) if chosen else Path(platformdirs.user_data_dir("loss-and-found"))


def record(**event) -> None:
    """Append one event; a folder that cannot be written costs the tick, nothing else."""
    line = json.dumps({**event, "time": round(time.time())}, ensure_ascii=False) + "\n"
    try:
        folder = state_dir()
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / _FILE, "a", encoding="utf-8") as file:
            file.write(line)
    except OSError as error:
        warnings.warn(
            f"Your progress could not be saved ({error.strerror or error}). The course works "
            "without it; to keep it, set LOSS_AND_FOUND_STATE to a folder you can write to.",
            stacklevel=3,
        )


def events() -> list[dict]:
    """Return all events, oldest first; damaged lines are set aside in a file beside."""
    path = state_dir() / _FILE
    try:
        raw = path.read_bytes()
    except OSError:
        return []
    good, bad = [], []
    for line in raw.splitlines():
        event = _parse(line)
        if event is not None:
            good.append(event)
        elif line.strip():
            bad.append(line)
    if bad:
        _set_aside(path, raw, good)
    return good


def _parse(line: bytes) -> dict | None:
    try:
        event = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None


def _set_aside(path: Path, raw: bytes, good: list[dict]) -> None:
    aside = path.with_name(f"progress.damaged-{time.strftime('%Y%m%d-%H%M%S')}.jsonl")
    try:
        aside.write_bytes(raw)
        fresh = path.with_name(_FILE + f".{os.getpid()}.new")
        fresh.write_text(
            "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in good),
            encoding="utf-8",
        )
        os.replace(fresh, path)
    except OSError:
        return
    warnings.warn(
        f"Your progress file had damaged lines. It was copied to {aside.name}; "
        f"the {len(good)} lines that could be read are kept.",
        stacklevel=4,
    )
