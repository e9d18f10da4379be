"""Every figure of the course: functions take arrays and Axes, return Axes, and train nothing.

`show` puts a figure on the page together with its reading, one line in words
and rounded numbers. The reading is also the picture's alternative text.
"""

from .bars import bars, read_true_class_probability, true_class_probability
from .functions import functions
from .comparisons import comparison, read_comparison
from .lines import curves, read_curves, reference_line
from .matrices import confusion_matrix, read_confusion_matrix
from .style import COLOURS, axes, colour, show

__all__ = [
    "COLOURS",
    "axes",
    "bars",
    "colour",
    "comparison",
    "confusion_matrix",
    "curves",
    "functions",
    "read_comparison",
    "read_confusion_matrix",
    "read_curves",
    "read_true_class_probability",
    "reference_line",
    "show",
    "true_class_probability",
]
