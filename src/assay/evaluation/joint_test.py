"""One test of a difference of mean accuracies against both of its noises: seeds and images.

Runs classify the same images, so a single answer varies by the image, by the seed, and by the two together (two-way
random effects without replicates: Cornfield and Tukey 1956). The difference of means then has the variance

    seeds / runs + images,

where `seeds` is the variance over seeds, which contains the interaction of seeds with single images, and `images` is
what remains of the variance over images after the interaction was taken out of it: more runs cannot reduce it.

The interval adds the squares of two margins, t times each standard error (Banerjee 1960). Its coverage is at least that
of the level for any ratio of the two noises, which Satterthwaite's combined degrees of freedom do not achieve with few
seeds: simulations are in `benchmarks/honesty`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from assay.core.numbers import Interval
from assay.evaluation.statistics import LEVEL

Floats = NDArray[np.float64]
Variance = float | Floats

_LEAST_P = 1e-100  # scipy's t quantiles are right to here


@dataclass(frozen=True)
class Noise:
    """Why a difference of mean accuracies varies, as variances; arrays hold many simulations at once.

    seeds: over seeds, of the gain where runs are paired by seed (one value), otherwise of each side's accuracy (two).
    interaction: how much of each of `seeds` comes from seeds that change the answer to single images. images: variance
    of the difference over images that remains with any number of runs. n: number of images.
    """

    seeds: tuple[Variance, ...]
    interaction: tuple[Variance, ...]
    images: Variance
    n: int

    def half_width(self, runs: Sequence[int], level: float | Floats = LEVEL) -> Floats:
        """Half the width of the interval of the difference, or what a difference must exceed, at this level.

        runs: on each side. The margin of the seeds is never less than chance on these images allows with equally good
        seeds, so the interval is never narrower than the one over images alone.
        """
        seeds = [variance / count for variance, count in zip(self.seeds, runs, strict=False)]
        interaction = sum(variance / count for variance, count in zip(self.interaction, runs, strict=False))
        t = stats.t.isf(np.divide(level, 2), _freedom(seeds, runs))
        z = stats.t.isf(np.divide(level, 2), max(self.n - 1, 1))
        seed_margin = np.maximum(t * np.sqrt(sum(seeds)), z * np.sqrt(interaction))
        half: Floats = np.hypot(seed_margin, z * np.sqrt(self.images))
        return half

    def interval(self, difference: float, runs: Sequence[int]) -> Interval:
        """95 % interval of the difference over seeds and images together."""
        half = float(self.half_width(runs))
        return difference - half, difference + half

    def p(self, difference: float, runs: Sequence[int]) -> float:
        """Two-sided p value: the level at which the interval ends at zero. At least 1e-100."""

        def excess(log_level: float) -> float:
            return float(self.half_width(runs, exp(log_level))) - abs(difference)

        if excess(log(_LEAST_P)) <= 0:
            return _LEAST_P
        return exp(optimize.brentq(excess, log(_LEAST_P), 0.0, xtol=1e-12)) if difference else 1.0


def estimate_noise(first: NDArray[np.bool_], second: NDArray[np.bool_], is_paired: bool) -> Noise:
    """Estimate the noise from hits on the same images, bool (..., S, N) each, S at least 2.

    is_paired: row s of both sides has the same seed. Equal accuracies come from rounding to whole images and not from
    certainty, so a variance over seeds is at least that of rounding, 1 / (12 N^2).
    """
    n = first.shape[-1]
    sides = [first.astype(np.float32), second.astype(np.float32)]
    tables = [sides[0] - sides[1]] if is_paired else sides
    seeds = tuple(
        np.maximum(table.mean(axis=-1, dtype=float).var(axis=-1, ddof=1), 1 / (12 * n**2)) for table in tables
    )
    interaction = tuple(_interaction(table) / n for table in tables)
    gain = sides[0].mean(axis=-2, dtype=float) - sides[1].mean(axis=-2, dtype=float)
    over_images = gain.var(axis=-1, ddof=min(1, n - 1)) / n
    counts = [table.shape[-2] for table in tables]
    twice = sum(variance / count for variance, count in zip(interaction, counts, strict=True))
    return Noise(seeds, interaction, np.maximum(over_images - twice, 0.0), n)


def _interaction(table: NDArray[np.floating]) -> Floats:
    """Mean square of the residuals from means of rows and columns, of (..., S, N)."""
    runs, n = table.shape[-2:]
    run_means = table.mean(axis=-1, dtype=float)
    image_means = table.mean(axis=-2, dtype=float)
    total = np.square(table, dtype=float).sum(axis=(-2, -1))
    explained = n * (run_means**2).sum(axis=-1) + runs * (image_means**2).sum(axis=-1)
    residual = total - explained + runs * n * run_means.mean(axis=-1) ** 2
    square: Floats = np.maximum(residual, 0.0) / max((runs - 1) * (n - 1), 1)
    return square


def _freedom(errors: Sequence[Variance], runs: Sequence[int]) -> Variance:
    """Degrees of freedom of the seeds' squared standard error; errors: each side's, or one where runs are paired.

    Those of Welch (1947) exceed those of the side with fewer runs. Only a part of the excess is used, because with two
    or three runs a side and unequal variances or counts the whole rejects too often: up to 12 % instead of 5 %. With
    half of it for equal counts, and less for unequal ones, it is at most 5.5 %.
    """
    if len(errors) == 1:
        return runs[0] - 1
    weights = sum(error**2 / (count - 1) for error, count in zip(errors, runs, strict=True))
    welch = sum(errors) ** 2 / weights
    least = min(runs) - 1
    return least + np.minimum(welch - least, least) * min(runs) / max(runs) / 2
