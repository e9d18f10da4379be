"""What a check returns: findings, and what was observed on the way."""

import textwrap
from dataclasses import dataclass, field

from .. import cards, pitfalls

SEVERITIES = ("error", "warning", "note")


class CheckFailed(AssertionError):
    """Raised by `Report.raise_if_failed`; its text is the report's text."""


@dataclass(frozen=True)
class Finding:
    """One fault that a check has seen.

    Parameters
    ----------
    pitfall : str
        Id of an entry of the register (`utils.pitfalls`).
    severity : {"error", "warning", "note"}
        ``error``: a figure or the training is wrong. ``warning``: probably
        wrong, or wrong on one route. ``note``: worth knowing, no alarm.
    statement : str
        What is wrong, in one or two sentences, with the numbers that show it.
    evidence : dict
        The numbers (or short strings) the verdict rests on.
    remedy : str
        What to change; the register's remedy unless given.
    lesson : int
        The lesson that explains the pitfall; from the register unless given.
    """

    pitfall: str
    severity: str
    statement: str
    evidence: dict[str, float | int | str] = field(default_factory=dict)
    remedy: str = ""
    lesson: int = -1

    def __post_init__(self):
        entry = pitfalls.get(self.pitfall)
        if self.severity not in SEVERITIES:
            raise ValueError(f"severity must be one of {SEVERITIES}, not {self.severity!r}")
        if not self.remedy:
            object.__setattr__(self, "remedy", entry.remedy)
        if self.lesson < 0:
            object.__setattr__(self, "lesson", entry.lesson)

    @property
    def title(self) -> str:
        """The pitfall's title in the register."""
        return pitfalls.get(self.pitfall).title

    def _rows(self) -> list[tuple[str, str]]:
        rows = [("", self.statement)]
        if self.evidence:
            shown = ", ".join(_pair(name, value) for name, value in self.evidence.items())
            rows.append(("Evidence", shown))
        rows.append(("Fix", self.remedy))
        rows.append(("Read", f"lesson {self.lesson:02d}"))
        return rows

    def __str__(self) -> str:
        lines = [f"{self.severity.upper()}  {self.pitfall}: {self.title}"]
        for term, text in self._rows():
            lead = f"{term}: " if term else ""
            lines += textwrap.wrap(
                lead + text, 88, initial_indent="  ", subsequent_indent="    " if lead else "  "
            )
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return cards.card(self.severity, f"{self.pitfall}: {self.title}", self._rows())


@dataclass
class Report:
    """The findings of a check, gravest first, and what it observed.

    Attributes
    ----------
    findings : tuple of Finding
    observed : dict
        What was seen: values, shapes, counts, losses, metrics. Empty if
        nothing was.
    not_observed : tuple of str
        What the check should have seen and could not, and why.
    """

    findings: tuple[Finding, ...] = ()
    observed: dict = field(default_factory=dict)
    not_observed: tuple[str, ...] = ()

    def __post_init__(self):
        self.findings = _gravest_first(self.findings)

    @property
    def ok(self) -> bool:
        """True only if something was observed, all of it, and no finding is an alarm."""
        return bool(self.observed) and not self.not_observed and not self.alarms

    @property
    def alarms(self) -> tuple[Finding, ...]:
        """The findings that are errors or warnings."""
        return tuple(f for f in self.findings if f.severity != "note")

    def raise_if_failed(self) -> "Report":
        """Return the report if it is ok; for use in a test of your own.

        Raises
        ------
        CheckFailed
            With the report's text, if any finding is an error or a warning,
            or if nothing (or not everything) was observed.
        """
        if not self.ok:
            raise CheckFailed("\n" + str(self))
        return self

    def __iter__(self):
        return iter(self.findings)

    def __len__(self):
        return len(self.findings)

    def __bool__(self):
        # A report without findings is still a report: `if report:` must not
        # mean "has findings" by accident of __len__.
        return True

    def _headline(self) -> str:
        if not self.observed and not self.findings:
            return "Nothing was observed."
        alarms, notes = len(self.alarms), len(self.findings) - len(self.alarms)
        if not alarms and self.not_observed:
            return "No fault found, but not everything was observed."
        if not alarms:
            return "No fault found." + (f" {notes} note{'s'[: notes != 1]}." if notes else "")
        return f"{alarms} fault{'s'[: alarms != 1]} found." + (
            f" {notes} note{'s'[: notes != 1]}." if notes else ""
        )

    def _observed_line(self) -> str:
        parts = [
            _pair(name, value)
            for name, value in self.observed.items()
            if not isinstance(value, (dict, list, tuple)) or len(value) <= 4
        ]
        return ", ".join(parts)

    def __str__(self) -> str:
        lines = [self._headline()]
        if line := self._observed_line():
            lines += textwrap.wrap("Observed: " + line, 90, subsequent_indent="  ")
        for missed in self.not_observed:
            lines += textwrap.wrap("Not observed: " + missed, 90, subsequent_indent="  ")
        return "\n".join(lines + [str(f) for f in self.findings])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        kind = "ok" if self.ok else ("error" if self.alarms else "warning")
        rows = [("Observed", line)] if (line := self._observed_line()) else []
        rows += [("Not observed", missed) for missed in self.not_observed]
        head = cards.card(kind, self._headline(), rows, label="OK" if self.ok else "CHECK")
        return head + "".join(f._repr_html_() for f in self.findings)


def merge(*reports: Report) -> Report:
    """Return one report of several: findings pooled without repeats, observations joined."""
    findings: dict[tuple[str, str], Finding] = {}
    observed: dict = {}
    missed: list[str] = []
    for report in reports:
        for finding in report.findings:
            findings.setdefault((finding.pitfall, finding.severity), finding)
        observed.update(report.observed)
        missed += [m for m in report.not_observed if m not in missed]
    return Report(tuple(findings.values()), observed, tuple(missed))


def _gravest_first(findings) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda f: SEVERITIES.index(f.severity)))


def _pair(name: str, value) -> str:
    shown = _short(value)
    return f"{name} {shown}" if shown.startswith("≈") else f"{name} = {shown}"


def _short(value) -> str:
    if isinstance(value, tuple | list) and all(isinstance(v, str) for v in value):
        return ", ".join(value)
    if isinstance(value, bool) or not isinstance(value, float):
        return str(value)
    # The digits of a vanishing number are rounding, and differ between machines.
    vanishing = 0 < abs(value) < 1e-4
    return "≈ 0" if vanishing else f"{value:.4g}"
