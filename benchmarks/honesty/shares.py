"""Shares of simulations as cells of a table."""

from collections.abc import Sequence

from assay.core.numbers import Interval
from assay.evaluation.intervals import wilson_interval


def share_cells(count: int, of: int) -> list[str]:
    """A share in percent with its Wilson interval, and n."""
    low, high = wilson_interval(count, of)
    return [f"{100 * count / of:.1f} % [{100 * low:.1f}, {100 * high:.1f}]", f"{of:,}"]


def coverage_cells(intervals: Sequence[Interval], truth: float) -> list[str]:
    """The share of intervals that contain the true value, with its interval and n."""
    return share_cells(sum(low <= truth <= high for low, high in intervals), len(intervals))
