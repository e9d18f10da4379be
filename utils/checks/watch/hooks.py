"""The points at which a loop is observed."""

from . import loss_hooks, metric_hooks, number_hooks, step_hooks


def install(patches) -> None:
    """Wrap everything that is observed."""
    for hooks in (loss_hooks, step_hooks, metric_hooks, number_hooks):
        hooks.install(patches)
