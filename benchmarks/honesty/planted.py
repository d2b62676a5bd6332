"""Is a planted difference detected as often as the predicted power says?"""

from collections.abc import Iterator

import numpy as np

from assay.evaluation import statistics
from benchmarks.honesty.real_runs import SIZES, Hits, RealRuns, design_name, pairs
from benchmarks.honesty.shares import share_cells
from benchmarks.tables import markdown

GAIN = 0.005


def section(runs: RealRuns, times: int, rng: np.random.Generator) -> str:
    """Real runs, one side with more correct answers."""
    header = ["design", "power predicted", "called real", "pairs of groups"]
    return f"## {100 * GAIN:g} points planted\n\n{markdown(header, list(rows(runs.hits, times, rng)))}"


def rows(hits: Hits, times: int, rng: np.random.Generator) -> Iterator[list[str]]:
    """A row for each design."""
    spread = float(hits.mean(axis=1).std(ddof=1)) * 2**0.5  # of the difference of two single runs
    for runs in SIZES:
        for is_paired in (True, False):
            comparisons = pairs(hits, runs, times, rng, GAIN, is_paired)
            count = sum(comparison.verdict == "real" for comparison in comparisons)
            expected_power = statistics.power(GAIN, spread, runs, is_paired)
            yield [design_name(runs, is_paired), f"{100 * expected_power:.0f} %", *share_cells(count, times)]
