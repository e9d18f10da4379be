"""The exercise engine: answers are judged by what they do, on data they have not seen.

>>> exercise = exercises.get("03-a")
>>> exercise.check(answer)
"""

from .engine import Exercise, Result
from .handover import export
from .overview import overview
from .predictions import outcome, predict
from .progress import state_dir
from .registry import all, get
from .require import require

__all__ = [
    "Exercise",
    "Result",
    "all",
    "export",
    "get",
    "outcome",
    "overview",
    "predict",
    "require",
    "state_dir",
]
