"""What a design can show: power of the verdict "real", the least difference it detects, and the runs it would need.

Power is that of the test in `joint_test`, with both noises, at the level that a correction for several comparisons
leaves. The noises are taken as known. A variance estimated from few runs is too small more often than too large, so
plan with `median_unbiased`; the result remains a plan and not a promise.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from assay.evaluation.joint_test import Noise
from assay.evaluation.statistics import LEVEL

Floats = NDArray[np.float64]

CHANCE = 0.8
MOST_RUNS = 1000

_NODES = {1: 96, 2: 24}  # for one and for two independent variances


def power(difference: float, noise: Noise, runs: Sequence[int], comparisons: int = 1) -> float:
    """Probability that a true difference is called real with these runs on each side.

    comparisons: how many are made together. Each is tested at 5 % divided by their number, the strictest level of
    Holm's correction. The estimated variances follow chi-squared distributions, independent of the difference.
    """
    margins, weights = _margins(noise, runs, LEVEL / comparisons)
    return _exceeding(difference, margins, weights, _error(noise, runs))


def least_difference(noise: Noise, runs: Sequence[int], comparisons: int = 1, chance: float = CHANCE) -> float | None:
    """The smallest true difference that is called real with probability `chance`. None where none is: above 1."""
    margins, weights = _margins(noise, runs, LEVEL / comparisons)
    error = _error(noise, runs)

    def excess(difference: float) -> float:
        return _exceeding(difference, margins, weights, error) - chance

    return float(optimize.brentq(excess, 0.0, 1.0)) if excess(1.0) > 0 else None


def runs_needed(difference: float, noise: Noise, comparisons: int = 1, chance: float = CHANCE) -> int | None:
    """The smallest number of runs on each side that shows a true difference with probability `chance`.

    None where that takes more than `MOST_RUNS`; `images_suffice` says whether more runs would help at all.
    """
    low, high = 1, MOST_RUNS + 1  # low is too few, high is enough or too many to try
    while high - low > 1:
        middle = (low + high) // 2
        if power(difference, noise, (middle, middle), comparisons) >= chance:
            high = middle
        else:
            low = middle
    return high if high <= MOST_RUNS else None


def images_suffice(difference: float, noise: Noise, comparisons: int = 1, chance: float = CHANCE) -> bool:
    """Whether any number of runs shows a true difference with probability `chance` on this number of images."""
    error = sqrt(noise.images)
    margin = error * stats.t.isf(LEVEL / comparisons / 2, max(noise.n - 1, 1))
    return difference != 0 and _exceeding(difference, np.array([margin]), np.ones(1), error) >= chance


def median_unbiased(noise: Noise, runs: Sequence[int]) -> Noise:
    """The estimated noise with variances over seeds that are too small as often as too large.

    runs: on each side, of the estimate, whose variances follow chi-squared distributions: divided by their medians.
    """
    medians = [stats.chi2.median(count - 1) / (count - 1) for count in runs]
    seeds = tuple(variance / median for variance, median in zip(noise.seeds, medians, strict=False))
    return replace(noise, seeds=seeds)


def _error(noise: Noise, runs: Sequence[int]) -> float:
    """Standard error of the difference."""
    return sqrt(sum(variance / count for variance, count in zip(noise.seeds, runs, strict=False)) + noise.images)


def _margins(noise: Noise, runs: Sequence[int], level: float) -> tuple[Floats, Floats]:
    """What the difference must exceed, over the distribution of the estimated variances: values and weights."""
    nodes = _NODES[len(noise.seeds)]
    sides = [_chi_squared(count - 1, nodes) for count, _ in zip(runs, noise.seeds, strict=False)]
    grid = np.meshgrid(*(values for values, _ in sides), indexing="ij")
    seeds = tuple(variance * values.ravel() for variance, values in zip(noise.seeds, grid, strict=True))
    weights = np.ones(1)
    for _, side_weights in sides:
        weights = np.outer(weights, side_weights).ravel()
    return replace(noise, seeds=seeds).half_width(runs, level), weights


@lru_cache(maxsize=256)
def _chi_squared(freedom: int, nodes: int) -> tuple[Floats, Floats]:
    """A chi-squared variable divided by its degrees of freedom: values and weights, Gauss-Legendre in its quantiles."""
    points, weights = np.polynomial.legendre.leggauss(nodes)
    return stats.chi2.ppf((points + 1) / 2, freedom) / freedom, weights / 2


def _exceeding(difference: float, margins: Floats, weights: Floats, error: float) -> float:
    """Probability that a normal difference with this mean and standard error exceeds a margin on either side."""
    if error == 0:
        return float(abs(difference) > margins.max())
    above = stats.norm.sf((margins - abs(difference)) / error)
    below = stats.norm.sf((margins + abs(difference)) / error)
    return float(weights @ (above + below))
