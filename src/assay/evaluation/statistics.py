"""Statistics of differences between trainings: tests over images and over seeds.

Accuracies are fractions; a difference is the first minus the second. All distributions are scipy's. The test over
seeds and images together is in `joint_test`, its power in `power`; verdicts are in `comparison`, intervals of
accuracies in `intervals`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import integrate, stats

from assay.core.numbers import Interval

Floats = NDArray[np.float64]
Kind = Literal["paired", "welch"]

LEVEL = 0.05


def mcnemar(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Two-sided p value of McNemar's exact test on hits on the same images, bool (N,) each (McNemar 1947)."""
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    if only_first + only_second == 0:
        return 1.0
    return float(stats.binomtest(only_first, only_first + only_second).pvalue)


def holm(p_values: Sequence[float], of: int | None = None) -> list[float]:
    """p values adjusted for their number by Holm's step-down method (Holm 1979), in the order of the input.

    of: the number of tests that these were chosen from, if it is larger. The others count as if their p were 1, which
    is at least as strict as Holm's method on all of them.
    """
    order = np.argsort(p_values, kind="stable")
    factors = max(of or 0, len(p_values)) - np.arange(len(p_values))
    products = np.asarray(p_values, dtype=float)[order] * factors
    result = np.empty(len(p_values))
    result[order] = np.minimum(1.0, np.maximum.accumulate(products))
    return [float(p) for p in result]


@dataclass(frozen=True)
class SeedTest:
    """A test over seeds of a difference of mean accuracies.

    kind: paired (the same seeds on both sides, Student 1908) or welch (Welch 1947). difference: first minus second.
    interval: 95 %. spread: standard deviation of the difference with one run per side, estimated with `freedom` degrees
    of freedom. runs: number on each side.
    """

    kind: Kind
    difference: float
    interval: Interval
    p: float
    spread: float
    freedom: float
    runs: tuple[int, int]


def paired_test(first: Floats, second: Floats, step: float) -> SeedTest:
    """Paired t test of accuracies, (S,), of runs with the same seeds; `step` is the smallest possible difference."""
    gains = first - second
    n = len(gains)
    spread = max(float(gains.std(ddof=1)), step / sqrt(12))  # equal gains come from rounding, not from certainty
    return _t_test("paired", float(gains.mean()), spread, spread / sqrt(n), n - 1, (n, n))


def welch_test(first: Floats, second: Floats, step: float) -> SeedTest:
    """Welch's t test of two groups of accuracies, (A,) and (B,); `step` is the smallest possible difference."""
    variances = [max(float(group.var(ddof=1)), step**2 / 12) for group in (first, second)]
    runs = (len(first), len(second))
    errors = [variance / n for variance, n in zip(variances, runs, strict=True)]
    freedom = sum(errors) ** 2 / sum(error**2 / (n - 1) for error, n in zip(errors, runs, strict=True))
    difference = float(first.mean() - second.mean())
    return _t_test("welch", difference, sqrt(sum(variances)), sqrt(sum(errors)), freedom, runs)


def _t_test(
    kind: Kind, difference: float, spread: float, error: float, freedom: float, runs: tuple[int, int]
) -> SeedTest:
    low, high = stats.t.interval(1 - LEVEL, freedom, difference, error)
    p = float(2 * stats.t.sf(abs(difference) / error, freedom))
    return SeedTest(kind, difference, (float(low), float(high)), p, spread, freedom, runs)


def winners_curse(error: float, candidates: int) -> float:
    """How far the best of equally good candidates lies above the truth: the expected maximum of normal noise.

    error: standard deviation of each candidate's measured accuracy.
    """

    def density(x: float) -> float:
        return float(x * candidates * stats.norm.pdf(x) * stats.norm.cdf(x) ** (candidates - 1))

    return error * float(integrate.quad(density, -10, 10)[0]) if candidates > 1 else 0.0
