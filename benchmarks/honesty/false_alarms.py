"""How often are two groups of the same recipe called different?"""

from collections.abc import Iterator

import numpy as np

from benchmarks.honesty.real_runs import SIZES, Hits, RealRuns, design_name, pairs
from benchmarks.honesty.shares import share_cells
from benchmarks.tables import markdown


def section(runs: RealRuns, times: int, rng: np.random.Generator) -> str:
    """Real runs against other runs of the same recipe."""
    table = markdown(["design", "called real", "pairs of groups"], list(rows(runs.hits, times, rng)))
    return f"## One recipe against itself\n\n{runs.describe()}\n\n{table}"


def rows(hits: Hits, times: int, rng: np.random.Generator) -> Iterator[list[str]]:
    """A row for each design."""
    for runs in SIZES:
        for is_paired in (True, False):
            comparisons = pairs(hits, runs, times, rng, 0.0, is_paired)
            count = sum(comparison.verdict == "real" for comparison in comparisons)
            yield [design_name(runs, is_paired), *share_cells(count, times)]
