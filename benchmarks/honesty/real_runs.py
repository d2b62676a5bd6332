"""Real runs of one small recipe that differ in seed only, and random groups of them.

Two such groups have no true difference, so every verdict "real" is a false alarm. For power, some wrong answers of one
group are made right: a planted difference.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assay.core.runtime import Runtime
from assay.evaluation.comparison import Comparison, compare_groups
from assay.evaluation.group import Group
from assay.evaluation.predictions import Predictions
from assay.experiments.replicates import read_group
from assay.studies.engines.local import LocalEngine
from assay.studies.runner import study
from assay.studies.spec import StudySpec

Hits = NDArray[np.bool_]
RECIPE, EPOCHS = "fashion/cnn-bn", 1
SIZES = (3, 5, 10)  # runs a side


@dataclass(frozen=True)
class RealRuns:
    """`count` runs of the small recipe in a folder, trained when first read. Training can be resumed."""

    folder: Path
    count: int

    @cached_property
    def hits(self) -> Hits:
        """The validation images that each run classifies correctly, bool (S, N)."""
        spec = StudySpec.model_validate({
            "name": f"honesty-{self.count}", "base": RECIPE, "replicates": self.count,
            "plan": {"name": "grid", "over": {"training.epochs": [EPOCHS]}},
        })  # fmt: skip
        engine = LocalEngine.choose(Runtime.choose("cpu", threads=1), mlflow=False)
        trained = study(spec, engine=engine, runs=self.folder)
        return read_group(trained.runs(trained.variants()[0]), "validation").hits

    def describe(self) -> str:
        """Recipe, n, mean and spread, as a sentence."""
        accuracies = 100 * self.hits.mean(axis=1)
        return (
            f"{len(self.hits)} runs of {RECIPE}, {EPOCHS} epoch, n = {self.hits.shape[1]:,}: "
            f"{accuracies.mean():.2f} %, standard deviation over seeds {accuracies.std(ddof=1):.2f} points."
        )


def group(name: str, hits: Hits, seeds: range) -> Group:
    """A group of runs with these hits, bool (S, N)."""
    n = hits.shape[1]
    labels, indices = np.zeros(n, dtype=np.int64), np.arange(n)
    logits = [np.stack([right, ~right], axis=1).astype(np.float32) for right in hits]
    return Group(
        name,
        tuple(Predictions(run_logits, labels, indices, ("right", "wrong"), "a/b") for run_logits in logits),
        tuple(seeds),
    )


def pairs(
    hits: Hits, runs: int, times: int, rng: np.random.Generator, gain: float, is_paired: bool
) -> list[Comparison]:
    """Comparisons of two random groups of different runs. gain: the accuracy added to the first group."""
    comparisons = []
    for _ in range(times):
        order = rng.permutation(len(hits))[: 2 * runs]
        first = np.stack([add_hits(hits[i], gain, rng) for i in order[:runs]])
        seeds = range(runs) if is_paired else range(runs, 2 * runs)
        comparisons.append(compare_groups(group("a", first, range(runs)), group("b", hits[order[runs:]], seeds)))
    return comparisons


def add_hits(hits: Hits, share: float, rng: np.random.Generator) -> Hits:
    """The same answers, with more correct ones: `share` of all images."""
    better = hits.copy()
    better[rng.choice(np.flatnonzero(~hits), round(share * len(hits)), replace=False)] = True
    return better


def design_name(runs: int, is_paired: bool) -> str:
    """`paired, 3 runs a side`."""
    return f"{'paired' if is_paired else 'Welch'}, {runs} runs a side"
