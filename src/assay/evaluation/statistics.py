"""Differences between trainings: intervals and tests over images and over seeds. All distributions are scipy's.

Accuracies are fractions; a difference is the first minus the second. What follows from them is in `comparison.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import integrate, optimize, stats

Floats = NDArray[np.float64]
Interval = tuple[float, float]
Kind = Literal["paired", "welch"]

LEVEL = 0.05
DRAWS = 10_000
SEED = 0  # of the bootstrap: the same data always give the same interval


def mcnemar(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Exact two-sided p of McNemar's test on hits and misses of the same images, bool (N,) each (McNemar 1947)."""
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    if only_first + only_second == 0:
        return 1.0
    return float(stats.binomtest(only_first, only_first + only_second).pvalue)


def image_interval(gain: Floats) -> Interval:
    """95 % interval of the mean over images, (N,): each image's difference in the share of runs that get it right.

    A paired percentile bootstrap over images (Efron 1979). Images with the same gain count as one kind, drawn by a
    multinomial, which is the same as drawing images.
    """
    values, counts = np.unique(gain, return_counts=True)
    draws = np.random.default_rng(SEED).multinomial(len(gain), counts / len(gain), DRAWS)
    low, high = np.quantile(draws @ values / len(gain), [LEVEL / 2, 1 - LEVEL / 2])
    return float(low), float(high)


def mean_interval(values: Sequence[float]) -> Interval | None:
    """95 % t interval of the mean, as over seeds; none from fewer than 2 values."""
    if len(values) < 2:
        return None
    middle, error = float(np.mean(values)), float(stats.sem(values))
    if error == 0:
        return middle, middle
    low, high = stats.t.interval(1 - LEVEL, len(values) - 1, middle, error)
    return float(low), float(high)


def bca_interval(values: Floats) -> Interval | None:
    """Bias-corrected and accelerated bootstrap interval of the mean (Efron 1987); none from fewer than 4 values."""
    if len(values) < 4 or np.ptp(values) == 0:
        return None
    found = stats.bootstrap((values,), np.mean, n_resamples=DRAWS, method="BCa", rng=np.random.default_rng(SEED))
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def sign_flip(differences: Floats) -> float:
    """Two-sided p of the permutation test that flips signs of paired differences (Fisher 1935); exact up to 13."""
    found = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=DRAWS, rng=np.random.default_rng(SEED)
    )
    return float(found.pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """p values adjusted for their number, step down (Holm 1979), in the order given."""
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    stepped = np.minimum(1.0, np.maximum.accumulate(np.asarray(p_values, dtype=float)[order] * factors))
    adjusted = np.empty(len(p_values))
    adjusted[order] = stepped
    return [float(p) for p in adjusted]


@dataclass(frozen=True)
class SeedTest:
    """Whether a difference of mean accuracies holds over seeds.

    kind: paired (the same seeds on both sides, Student 1908) or welch (Welch 1947). difference: first minus second.
    interval: 95 %. spread: the standard deviation of the difference of one run a side, estimated with `freedom` degrees
    of freedom. runs: on each side.
    """

    kind: Kind
    difference: float
    interval: Interval
    p: float
    spread: float
    freedom: float
    runs: tuple[int, int]


def paired_test(first: Floats, second: Floats, step: float) -> SeedTest:
    """The paired t test of the accuracies (S,) of runs with the same seeds; `step` is the least possible difference."""
    gains = first - second
    n = len(gains)
    spread = max(float(gains.std(ddof=1)), step / sqrt(12))  # equal gains are rounding, not certainty
    return _t_test("paired", float(gains.mean()), spread, spread / sqrt(n), n - 1, (n, n))


def welch_test(first: Floats, second: Floats, step: float) -> SeedTest:
    """Welch's t test of two groups of accuracies, (A,) and (B,); `step` is the least possible difference."""
    shares = [max(float(group.var(ddof=1)), step**2 / 12) for group in (first, second)]
    parts = [share / len(group) for share, group in zip(shares, (first, second), strict=True)]
    freedom = sum(parts) ** 2 / sum(
        part**2 / (len(group) - 1) for part, group in zip(parts, (first, second), strict=True)
    )
    difference = float(first.mean() - second.mean())
    runs = (len(first), len(second))
    return _t_test("welch", difference, sqrt(sum(shares)), sqrt(sum(parts)), freedom, runs)


def _t_test(
    kind: Kind, difference: float, spread: float, error: float, freedom: float, runs: tuple[int, int]
) -> SeedTest:
    low, high = stats.t.interval(1 - LEVEL, freedom, difference, error)
    p = float(2 * stats.t.sf(abs(difference) / error, freedom))
    return SeedTest(kind, difference, (float(low), float(high)), p, spread, freedom, runs)


def power(difference: float, spread: float, runs: int, paired: bool) -> float:
    """The chance that `runs` runs a side show a true difference, two-sided at 5 %: the noncentral t distribution.

    spread: the standard deviation of the difference of one run a side.
    """
    freedom = runs - 1 if paired else 2 * (runs - 1)
    bound = stats.t.ppf(1 - LEVEL / 2, freedom)
    shift = abs(difference) * sqrt(runs) / spread
    other_way = np.nan_to_num(stats.nct.cdf(-bound, freedom, shift))  # scipy gives NaN where it is next to nothing
    return float(stats.nct.sf(bound, freedom, shift) + other_way)


def least_difference(spread: float, runs: int, paired: bool, chance: float = 0.8) -> float:
    """The smallest true difference that so many runs a side show with that chance."""
    high = spread
    while power(high, spread, runs, paired) < chance:
        high *= 2
    return float(optimize.brentq(lambda d: power(d, spread, runs, paired) - chance, 0.0, high))


def runs_needed(difference: float, spread: float, paired: bool, chance: float = 0.8, most: int = 1000) -> int | None:
    """The least number of runs a side that shows a true difference of that size with that chance; None above `most`."""
    if difference == 0 or power(difference, spread, most, paired) < chance:
        return None
    low, high = 1, most  # low is too few
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(difference, spread, middle, paired) >= chance else (middle, high)
    return high


def winners_curse(error: float, candidates: int) -> float:
    """By how much the best of equally good candidates exceeds the truth: the expected maximum of normal noise.

    error: the standard deviation of each candidate's measured accuracy.
    """

    def density(x: float) -> float:
        return float(x * candidates * stats.norm.pdf(x) * stats.norm.cdf(x) ** (candidates - 1))

    return error * float(integrate.quad(density, -10, 10)[0]) if candidates > 1 else 0.0
