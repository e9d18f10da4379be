"""What the subjects have in common."""

from ..report import Finding


class Subject:
    """One thing to watch over: receives events, keeps small counts, and gives findings.

    A subject has a method ``on_<kind>(event, look)`` for every kind of event it wants; ``look``
    reads the values of the event's tensors, or is None if this call is only counted.
    """

    recorder = None

    def findings(self) -> list[Finding]:
        """Return what needs the whole run to decide; the rest goes to the recorder at once."""
        return []

    def observed(self) -> dict:
        """Return what was seen of this subject."""
        return {}


def name_of(thing) -> str:
    """Return the name a user gave an object, else its class's."""
    return str(getattr(thing, "name", None) or type(thing).__name__)


def remember(recent: dict, thing, value, most: int) -> dict:
    """Return what is kept by the ids of the last things, this one among them, and no more."""
    return {**dict([*recent.items()][1 - most :]), id(thing): value}
