"""How often do the 95 % intervals contain the true value?"""

from collections.abc import Iterator

import numpy as np

from assay.evaluation import statistics
from assay.evaluation.statistics import wilson_interval
from benchmarks.honesty.real_runs import SIZES, RealRuns
from benchmarks.honesty.shares import coverage_cells
from benchmarks.tables import markdown


def section(runs: RealRuns, times: int, rng: np.random.Generator) -> str:
    """Every kind of interval, by simulation."""
    lines = [*over_seeds(10 * times, rng), *over_images(10 * times, rng)]
    return f"## Coverage of 95 % intervals\n\n{markdown(['interval', 'contains the true value', 'simulations'], lines)}"


def over_seeds(times: int, rng: np.random.Generator) -> Iterator[list[str]]:
    """Differences over seeds."""
    for runs in SIZES:
        first, second = rng.normal(0.905, 0.002, (times, runs)), rng.normal(0.900, 0.003, (times, runs))
        for name, test in (("paired t", statistics.paired_test), ("Welch's t", statistics.welch_test)):
            intervals = [test(a, b, 1e-9).interval for a, b in zip(first, second, strict=True)]
            yield [f"over seeds, {name}, {runs} runs a side", *coverage_cells(intervals, 0.005)]


def over_images(times: int, rng: np.random.Generator) -> Iterator[list[str]]:
    """Differences over images, and accuracies of one run."""
    for images in (1000, 10_000):
        gains = rng.multinomial(images, [0.03, 0.92, 0.05], times // 4)
        intervals = [statistics.image_interval(np.repeat([-1.0, 0.0, 1.0], counts)) for counts in gains]
        yield [f"over images, paired bootstrap, {images:,} images", *coverage_cells(intervals, 0.02)]
        correct = rng.binomial(images, 0.9, times)
        intervals = [wilson_interval(int(hits), images) for hits in correct]
        yield [f"an accuracy, Wilson, {images:,} images", *coverage_cells(intervals, 0.9)]
