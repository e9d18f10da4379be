"""The course's table of contents: one entry a notebook; the map and README are drawn from it."""

from dataclasses import dataclass
from pathlib import Path

from . import cards, pitfalls

PARTS = {
    "A": "Labels",
    "B": "Outputs",
    "C": "Accuracy in the loop",
    "D": "Reading the loss",
    "E": "Imbalance",
    "F": "The loop itself",
    "": "Around the lessons",
}


@dataclass(frozen=True)
class Lesson:
    """One notebook.

    Attributes
    ----------
    number : int
    slug : str
        File name without number and ending.
    title : str
    part : str
        A key of ``PARTS``.
    question : str
        What a user asks who needs this lesson.
    """

    number: int
    slug: str
    title: str
    part: str
    question: str

    @property
    def stem(self) -> str:
        return f"{self.number:02d}_{self.slug}"

    @property
    def pitfalls(self) -> tuple[pitfalls.Pitfall, ...]:
        """The register's entries that this lesson reproduces and mends."""
        return tuple(p for p in pitfalls.all() if p.lesson == self.number)


LESSONS = (
    Lesson(0, "start_here", "Start here", "", "What is this, and will it run on my machine?"),
    Lesson(1, "one_hot_labels", "One-hot labels", "A",
           "My labels are one-hot. Why does one function raise and the other say 0.02?"),
    Lesson(2, "label_range", "Label range", "A",
           "The labels look right. Why is the loss NaN, or zero?"),
    Lesson(3, "double_softmax", "Double softmax", "B",
           "97 % right, but the loss is stuck at 1.5. Which of the two is wrong?"),
    Lesson(4, "logits_as_probabilities", "Logits as probabilities", "B",
           "Why does my loss start at 9 and hardly move?"),
    Lesson(5, "wrong_last_layer", "The wrong last layer", "B",
           "Sigmoid, relu, one unit: does the last layer matter that much?"),
    Lesson(6, "unstable_softmax", "Unstable softmax", "B",
           "The loss is NaN. Why does the accuracy look alive?"),
    Lesson(7, "softmax_before_accuracy", "Softmax before accuracy", "C",
           "Must I remove the softmax before I compute accuracy?"),
    Lesson(8, "shapes_that_broadcast", "Shapes that broadcast", "C",
           "Why is my hand-written accuracy pinned at chance?"),
    Lesson(9, "metric_state", "Metric state", "C",
           "Why does accuracy creep up more slowly than the model learns?"),
    Lesson(10, "reported_against_true", "Reported against true", "C",
           "Why do training accuracy and evaluate disagree?"),
    Lesson(11, "what_a_loss_means", "What a loss value means", "D",
           "Is a loss of 0.7 good?"),
    Lesson(12, "overfitting_and_early_stopping", "Overfitting and early stopping", "D",
           "The validation loss is excellent. Why does the model fail?"),
    Lesson(13, "low_loss_low_precision", "Low loss, low precision", "E",
           "Loss is low, accuracy is high. Where is my rare class?"),
    Lesson(14, "class_weights", "Class weights", "E",
           "I set class weights. Why did nothing change, or precision fall?"),
    Lesson(15, "precision_on_sparse_labels", "Precision on sparse labels", "E",
           "How do I get precision per class out of integer labels?"),
    Lesson(16, "loop_mechanics", "The loop's mechanics", "F",
           "Why does my loop not learn what fit learns?"),
    Lesson(17, "graph_mode_and_speed", "Graph mode and speed", "F",
           "Why does my counter stop at 1, and my step take a second?"),
    Lesson(18, "sequences_and_masks", "Sequences and masks", "F",
           "How much of my accuracy is padding?"),
    Lesson(19, "distributed_loss", "Loss under tf.distribute", "F",
           "Why does the loss double on two devices?"),
    Lesson(20, "clinic", "Clinic", "F", "Which of these loops are sick, and with what?"),
    Lesson(21, "fact_check", "Fact check", "", "What do popular answers get wrong?"),
)  # fmt: skip


def get(number: int) -> Lesson:
    """Return the lesson with this number.

    Raises
    ------
    KeyError
        If there is none.
    """
    for lesson in LESSONS:
        if lesson.number == number:
            return lesson
    raise KeyError(f"there is no lesson {number!r}; they run from 0 to {LESSONS[-1].number}")


def available() -> tuple[Lesson, ...]:
    """Return the lessons whose notebook stands in this checkout."""
    folder = Path(__file__).resolve().parents[1] / "lessons"
    return tuple(lesson for lesson in LESSONS if (folder / f"{lesson.stem}.ipynb").exists())


def markdown(folder: str = "lessons/") -> str:
    """Return the table of lessons as Markdown, with links relative to `folder`'s parent."""
    there = set(available())
    lines = ["| lesson | the question | pitfalls |", "| --- | --- | --- |"]
    part = None
    for lesson in LESSONS:
        if lesson.part and lesson.part != part:
            part = lesson.part
            lines.append(f"| **{part} · {PARTS[part]}** | | |")
        name = f"{lesson.number:02d} {lesson.title}"
        link = f"[{name}]({folder}{lesson.stem}.ipynb)" if lesson in there else name
        ids = ", ".join(f"`{p.id}`" for p in lesson.pitfalls)
        lines.append(f"| {link} | {lesson.question} | {ids} |")
    return "\n".join(lines)


class Map:
    """The lessons of this checkout with their pitfalls; has a text and an HTML form."""

    def _rows(self) -> list[list[str]]:
        return [
            [
                f"{lesson.number:02d}",
                lesson.title,
                lesson.question,
                ", ".join(p.id for p in lesson.pitfalls) or "–",
            ]
            for lesson in available()
        ]

    def __repr__(self) -> str:
        return "\n".join(f"{number}  {title}: {asked}" for number, title, asked, _ in self._rows())

    def _repr_html_(self) -> str:
        return cards.table(["number", "lesson", "the question", "pitfalls"], self._rows())
