"""Simulated comparisons whose noises over seeds and over images are known, many at once.

Means and mean squares of two-way random effects are independent, normal and chi-squared (Searle, Casella and McCulloch
1992), so they are drawn themselves, without any image.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.evaluation.joint_test import Floats, Noise


@dataclass(frozen=True)
class Design:
    """Runs on each side, whether they are paired by seed, and the second side's variance over seeds by the first's."""

    runs: tuple[int, int]
    is_paired: bool = True
    variance_ratio: float = 1.0

    def __str__(self) -> str:
        """`paired, 3 runs a side`, `Welch, 2 and 5 runs, variances 1 to 0.1`."""
        kind = "paired" if self.is_paired else "Welch"
        runs = f"{self.runs[0]} runs a side" if self.runs[0] == self.runs[1] else "{} and {} runs".format(*self.runs)
        ratio = "" if self.variance_ratio == 1 else f", variances 1 to {self.variance_ratio:g}"
        return f"{kind}, {runs}{ratio}"

    def noise(self, seeds: float, images: float, interaction: float, n: int) -> Noise:
        """Noise with these squared standard errors of the difference. interaction: its share of that of the seeds."""
        unit = seeds / (1 / self.runs[0] + self.variance_ratio / self.runs[1])
        variances = (seeds * self.runs[0],) if self.is_paired else (unit, unit * self.variance_ratio)
        return Noise(variances, tuple(interaction * variance for variance in variances), images, n)


def standard_error(noise: Noise, runs: Sequence[int]) -> Floats:
    """Standard error of the difference."""
    over_seeds = sum(variance / count for variance, count in zip(noise.seeds, runs, strict=False))
    error: Floats = np.sqrt(over_seeds + noise.images)
    return error


def simulate(
    noise: Noise, runs: Sequence[int], difference: float, times: int, rng: np.random.Generator
) -> tuple[Floats, Noise]:
    """Measured differences, float64 (times,), and the noise that is estimated beside each."""
    freedoms = [count - 1 for count, _ in zip(runs, noise.seeds, strict=False)]
    measured = rng.normal(difference, standard_error(noise, runs), times)
    seeds = tuple(v * _mean_square(f, times, rng) for v, f in zip(noise.seeds, freedoms, strict=True))
    interaction = tuple(
        v * _mean_square(f * (noise.n - 1), times, rng) for v, f in zip(noise.interaction, freedoms, strict=True)
    )
    twice = [
        sum(v / (f + 1) for v, f in zip(parts, freedoms, strict=True)) for parts in (noise.interaction, interaction)
    ]
    over_images = (noise.images + twice[0]) * _mean_square(noise.n - 1, times, rng)
    return measured, Noise(seeds, interaction, np.maximum(over_images - twice[1], 0.0), noise.n)


def rejections(
    noise: Noise, runs: Sequence[int], difference: float, times: int, rng: np.random.Generator, level: float = 0.05
) -> NDArray[np.bool_]:
    """Whether each simulated comparison is called real at this level, bool (times,)."""
    measured, estimated = simulate(noise, runs, difference, times, rng)
    return np.abs(measured) > estimated.half_width(runs, level)


def _mean_square(freedom: int, times: int, rng: np.random.Generator) -> Floats:
    return rng.chisquare(freedom, times) / freedom
