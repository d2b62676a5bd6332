"""Comparisons: two groups of runs on the same images, and a verdict on their difference.

The tests are in `statistics`. Several comparisons made together are corrected for their number (Holm).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import DataError, UsageError
from assay.core.numbers import Interval, p_statement
from assay.evaluation import statistics
from assay.evaluation.image_identity import UNKNOWN_IMAGES, ImageIdentity
from assay.evaluation.intervals import image_interval
from assay.evaluation.predictions import Predictions
from assay.evaluation.statistics import SeedTest

Verdict = Literal["real", "not shown", "inside the noise"]


@dataclass(frozen=True, eq=False)
class Group:
    """Runs of one recipe that differ only in their seed, with their predictions on the same images.

    images: which data set's images these are, as far as the runs know.
    """

    name: str
    predictions: tuple[Predictions, ...]
    seeds: tuple[int, ...]
    images: ImageIdentity = UNKNOWN_IMAGES

    @property
    def hits(self) -> NDArray[np.bool_]:
        """Whether each run classified each image correctly, bool (S, N)."""
        return np.stack([run.predicted == run.labels for run in self.predictions])

    @property
    def accuracies(self) -> NDArray[np.float64]:
        """Accuracy of each run, float64 (S,)."""
        accuracies: NDArray[np.float64] = self.hits.mean(axis=1)
        return accuracies


@dataclass(frozen=True)
class Comparison:
    """Two groups on the same n images; differences are the first's accuracy minus the second's, as fractions.

    image_interval: 95 %, over images with the runs fixed. mcnemar_p: set where each side has one run. seeds:
    set where both sides have at least two. adjusted_p: p value of the test over seeds, or else McNemar's, after Holm's
    correction for all comparisons made together. least_difference: the difference that this design detects with a
    probability of 80 %. runs_needed: runs per side that would detect a difference as large as this one.
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
    adjusted_p: float = 1.0
    least_difference: float | None = None
    runs_needed: int | None = None

    @property
    def verdict(self) -> Verdict:
        """real: holds over seeds and over images. inside the noise: two runs of one recipe differ as much."""
        if self.seeds is None:
            return "inside the noise" if self.adjusted_p >= statistics.LEVEL else "not shown"
        low, high = self.image_interval
        if self.adjusted_p < statistics.LEVEL and (low > 0 or high < 0):
            return "real"
        return "inside the noise" if abs(self.difference) < self.seeds.spread else "not shown"

    @property
    def reason(self) -> str:
        """Why the verdict is what it is and what would settle it, as one sentence without a full stop."""
        if self.seeds is None:
            nets = "these two nets differ" if self.verdict == "not shown" else "not even these two nets surely differ"
            return f"{nets} on these {self.n:,} images; one run a side says nothing about the recipes: add seeds"
        test = f"{p_statement(self.adjusted_p)} over {min(self.seeds.runs)} runs a side"
        if self.verdict == "real":
            return f"{test}, and it holds for other images too"
        if self.adjusted_p < statistics.LEVEL:
            return f"{test}, but other images than these {self.n:,} could say otherwise"
        runs = self.runs_needed if self.runs_needed else "more than a thousand"
        least = f"this design could show {100 * (self.least_difference or 0):.2f} points"
        return f"{test}; {least}, and {runs} runs a side would settle one of this size"


def compare_groups(first: Group, second: Group) -> Comparison:
    """Compare two groups.

    Raises DataError where they were not evaluated on the same images, and UsageError for one run against several.
    """
    _check_same_images([first, second])
    _check_run_counts(first, second)
    a, b = first.accuracies, second.accuracies
    comparison = Comparison(
        first=first.name,
        second=second.name,
        data=first.predictions[0].data,
        n=first.hits.shape[1],
        accuracies=(float(a.mean()), float(b.mean())),
        difference=float(a.mean() - b.mean()),
        image_interval=image_interval(first.hits.mean(axis=0) - second.hits.mean(axis=0)),
    )
    if len(a) == 1:
        p = statistics.mcnemar(first.hits[0], second.hits[0])
        return replace(comparison, mcnemar_p=p, adjusted_p=p)
    return _with_seed_test(comparison, first, second)


def compare_all(groups: Sequence[Group], base: Group | None = None) -> list[Comparison]:
    """Compare every group with `base`, or every pair; p values are adjusted for their number (Holm 1979)."""
    pairs = [(group, base) for group in groups if group is not base] if base else list(combinations(groups, 2))
    return adjust_p_values([compare_groups(first, second) for first, second in pairs])


def adjust_p_values(comparisons: Sequence[Comparison], of: int | None = None) -> list[Comparison]:
    """The comparisons with their p values adjusted for being made together (Holm 1979).

    of: the number of comparisons that these were chosen from by their results, if it is larger.
    """
    p_values = statistics.holm([comparison.adjusted_p for comparison in comparisons], of)
    return [replace(comparison, adjusted_p=p) for comparison, p in zip(comparisons, p_values, strict=True)]


def _with_seed_test(comparison: Comparison, first: Group, second: Group) -> Comparison:
    """Add the test over seeds: paired where both groups have the same seeds, else Welch's."""
    a, b = first.accuracies, second.accuracies
    is_paired = sorted(first.seeds) == sorted(second.seeds)
    if is_paired:
        a, b = a[np.argsort(first.seeds)], b[np.argsort(second.seeds)]
    run_test = statistics.paired_test if is_paired else statistics.welch_test
    test = run_test(a, b, 1 / comparison.n)
    return replace(
        comparison,
        seeds=test,
        adjusted_p=test.p,
        least_difference=statistics.least_difference(test.spread, min(test.runs), is_paired),
        runs_needed=statistics.runs_needed(comparison.difference, test.spread, is_paired),
    )


def _check_run_counts(first: Group, second: Group) -> None:
    runs = len(first.seeds), len(second.seeds)
    if min(runs) == 1 < max(runs):
        counts = f"{first.name} has {runs[0]} run{'s' if runs[0] > 1 else ''} and {second.name} {runs[1]}"
        raise UsageError(f"{counts}; give each at least two, or both one")


def _check_same_images(groups: Sequence[Group]) -> None:
    """Raise DataError unless all runs were evaluated on the same images with the same labels."""
    reference, owner = groups[0].predictions[0], groups[0].name
    for group in groups:
        is_same_data = group.images.matches(groups[0].images)
        for run in group.predictions:
            if run.data != reference.data and not is_same_data:  # a folder that was moved may have another name
                raise DataError(
                    f"{group.name} was evaluated on {run.data}, {owner} on {reference.data}; compare them on one set"
                )
            if not np.array_equal(run.indices, reference.indices):
                count = len(set(run.indices.tolist()) ^ set(reference.indices.tolist()))
                raise DataError(
                    f"{group.name} and {owner} were evaluated on different images of {reference.data}: "
                    f"{count:,} are in only one of them (another data.validation or data.split_seed?)"
                )
            if is_same_data is False:
                raise DataError(
                    f"{group.name} and {owner} were evaluated on different images, both called {reference.data}: "
                    f"their fingerprints are {_short(group.images)} and {_short(groups[0].images)}; train one of them "
                    "again on the other's images"
                )
            if not np.array_equal(run.labels, reference.labels):
                raise DataError(
                    f"{group.name} and {owner} have different labels for the same images of {reference.data}"
                )


def _short(images: ImageIdentity) -> str:
    return (images.contents or images.fingerprint)[:8]
