"""Results of the matrix: kept in a JSON file, resumed from it, shown as a table."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.settings.places import ROOT


@dataclass(frozen=True)
class Result:
    """What came of one notebook under one setting.

    Attributes
    ----------
    setting, notebook : str
        The notebook as ``"lessons/03_double_softmax"``.
    passed : bool
    fingerprint : str
        Of the notebook and all it rests on; see `fingerprint`.
    seconds : float
        Of wall-clock time, on a machine that may have been busy.
    cells : list of str
        The failing ones.
    told : str
        The end of what the run said, if it failed.
    """

    setting: str
    notebook: str
    passed: bool
    fingerprint: str
    seconds: float
    cells: list[str] = field(default_factory=list)
    told: str = ""


class Results:
    """All results so far, by setting and notebook; every `add` writes the file."""

    def __init__(self, path: Path):
        self.path = path
        self._all: dict[tuple[str, str], Result] = {}
        if path.exists():
            for stored in json.loads(path.read_text(encoding="utf-8")):
                self._keep(Result(**stored))

    def _keep(self, result: Result) -> None:
        self._all[result.setting, result.notebook] = result

    def add(self, result: Result) -> None:
        """Keep a result, in the place of an older one."""
        self._keep(result)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        stored = [asdict(self._all[key]) for key in sorted(self._all)]
        text = json.dumps(stored, indent=1, ensure_ascii=False)
        fresh = self.path.with_suffix(".part")
        fresh.write_text(text + "\n", encoding="utf-8")
        fresh.replace(self.path)

    def get(self, setting: str, notebook: str) -> Result | None:
        """Return a result, or None if there is none."""
        return self._all.get((setting, notebook))

    def stands(self, setting: str, notebook: str, fingerprint: str) -> bool:
        """Whether it passed, and nothing that it rests on has changed since."""
        result = self.get(setting, notebook)
        return result is not None and result.passed and result.fingerprint == fingerprint

    def table(self, settings: list[str], notebooks: list[str]) -> str:
        """Return notebooks × settings: ✓ passed, ✗ failed, · not run; totals below."""
        width = max(map(len, notebooks))
        lines = [f"{'':{width}}  {'  '.join(settings)}"]
        for notebook in notebooks:
            marks = [self._mark(self.get(setting, notebook)) for setting in settings]
            cells = "  ".join(f"{m:^{len(s)}}" for m, s in zip(marks, settings, strict=True))
            lines.append(f"{notebook:{width}}  {cells}".rstrip())
        passed = [
            sum(r is not None and r.passed for r in (self.get(s, n) for n in notebooks))
            for s in settings
        ]
        shown = [f"{p}/{len(notebooks)}" for p in passed]
        totals = "  ".join(f"{p:^{len(s)}}" for p, s in zip(shown, settings, strict=True))
        return "\n".join([*lines, f"{'passed':{width}}  {totals}".rstrip()])

    @staticmethod
    def _mark(result: Result | None) -> str:
        return "·" if result is None else "✓" if result.passed else "✗"


def fingerprint(notebook: Path) -> str:
    """Return a digest of a notebook, of `utils`, of the lock and of how notebooks are compared."""
    digest = hashlib.sha256()
    rest = [ROOT / "uv.lock", ROOT / "conftest.py", *sorted((ROOT / "utils").rglob("*.[pt][yo]*"))]
    for path in (notebook, *rest):
        if path.suffix in (".ipynb", ".lock", ".py", ".toml"):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
