"""Every figure of the course: functions take arrays and Axes, return Axes, and train nothing.

`show` puts a figure on the page together with its reading, one line in words
and rounded numbers. The reading is also the picture's alternative text.
"""

from .bars import bars, read_true_class_probability, true_class_probability
from .comparisons import comparison, read_comparison
from .detectors import detector_matrix, read_detector_matrix
from .functions import functions
from .images import images
from .lines import curves, read_curves, reference_line
from .matrices import confusion_matrix, read_confusion_matrix
from .rates import precision_recall, read_precision_recall
from .style import COLOURS, axes, colour, show
from .verdicts import read_verdicts, verdicts
from .waterfall import read_waterfall, waterfall

__all__ = [
    "COLOURS",
    "axes",
    "bars",
    "colour",
    "comparison",
    "confusion_matrix",
    "curves",
    "detector_matrix",
    "functions",
    "images",
    "precision_recall",
    "read_comparison",
    "read_confusion_matrix",
    "read_curves",
    "read_detector_matrix",
    "read_precision_recall",
    "read_true_class_probability",
    "read_verdicts",
    "read_waterfall",
    "reference_line",
    "show",
    "true_class_probability",
    "verdicts",
    "waterfall",
]
