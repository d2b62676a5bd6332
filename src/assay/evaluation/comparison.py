"""Comparison: two groups of runs on the same images, and a plain verdict on their difference.

The tests are in `statistics.py`; this says what they allow one to say. Several comparisons at once are held to a
stricter measure (Holm).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import DataError, UsageError
from assay.evaluation import statistics
from assay.evaluation.predictions import Predictions
from assay.evaluation.statistics import Interval, SeedTest

Verdict = Literal["real", "not shown", "inside the noise"]


@dataclass(frozen=True, eq=False)
class Group:
    """Runs of one recipe that differ in their seed alone, with what each predicted on the same images."""

    name: str
    predictions: tuple[Predictions, ...]
    seeds: tuple[int, ...]

    @property
    def hits(self) -> NDArray[np.bool_]:
        """Which images each run got right, bool (S, N)."""
        return np.stack([one.predicted == one.labels for one in self.predictions])

    @property
    def accuracies(self) -> NDArray[np.float64]:
        """Of each run, float64 (S,)."""
        accuracies: NDArray[np.float64] = self.hits.mean(axis=1)
        return accuracies


@dataclass(frozen=True)
class Comparison:
    """Two groups on the same n images; differences are the first's accuracy minus the second's, as fractions.

    image_interval: paired bootstrap over images, the runs as they are. mcnemar_p: where each side has one run. seeds,
    sign_flip_p, bca: where both have at least two; the latter two where the seeds are the same. adjusted_p: of the test
    over seeds, or else McNemar's, after Holm's correction for all comparisons made together. least_difference: what
    this design shows with a chance of 80 %; runs_needed: runs a side that would show a difference as large as this.
    """

    first: str
    second: str
    data: str
    n: int
    accuracies: tuple[float, float]
    difference: float
    image_interval: Interval
    mcnemar_p: float | None = None
    seeds: SeedTest | None = None
    sign_flip_p: float | None = None
    bca: Interval | None = None
    adjusted_p: float = 1.0
    least_difference: float | None = None
    runs_needed: int | None = None

    @property
    def verdict(self) -> Verdict:
        """real: over seeds and over images. inside the noise: two runs of one recipe differ as much. Else not shown."""
        if self.seeds is None:
            return "inside the noise" if self.adjusted_p >= statistics.LEVEL else "not shown"
        low, high = self.image_interval
        if self.adjusted_p < statistics.LEVEL and (low > 0 or high < 0):
            return "real"
        return "inside the noise" if abs(self.difference) < self.seeds.spread else "not shown"

    @property
    def reason(self) -> str:
        """The verdict's ground and what would settle it, as one sentence."""
        if self.seeds is None:
            nets = "these two nets differ" if self.verdict == "not shown" else "not even these two nets surely differ"
            return f"{nets} on these {self.n:,} images; one run a side says nothing about the recipes: add seeds"
        p = f"p {_p(self.adjusted_p)} over {min(self.seeds.runs)} runs a side"
        if self.verdict == "real":
            return f"{p}, and it holds for other images too"
        if self.adjusted_p < statistics.LEVEL:
            return f"{p}, but other images than these {self.n:,} could say otherwise"
        more = f"{self.runs_needed}" if self.runs_needed else "more than a thousand"
        shows = f"this design could show {100 * (self.least_difference or 0):.2f} points"
        return f"{p}; {shows}, and {more} runs a side would settle one of this size"


def compare_groups(first: Group, second: Group) -> Comparison:
    """Compare two groups. Raises DataError where they were not judged on the same images."""
    _check_same_images([first, second])
    ours, theirs = first.accuracies, second.accuracies
    n = first.hits.shape[1]
    found = Comparison(
        first.name, second.name, first.predictions[0].data, n,
        (float(ours.mean()), float(theirs.mean())), float(ours.mean() - theirs.mean()),
        statistics.image_interval(first.hits.mean(axis=0) - second.hits.mean(axis=0)),
    )  # fmt: skip
    if len(ours) == len(theirs) == 1:
        p = statistics.mcnemar(first.hits[0], second.hits[0])
        return replace(found, mcnemar_p=p, adjusted_p=p)
    if min(len(ours), len(theirs)) < 2:
        counts = f"{first.name} has {len(ours)} run{'s' if len(ours) > 1 else ''} and {second.name} {len(theirs)}"
        raise UsageError(f"{counts}; give each at least two, or both one")
    paired = sorted(first.seeds) == sorted(second.seeds)
    if paired:
        ours, theirs = (group.accuracies[np.argsort(group.seeds)] for group in (first, second))
        gains = ours - theirs
        found = replace(found, sign_flip_p=statistics.sign_flip(gains), bca=statistics.bca_interval(gains))
    test = (statistics.paired_test if paired else statistics.welch_test)(ours, theirs, 1 / n)
    runs = min(test.runs)
    return replace(
        found, seeds=test, adjusted_p=test.p,
        least_difference=statistics.least_difference(test.spread, runs, paired),
        runs_needed=statistics.runs_needed(found.difference, test.spread, paired),
    )  # fmt: skip


def compare_all(groups: Sequence[Group], base: Group | None = None) -> list[Comparison]:
    """Every group with `base`, or every pair; p values are adjusted for their number (Holm 1979)."""
    pairs = [(group, base) for group in groups if group is not base] if base else list(combinations(groups, 2))
    return corrected([compare_groups(first, second) for first, second in pairs])


def corrected(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The same comparisons, their p values adjusted for being made together."""
    adjusted = statistics.holm([one.adjusted_p for one in comparisons])
    return [replace(one, adjusted_p=p) for one, p in zip(comparisons, adjusted, strict=True)]


def _check_same_images(groups: Sequence[Group]) -> None:
    """All runs of all groups must have judged the same images, with the same labels."""
    usual, owner = groups[0].predictions[0], groups[0].name
    for group in groups:
        for one in group.predictions:
            if one.data != usual.data:
                raise DataError(
                    f"{group.name} was judged on {one.data}, {owner} on {usual.data}; compare them on one set"
                )
            if not np.array_equal(one.indices, usual.indices):
                other = len(set(one.indices.tolist()) ^ set(usual.indices.tolist()))
                raise DataError(
                    f"{group.name} and {owner} were judged on different images of {usual.data}: "
                    f"{other:,} are in only one of them (another data.validation or data.split_seed?)"
                )
            if not np.array_equal(one.labels, usual.labels):
                raise DataError(f"{group.name} and {owner} have different labels for the same images of {usual.data}")


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"
