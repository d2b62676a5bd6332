"""How often do the 95 % intervals contain the true value?"""

from collections.abc import Iterator
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from assay.evaluation import statistics
from assay.evaluation.intervals import image_interval, mean_interval, share_interval, wilson_interval
from benchmarks.honesty.real_runs import SIZES, RealRuns
from benchmarks.honesty.shares import coverage_cells
from benchmarks.tables import markdown

IMAGES = (20, 40, 100, 1000)
ACCURACIES = (0.5, 0.9, 0.97, 1.0)
REPLICATES = (1, 2, 3, 5)
# How alike the answers of replicates are, as shares of the variance of a latent score: of images, of seeds.
CORRELATIONS = {"independent": (0.0, 0.0), "alike": (0.8, 0.0), "alike, seeds differ": (0.5, 0.05)}
HEADER = ("interval", "contains the true value", "simulations")


def section(runs: RealRuns, times: int, rng: np.random.Generator) -> str:
    """Every kind of interval, by simulation."""
    accuracies = ["images", "runs", *(f"accuracy {100 * accuracy:g} %" for accuracy in ACCURACIES)]
    tables = [
        markdown(HEADER, list(over_seeds(10 * times, rng))),
        f"Accuracies: the lowest coverage of {len(CORRELATIONS)} kinds of replicates; {5 * times:,} simulations each, "
        "one run exactly.\n",
        markdown(accuracies, list(over_replicates(5 * times, rng))),
        markdown(HEADER, list(over_images(5 * times, rng))),
    ]
    return "\n".join(["## Coverage of 95 % intervals\n", *tables])


def over_seeds(times: int, rng: np.random.Generator) -> Iterator[list[str]]:
    """Differences over seeds."""
    for runs in SIZES:
        first, second = rng.normal(0.905, 0.002, (times, runs)), rng.normal(0.900, 0.003, (times, runs))
        for name, test in (("paired t", statistics.paired_test), ("Welch's t", statistics.welch_test)):
            intervals = [test(a, b, 1e-9).interval for a, b in zip(first, second, strict=True)]
            yield [f"difference over seeds, {name}, {runs} runs a side", *coverage_cells(intervals, 0.005)]


def over_replicates(times: int, rng: np.random.Generator) -> Iterator[list[str]]:
    """Accuracies of one run (Wilson) and of several, whose seeds differ and whose answers on an image are alike."""
    for n, runs in product(IMAGES, REPLICATES):
        shares = [
            exact_coverage(n, accuracy) if runs == 1 else lowest_coverage(times, runs, n, accuracy, rng)
            for accuracy in ACCURACIES
        ]
        yield [f"{n:,}", str(runs), *(f"{100 * share:.1f} %" for share in shares)]


def exact_coverage(n: int, accuracy: float) -> float:
    """The probability that the interval of one run contains its accuracy, summed over the binomial distribution."""
    counts = np.arange(n + 1)
    intervals = np.array([wilson_interval(int(count), n) for count in counts])
    contains = (intervals[:, 0] <= accuracy) & (accuracy <= intervals[:, 1])
    return float(stats.binom.pmf(counts, n, accuracy)[contains].sum())


def lowest_coverage(times: int, runs: int, n: int, accuracy: float, rng: np.random.Generator) -> float:
    """The share of intervals over seeds and images that contain the accuracy, for the least favorable replicates."""
    shares = []
    for images, seeds in CORRELATIONS.values():
        counts = correct_counts(times, runs, n, accuracy, images, seeds, rng)
        intervals = np.array([mean_interval(list(row / n), n) for row in counts])
        shares.append(np.mean((intervals[:, 0] <= accuracy) & (accuracy <= intervals[:, 1])))
    return float(min(shares))


def correct_counts(
    times: int, runs: int, n: int, accuracy: float, images: float, seeds: float, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Correct images of replicates, int (times, runs); images and seeds: their shares of a latent score's variance."""
    counts = np.empty((times, runs), dtype=np.int64)
    for row in range(times):
        score = np.sqrt(1 - images - seeds) * rng.standard_normal((runs, n), dtype=np.float32)
        score += np.sqrt(images) * rng.standard_normal(n, dtype=np.float32)
        score += np.sqrt(seeds) * rng.standard_normal((runs, 1), dtype=np.float32)
        counts[row] = (score < stats.norm.ppf(accuracy)).sum(axis=1)
    return counts


def over_images(times: int, rng: np.random.Generator) -> Iterator[list[str]]:
    """Differences of two runs, and mean shares, over images."""
    for n in IMAGES:
        for lost, gained in ((0.0, 0.0), (0.0, 0.03), (0.01, 0.05), (0.1, 0.2)):
            counts = rng.multinomial(n, [lost, 1 - lost - gained, gained], times)
            intervals = [image_interval(np.repeat([-1.0, 0.0, 1.0], row)) for row in counts]
            name = f"difference of {100 * (gained - lost):g} points, {100 * (gained + lost):g} % of {n:,} images differ"
            yield [name, *coverage_cells(intervals, gained - lost)]
        for share in (0.03, 0.3):
            values = rng.binomial(20, rng.beta(share, 1 - share, (times, n))) / 20
            intervals = [share_interval(row) for row in values]
            yield [f"mean share of {100 * share:g} % over {n:,} images", *coverage_cells(intervals, share)]
