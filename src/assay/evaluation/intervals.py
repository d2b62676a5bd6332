"""95 % intervals of accuracies and of differences over images. None has zero width for lack of variation.

Accuracies are fractions. `benchmarks/honesty/coverage.py` measures how often each contains the true value.
"""

from collections.abc import Sequence
from math import hypot, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from assay.core.numbers import Interval

Floats = NDArray[np.float64]

TAIL = 0.025  # on each side
Z = float(stats.norm.isf(TAIL))


def wilson_interval(correct: float, n: int) -> Interval:
    """Wilson's interval of a share of n images (Wilson 1927). correct: of replicates their mean, no whole number."""
    share, weight = correct / n, Z**2 / n
    middle = (share + weight / 2) / (1 + weight)
    half = sqrt(weight * share * (1 - share) + weight**2 / 4) / (1 + weight)
    low = 0.0 if correct == 0 else middle - half
    high = 1.0 if correct == n else middle + half
    return low, high


def mean_interval(accuracies: Sequence[float], n: int) -> Interval | None:
    """Interval of the mean accuracy over seeds and images; None for fewer than 2 runs.

    accuracies: of runs that differ in their seed, on the same n images. On each side, the squared distances to the
    mean of Student's t limit over seeds and of Wilson's limit over images are added (Zou and Donner 2008). So the
    interval contains both, and equal accuracies give Wilson's.
    """
    runs = len(accuracies)
    if runs < 2:
        return None
    mean = float(np.mean(accuracies))
    low, high = wilson_interval(mean * n, n)
    over_seeds = float(stats.t.isf(TAIL, runs - 1)) * float(np.std(accuracies, ddof=1)) / sqrt(runs)
    return max(mean - hypot(mean - low, over_seeds), 0.0), min(mean + hypot(high - mean, over_seeds), 1.0)


def image_interval(gains: Floats) -> Interval:
    """Interval of a mean difference over images, with the runs fixed (Bonett and Price 2012).

    gains: for each image, the difference in the share of runs that classify it correctly, -1 to 1, float64 (N,). A
    normal interval after adding two images: one that only the first side gets right and one that only the second does.
    """
    return _interval_with_extra_images(gains, [-1.0, 1.0])


def share_interval(shares: Floats) -> Interval:
    """Interval of a mean share over images (Agresti and Coull 1998).

    shares: for each image, a share of 0 to 1 that is counted over fixed conditions, float64 (N,). A normal interval
    after adding four images: two with a share of 0 and two with 1.
    """
    return _interval_with_extra_images(shares, [0.0, 0.0, 1.0, 1.0])


def _interval_with_extra_images(values: Floats, extra: Sequence[float]) -> Interval:
    """A normal interval of the mean after adding images, within the range of the added values."""
    values = np.append(values, extra)
    middle, half = float(values.mean()), Z * float(values.std()) / sqrt(len(values))
    return max(middle - half, min(extra)), min(middle + half, max(extra))
