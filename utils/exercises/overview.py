"""What a learner has done, as a table: exercises right, predictions against outcomes."""

from .. import cards
from . import progress, registry


class Overview:
    """Progress by lesson; has a text and an HTML form."""

    def __init__(self):
        self.state = progress.summary()

    def _rows(self) -> list[list[str]]:
        done = self.state["exercises"]
        made = self.state["predictions"]
        rows = []
        for number in registry.lessons():
            ids = [e.id for e in registry.all() if e.id.startswith(f"{number}-")]
            marks = " ".join(f"{i[-1]}{_mark(done.get(i))}" for i in ids)
            predictions = registry.predictions(number)
            answered = [p for p in predictions if "answer" in made.get(p, {})]
            agreed = sum(
                "observed" in made[p]
                and predictions[p].agrees(made[p]["answer"], made[p]["observed"])
                for p in answered
            )
            rows.append([number, marks, f"{len(answered)} of {len(predictions)}", str(agreed)])
        return rows

    def _headline(self) -> str:
        right = sum(status == "correct" for status in self.state["exercises"].values())
        return f"{right} of {len(registry.all())} exercises right."

    def __repr__(self) -> str:
        lines = [f"lesson {n}: {marks}" for n, marks, _, _ in self._rows()]
        return "\n".join([self._headline(), *lines])

    def _repr_html_(self) -> str:
        header = ["lesson", "exercises", "predictions made", "as predicted"]
        return cards.table(header, self._rows(), caption=self._headline())


def overview() -> Overview:
    """Return the learner's progress; in a notebook it shows as a table.

    ✓ is right, ✗ was tried, · is still to do.
    """
    return Overview()


def _mark(status: str | None) -> str:
    return {"correct": "✓", None: "·"}.get(status, "✗")
