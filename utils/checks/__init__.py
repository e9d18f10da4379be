"""Findings from arrays, before training and during it. Every public check returns a `Report`."""

from ._diagnose import diagnose
from ._gradients import gradients
from ._labels import labels
from ._outputs import outputs
from .report import CheckFailed, Finding, Report, merge

__all__ = [
    "CheckFailed",
    "Finding",
    "Report",
    "diagnose",
    "gradients",
    "labels",
    "merge",
    "outputs",
]
