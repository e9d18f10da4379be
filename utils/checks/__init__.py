"""Findings from arrays, before training and during it. Every public check returns a `Report`."""

from ._labels import labels
from ._outputs import outputs
from .report import CheckFailed, Finding, Report, merge

__all__ = ["CheckFailed", "Finding", "Report", "labels", "merge", "outputs"]
