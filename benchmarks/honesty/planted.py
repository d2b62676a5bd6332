"""Is a planted difference detected as often as the predicted power says?"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from assay.evaluation.joint_test import estimate_noise
from assay.evaluation.power import power
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
    for runs in SIZES:
        for is_paired in (True, False):
            noise = replace(estimate_noise(hits[::2], hits[1::2], is_paired), images=0.0)  # one recipe on both sides
            comparisons = pairs(hits, runs, times, rng, GAIN, is_paired)
            count = sum(comparison.verdict == "real" for comparison in comparisons)
            expected_power = power(GAIN, noise, (runs, runs))
            yield [design_name(runs, is_paired), f"{100 * expected_power:.0f} %", *share_cells(count, times)]
