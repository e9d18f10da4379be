"""The block itself: what stands between `with checks.watch()` and its end."""

from ..report import SEVERITIES, Finding, Report
from . import loud, reader
from .batch_lists import BatchLists
from .classes import Classes
from .crossentropy import CrossEntropies
from .datasets import Datasets
from .finite import Finite
from .formulas import Formulas
from .functions import Functions
from .gradients import Gradients, Models
from .handwritten import Handwritten
from .hooks import install
from .last_values import LastValues
from .literals import Literals
from .looked_up import LookedUp
from .masks import Masks
from .metric_arguments import MetricArguments
from .metric_state import MetricStates
from .optimizers import Optimizers
from .patching import SWITCHBOARD
from .recorder import Recorder
from .replicas import Replicas
from .reported import Reported
from .trainers import Trainers
from .unweighted import Unweighted
from .weights import Weights

# What follows from a fault is not a second fault: the cause is named, not its consequences.
CONSEQUENCES = {
    "padding-counted": {"weights-not-in-metric"},
    "half-precision-softmax": {"nan-scores"},
    "summed-loss": {"nan-scores"},
    "vector-loss": {"nan-scores"},
    "class-weights-scale": {"nan-scores"},
    "replica-loss-scale": {"nan-scores"},
    "lost-mask": {"weights-not-in-metric"},
    "one-hot-labels": {"batch-mismatch", "wrong-accuracy-metric"},
    "label-range": {"nan-scores", "unstable-softmax"},
    "output-units": {
        "label-range",
        "nan-scores",
        "saturated-ties",
        "label-offset",
        "class-imbalance",
    },
    "swapped-arguments": {"fractional-labels", "wrong-accuracy-metric", "label-range"},
    "wrong-output-activation": {"saturated-ties", "class-imbalance"},
    "low-precision-ids": {"saturated-ties"},
    "logits-as-probabilities": {"gradients-none", "class-imbalance"},
    "nan-scores": {"class-imbalance"},
    "unstable-softmax": {"class-imbalance"},
    "label-offset": {"label-range", "nan-scores", "unstable-softmax", "memorised-noise"},
    "sorted-split": {"memorised-noise"},
    "reshuffled-pass": {"memorised-noise"},
    "misaligned-labels": {"memorised-noise"},
    "fractional-labels": {"memorised-noise", "misaligned-labels", "class-imbalance"},
    "training-flag": {"memorised-noise"},
    "gradients-none": {"misaligned-labels", "class-imbalance"},
    "mispaired-gradients": {"misaligned-labels", "class-imbalance"},
    "broadcast-shapes": {"misaligned-labels", "class-imbalance"},
}

SUBJECTS = (
    CrossEntropies,
    MetricArguments,
    MetricStates,
    Gradients,
    Models,
    Handwritten,
    Formulas,
    Datasets,
    Finite,
    Functions,
    Literals,
    Optimizers,
    Masks,
    Weights,
    LookedUp,
    Classes,
    Replicas,
    Reported,
    Trainers,
    Unweighted,
    LastValues,
    BatchLists,
)


class WatchReport(Report):
    """A report that grows while the block runs, and stands still after it."""

    def __init__(self, recorder):
        self._recorder = recorder
        self._findings, self._observed, self._missed = (), {}, ()
        self._problem = None

    def note_exception(self, problem: BaseException) -> None:
        """Take in an exception that was caught before it reached the end of the block."""
        self._problem = problem

    @property
    def findings(self) -> tuple[Finding, ...]:
        self._refresh()
        return self._findings

    @property
    def observed(self) -> dict:
        self._refresh()
        return self._observed

    @property
    def not_observed(self) -> tuple[str, ...]:
        self._refresh()
        return self._missed

    def _refresh(self) -> None:
        if self._recorder is not None:
            with SWITCHBOARD.quiet():
                self._take(self._recorder.findings())

    def _take(self, findings) -> None:
        self._findings = settle(findings)
        self._observed = self._recorder.observed()
        self._missed = tuple(self._recorder.not_observed)

    def finish(self, problem) -> None:
        """Take the last findings, and let the recorder go."""
        self._recorder.finish()
        findings = self._recorder.findings()
        problem = problem if problem is not None else self._problem
        if problem is not None:
            try:
                findings += loud.classify(problem, {f.pitfall for f in findings})
            except Exception as error:  # the loop's own exception must come through
                self._recorder.missed(self, error)
        self._take(findings)
        self._recorder.close()
        self._recorder = None


def settle(findings) -> tuple[Finding, ...]:
    """Return one finding per pitfall, gravest first, without mere consequences."""
    best = {}
    for finding in findings:
        kept = best.get(finding.pitfall)
        rank = SEVERITIES.index(finding.severity)
        if kept is None or rank < SEVERITIES.index(kept.severity):
            best[finding.pitfall] = finding
    caused = set()
    for finding in best.values():
        if finding.severity != "note":
            caused |= CONSEQUENCES.get(finding.pitfall, set())
    kept = [f for f in best.values() if f.pitfall not in caused]
    return tuple(sorted(kept, key=lambda f: SEVERITIES.index(f.severity)))


class Watch:
    """The context manager behind `checks.watch`."""

    def __enter__(self) -> WatchReport:
        self._recorder = Recorder([subject() for subject in SUBJECTS], reader.read)
        self._report = WatchReport(self._recorder)
        SWITCHBOARD.connect(self._recorder, install)
        return self._report

    def __exit__(self, kind, problem, trace) -> bool:
        SWITCHBOARD.disconnect(self._recorder)
        with SWITCHBOARD.quiet():
            self._report.finish(problem)
        return False
