"""Comparisons: two groups of runs on the same images, and a verdict on their difference.

The verdict "real" rests on one test against both noises, of seeds and of images (`joint_test`). Several comparisons
made together are corrected for their number (Holm).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

import numpy as np

from assay.core.numbers import Interval, p_statement
from assay.evaluation import power, statistics
from assay.evaluation.group import Group, check_comparable
from assay.evaluation.intervals import image_interval
from assay.evaluation.joint_test import Noise, estimate_noise
from assay.evaluation.statistics import SeedTest

Verdict = Literal["real", "not shown", "inside the noise"]


@dataclass(frozen=True)
class Comparison:
    """Two groups on the same n images; differences are the first's accuracy minus the second's, as fractions.

    image_interval: 95 %, over images with the runs fixed. mcnemar_p: set where each side has one run. seeds, noise: the
    test over seeds alone and the variances over seeds and images, set where both sides have at least two runs. p: of
    the test over seeds and images together, or else McNemar's. adjusted_p: the same after Holm's correction for the
    number of comparisons made together, `comparisons`.
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
    noise: Noise | None = None
    p: float = 1.0
    adjusted_p: float = 1.0
    comparisons: int = 1

    @property
    def interval(self) -> Interval | None:
        """95 % interval of the difference over seeds and images together; None for one run a side."""
        if self.noise is None or self.seeds is None:
            return None
        return self.noise.interval(self.difference, self.seeds.runs)

    @property
    def least_difference(self) -> float | None:
        """The true difference that this design calls real with a probability of 80 %; None where there is none."""
        if self.noise is None or self.seeds is None:
            return None
        return power.least_difference(self._planning_noise(), self.seeds.runs, self.comparisons)

    @property
    def runs_needed(self) -> int | None:
        """Runs on each side with which a difference as large as this one is called real with 80 %; None: over 1,000."""
        if self.noise is None:
            return None
        return power.runs_needed(self.difference, self._planning_noise(), self.comparisons)

    @property
    def needs_images(self) -> bool:
        """Whether no number of runs on these images would show a difference as large as this one."""
        return self.noise is not None and not power.images_suffice(self.difference, self.noise, self.comparisons)

    @property
    def rejects_over_seeds(self) -> bool:
        """Whether the test over seeds alone, without correction, rejects equal accuracies."""
        return self.seeds is not None and self.seeds.p < statistics.LEVEL

    @property
    def rejects_over_images(self) -> bool:
        """Whether the interval over images alone, or McNemar's test, without correction, does."""
        low, high = self.image_interval
        return low > 0 or high < 0 or (self.mcnemar_p is not None and self.mcnemar_p < statistics.LEVEL)

    @property
    def verdict(self) -> Verdict:
        """real: holds over seeds and images. inside the noise: no test rejects, and two runs of one recipe differ more.

        With one run a side nothing is real, and inside the noise is what McNemar's test does not reject.
        """
        if self.seeds is not None and self.adjusted_p < statistics.LEVEL:
            return "real"
        if self.rejects_over_seeds or self.rejects_over_images or self.p < statistics.LEVEL:
            return "not shown"
        is_small = self.seeds is None or abs(self.difference) < self.seeds.spread
        return "inside the noise" if is_small else "not shown"

    @property
    def reason(self) -> str:
        """Why the verdict is what it is and what would settle it, as one sentence without a full stop."""
        if self.seeds is None:
            return (
                f"{self._nets()} on these {self.n:,} images; one run a side says nothing about the recipes: add seeds"
            )
        runs = f"over {min(self.seeds.runs)} runs a side"
        if self.verdict == "real":
            return f"{p_statement(self.adjusted_p)} {runs} and {self.n:,} images: it holds for other seeds and images"
        return f"{self._evidence(runs)}; {self._plan()}"

    def _nets(self) -> str:
        if self.adjusted_p < statistics.LEVEL:
            return "these two nets differ"
        return "these two nets may differ" if self.verdict == "not shown" else "not even these two nets surely differ"

    def _evidence(self, runs: str) -> str:
        """Which of the tests reject, where not all do. runs: `over 3 runs a side`."""
        if self.seeds is None:
            return p_statement(self.p)
        over_seeds, both = f"{p_statement(self.seeds.p)} {runs}", p_statement(self.p)
        if self.p < statistics.LEVEL:
            return f"{both} alone, but {p_statement(self.adjusted_p)} as one of {self.comparisons} comparisons"
        if self.rejects_over_seeds and self.rejects_over_images:
            return f"seeds alone or images alone could show it, but {both} {runs} and {self.n:,} images together"
        if self.rejects_over_seeds:
            return f"{over_seeds}, but other images than these {self.n:,} could say otherwise: {both} over both"
        if self.rejects_over_images:
            return f"other images would show it, but other seeds could say otherwise: {over_seeds}"
        return f"{both} {runs} and {self.n:,} images"

    def _plan(self) -> str:
        """What this design could show, and what a difference of this size takes."""
        least = self.least_difference
        could_show = "no difference at all" if least is None else f"{100 * least:.2f} points"
        together = f" as one of {self.comparisons} comparisons" if self.comparisons > 1 else ""
        return f"this design could show {could_show}{together}{self._remedy()}"

    def _remedy(self) -> str:
        if self.difference == 0:
            return ""
        if self.needs_images:
            return ", and one of this size takes more images, not more runs"
        return f", and {self.runs_needed or 'more than a thousand'} runs a side would settle one of this size"

    def _planning_noise(self) -> Noise:
        assert self.noise is not None
        assert self.seeds is not None
        return power.median_unbiased(self.noise, self.seeds.runs)


def compare_groups(first: Group, second: Group) -> Comparison:
    """Compare two groups.

    Raises DataError where they were not evaluated on the same images, and UsageError for one run against several.
    """
    check_comparable(first, second)
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
        return replace(comparison, mcnemar_p=p, p=p, adjusted_p=p)
    return _with_seeds(comparison, first, second)


def compare_all(groups: Sequence[Group], base: Group | None = None) -> list[Comparison]:
    """Compare every group with `base`, or every pair; p values are adjusted for their number (Holm 1979)."""
    pairs = [(group, base) for group in groups if group is not base] if base else list(combinations(groups, 2))
    return adjust_p_values([compare_groups(first, second) for first, second in pairs])


def adjust_p_values(comparisons: Sequence[Comparison], of: int | None = None) -> list[Comparison]:
    """The comparisons with their p values adjusted for being made together (Holm 1979), and with their number.

    of: the number of comparisons that these were chosen from by their results, if it is larger.
    """
    p_values = statistics.holm([comparison.p for comparison in comparisons], of)
    together = max(of or 0, len(comparisons))
    return [
        replace(comparison, adjusted_p=p, comparisons=together)
        for comparison, p in zip(comparisons, p_values, strict=True)
    ]


def _with_seeds(comparison: Comparison, first: Group, second: Group) -> Comparison:
    """Add the tests that need several seeds: paired where both groups have the same ones, else Welch's."""
    hits = first.hits, second.hits
    is_paired = sorted(first.seeds) == sorted(second.seeds)
    if is_paired:
        hits = hits[0][np.argsort(first.seeds)], hits[1][np.argsort(second.seeds)]
    run_test = statistics.paired_test if is_paired else statistics.welch_test
    test = run_test(hits[0].mean(axis=1), hits[1].mean(axis=1), 1 / comparison.n)
    noise = estimate_noise(*hits, is_paired)
    p = noise.p(comparison.difference, test.runs)
    return replace(comparison, seeds=test, noise=noise, p=p, adjusted_p=p)
