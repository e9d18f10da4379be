"""Findings from arrays, before training and during it. Every public check returns a `Report`."""

from .report import CheckFailed, Finding, Report, merge

__all__ = ["CheckFailed", "Finding", "Report", "merge"]
