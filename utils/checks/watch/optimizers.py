"""Optimizers made anew, which forget their averages."""

from ..report import Finding
from .subject import Subject


class Optimizers(Subject):
    """Counts the optimizers that are made and how often each is applied."""

    def __init__(self):
        self.current = None
        self.single = 0
        self.kind = ""

    def on_create(self, event, look) -> None:
        if event.info["of"] == "optimizer" and not event.info.get("inner"):
            if self.current is not None and self.current[1] == 1:
                self.single += 1
            self.current = [id(event.subject), 0]
            self.kind = type(event.subject).__name__

    def on_apply(self, event, look) -> None:
        if self.current is not None and self.current[0] == id(event.subject):
            self.current[1] += 1

    def findings(self) -> list[Finding]:
        made = self.single + (self.current is not None and self.current[1] == 1)
        if made < 4:
            return []
        return [
            Finding(
                "optimizer-recreated",
                "warning",
                f"{made} {self.kind} optimizers were made and each was applied once: a new one in "
                "every step. Momentum and step sizes start from nothing each time.",
                {"optimizers": made, "steps each": 1},
            )
        ]
