"""Reporting progress: the callback type for counted work, a callback that does nothing, and durations as text."""

from collections.abc import Callable

ProgressCallback = Callable[[int, int], None]  # (count so far, total)


def silent(count: int, total: int) -> None:
    """Ignore progress."""


def duration(seconds: float) -> str:
    """A duration as text: `45s`, `3m 20s` or `2h 05m`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    return f"{whole // 3600}h {whole % 3600 // 60:02d}m"
