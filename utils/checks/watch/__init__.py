"""Watching a training loop run, without changing it."""


def watch():
    """Observe a training loop for the length of a ``with`` block.

    Returns
    -------
    context manager
        Its value is a `Report` that grows while the block runs.

    Examples
    --------
    >>> with checks.watch() as report:
    ...     train()
    >>> report
    """
    from .session import Watch

    return Watch()


__all__ = ["watch"]
