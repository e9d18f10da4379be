"""Metrics over the run: reset, shared, recreated, averaged."""

from ..report import Finding
from .subject import Subject, name_of


class State:
    """What happened to one metric object."""

    __slots__ = (
        "called",
        "epochs_since",
        "epochs_spanned",
        "last_epoch",
        "metric",
        "phases",
        "reads",
        "reads_at",
        "resets",
        "result_reads",
        "shared",
        "since_reset",
        "updates",
    )

    def __init__(self, metric):
        self.metric = metric
        self.updates = self.resets = self.reads = self.called = self.result_reads = 0
        self.since_reset = 0
        self.epochs_spanned = 0
        self.last_epoch = None
        self.phases = set()
        self.shared = None
        self.reads_at = []


class MetricStates(Subject):
    """Watches when metrics are updated, read and reset."""

    def __init__(self):
        self.states = {}
        self.epoch = {}
        self.passes = 0
        self.created = {}

    def on_iterate(self, event, look) -> None:
        self.passes += 1
        self.epoch[id(event.subject)] = self.epoch.get(id(event.subject), 0) + 1

    def _of(self, metric) -> State:
        state = self.states.get(id(metric))
        if state is None:
            state = self.states[id(metric)] = State(metric)
        return state

    def on_metric(self, event, look) -> None:
        state = self._of(event.subject)
        state.updates += 1
        state.since_reset += 1
        if state.last_epoch is not None and state.last_epoch != self.passes:
            state.epochs_spanned += 1
        state.last_epoch = self.passes

    def on_reset(self, event, look) -> None:
        state = self._of(event.subject)
        state.resets += 1
        state.since_reset = 0
        state.last_epoch = None

    def on_result(self, event, look) -> None:
        state = self._of(event.subject)
        if not event.info["by_call"]:
            state.result_reads += 1

    def findings(self) -> list[Finding]:
        found = []
        for state in self.states.values():
            if state.resets == 0 and state.epochs_spanned >= 1 and state.updates > 1:
                found.append(_not_reset(state, state.epochs_spanned + 1))
        return found


def _not_reset(state, passes: int) -> Finding:
    return Finding(
        "metric-not-reset",
        "error",
        f"{name_of(state.metric)} was updated {state.updates} times over {passes} passes through "
        "the data and never reset: what it shows is the average since the beginning.",
        {"updates": state.updates, "passes": passes, "resets": 0},
        "Call metric.reset_state() at the start of every epoch and before validation.",
    )
