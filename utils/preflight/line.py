"""A line of the pre-flight check: one question and its answer."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """One answer: what was looked at, what was found, and what to do if it will not do.

    Attributes
    ----------
    subject, found : str
    todo : str
        What must be done first; empty if nothing.
    advice : str
        What helps to know although nothing is wrong.
    """

    subject: str
    found: str
    todo: str = ""
    advice: str = ""

    @property
    def ok(self) -> bool:
        return not self.todo

    def __str__(self) -> str:
        verdict = (
            f"TO DO: {self.todo}" if self.todo else f"OK{': ' * bool(self.advice)}{self.advice}"
        )
        return f"{self.subject:<11} {self.found:<38} {verdict}"
