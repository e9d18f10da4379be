"""Optimizers made anew, which forget their averages."""

from ..report import Finding
from .subject import Subject, name_of


class Optimizers(Subject):
    """Counts the optimizers that are made and how often each is applied."""

    def __init__(self):
        self.current = None
        self.single = 0
        self.kind = ""
        self.compiled = {}

    def on_create(self, event, look) -> None:
        if event.info["of"] == "optimizer" and not event.info.get("inner"):
            if self.current is not None and self.current[1] == 1:
                self.single += 1
            self.current = [id(event.subject), 0]
            self.kind = type(event.subject).__name__

    def on_apply(self, event, look) -> None:
        if self.current is not None and self.current[0] == id(event.subject):
            self.current[1] += 1

    def on_compile(self, event, look) -> None:
        """Remember what a model is compiled with; fit tells whether that is then used."""
        entry = self.compiled.setdefault(id(event.subject), {"model": event.subject, "kinds": []})
        entry["fresh"] = _settings(event.subject.optimizer)

    def on_fit(self, event, look) -> None:
        entry = self.compiled.get(id(event.subject))
        if entry is not None and entry.get("fresh") is not None:
            entry["kinds"].append(entry.pop("fresh"))

    def findings(self) -> list[Finding]:
        found = [_compiled_again(**e) for e in self.compiled.values() if _same(e["kinds"])]
        made = self.single + (self.current is not None and self.current[1] == 1)
        return [*found, _made(made, self.kind)] if made >= 4 else found


def _settings(optimizer):
    """Return an optimizer's class and learning rate: another rate is a reason to compile again."""
    if optimizer is None:
        return None
    rate = optimizer.get_config().get("learning_rate")
    return type(optimizer).__name__, rate if isinstance(rate, float) else str(rate)


def _same(kinds) -> bool:
    return len(kinds) >= 4 and len(set(kinds)) == 1


def _compiled_again(model, kinds, **_) -> Finding:
    return Finding(
        "optimizer-recreated",
        "warning",
        f"{name_of(model)} was compiled {len(kinds)} times with a new {kinds[0][0]} of the same "
        "learning rate, and trained after each. compile forgets what the optimizer has gathered: "
        "momentum and step sizes start from nothing.",
        {"compiled": len(kinds), "optimizer": kinds[0][0]},
        "Compile once, before the loop; fit goes on where it left off.",
    )


def _made(made: int, kind: str) -> Finding:
    return Finding(
        "optimizer-recreated",
        "warning",
        f"{made} {kind} optimizers were made and each was applied once: a new one in every step. "
        "Momentum and step sizes start from nothing each time.",
        {"optimizers": made, "steps each": 1},
    )
