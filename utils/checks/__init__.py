"""Findings from arrays, before training and during it. Every public check returns a `Report`."""

from ._curve import curve
from ._diagnose import diagnose
from ._gradients import gradients
from ._labels import labels
from ._metrics import metric
from ._outputs import outputs
from ._weights import weights
from .report import CheckFailed, Finding, Report, merge
from .watch import watch

__all__ = [
    "CheckFailed",
    "Finding",
    "Report",
    "curve",
    "diagnose",
    "gradients",
    "labels",
    "merge",
    "metric",
    "outputs",
    "watch",
    "weights",
]
