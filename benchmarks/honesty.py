"""Whether the verdicts of `assay compare` are right: coverage of intervals, false alarms, predicted power.

The real runs are of one small recipe and differ in seed only. Two groups of them have no true difference, so every
verdict "real" is a false alarm. For power, some wrong answers of one group are made right: a planted difference.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assay.core.files import atomic_write, write_json
from assay.core.numbers import Interval
from assay.core.runtime import Runtime
from assay.evaluation import statistics
from assay.evaluation.comparison import Comparison, Group, compare_groups
from assay.evaluation.predictions import Predictions
from assay.evaluation.statistics import wilson_interval
from assay.experiments.replicates import read_group
from assay.studies.engines.local import LocalEngine
from assay.studies.runner import study
from assay.studies.spec import StudySpec
from benchmarks.tables import markdown

Hits = NDArray[np.bool_]
RECIPE, EPOCHS = "fashion/cnn-bn", 1
PLANTED_GAIN = 0.005
SIZES = (3, 5, 10)  # runs a side


def coverage(times: int, rng: np.random.Generator) -> Iterator[list[str]]:
    """How often each 95 % interval contains the true value, in simulations."""
    for runs in SIZES:
        first, second = rng.normal(0.905, 0.002, (times, runs)), rng.normal(0.900, 0.003, (times, runs))
        for name, test in (("paired t", statistics.paired_test), ("Welch's t", statistics.welch_test)):
            intervals = [test(a, b, 1e-9).interval for a, b in zip(first, second, strict=True)]
            yield [f"over seeds, {name}, {runs} runs a side", *coverage_text(intervals, 0.005)]
    for images in (1000, 10_000):
        gains = rng.multinomial(images, [0.03, 0.92, 0.05], times // 4)
        intervals = [statistics.image_interval(np.repeat([-1.0, 0.0, 1.0], counts)) for counts in gains]
        yield [f"over images, paired bootstrap, {images:,} images", *coverage_text(intervals, 0.02)]
        correct = rng.binomial(images, 0.9, times)
        intervals = [wilson_interval(int(hits), images) for hits in correct]
        yield [f"an accuracy, Wilson, {images:,} images", *coverage_text(intervals, 0.9)]


def coverage_text(intervals: list[Interval], truth: float) -> list[str]:
    """The share of intervals that contain the true value, with its interval and n."""
    return share_text(sum(low <= truth <= high for low, high in intervals), len(intervals))


def share_text(count: int, of: int) -> list[str]:
    """A share in percent with its Wilson interval, and n."""
    low, high = wilson_interval(count, of)
    return [f"{100 * count / of:.1f} % [{100 * low:.1f}, {100 * high:.1f}]", f"{of:,}"]


def train(runs: int, folder: Path) -> Hits:
    """The validation images that each run of the small recipe classifies correctly, bool (S, N). Can be resumed."""
    spec = StudySpec.model_validate({
        "name": f"honesty-{runs}", "base": RECIPE, "replicates": runs,
        "plan": {"name": "grid", "over": {"training.epochs": [EPOCHS]}},
    })  # fmt: skip
    study_of_replicates = study(
        spec, engine=LocalEngine.choose(Runtime.choose("cpu", threads=1), mlflow=False), runs=folder
    )
    return read_group([run for trial in study_of_replicates.trials() if (run := trial.run)], "validation").hits


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


def add_hits(hits: NDArray[np.bool_], share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """The same answers, with more correct ones: `share` of all images."""
    better = hits.copy()
    better[rng.choice(np.flatnonzero(~hits), round(share * len(hits)), replace=False)] = True
    return better


def false_alarms(hits: Hits, times: int, rng: np.random.Generator) -> Iterator[list[str]]:
    """How often two groups of the same recipe are called different."""
    for runs in SIZES:
        for is_paired in (True, False):
            comparisons = pairs(hits, runs, times, rng, 0.0, is_paired)
            count = sum(comparison.verdict == "real" for comparison in comparisons)
            yield [f"{'paired' if is_paired else 'Welch'}, {runs} runs a side", *share_text(count, times)]


def power_rows(hits: Hits, times: int, rng: np.random.Generator) -> Iterator[list[str]]:
    """How often the planted difference is detected, and the predicted power."""
    spread = float(hits.mean(axis=1).std(ddof=1)) * 2**0.5  # of the difference of two single runs
    for runs in SIZES:
        for is_paired in (True, False):
            comparisons = pairs(hits, runs, times, rng, PLANTED_GAIN, is_paired)
            count = sum(comparison.verdict == "real" for comparison in comparisons)
            expected_power = statistics.power(PLANTED_GAIN, spread, runs, is_paired)
            name = f"{'paired' if is_paired else 'Welch'}, {runs} runs a side"
            yield [name, f"{100 * expected_power:.0f} %", *share_text(count, times)]


def page(hits: Hits, times: int) -> str:
    """All three results as markdown."""
    rng = np.random.default_rng(0)
    accuracies = 100 * hits.mean(axis=1)
    return "\n".join([
        "## Coverage of 95 % intervals\n",
        markdown(["interval", "contains the true value", "simulations"], list(coverage(times * 10, rng))),
        f"## One recipe against itself\n\n{len(hits)} runs of {RECIPE}, {EPOCHS} epoch, n = {hits.shape[1]:,}: "
        f"{accuracies.mean():.2f} %, standard deviation over seeds {accuracies.std(ddof=1):.2f} points.\n",
        markdown(["design", "called real", "pairs of groups"], list(false_alarms(hits, times, rng))),
        f"## {100 * PLANTED_GAIN:g} points planted\n",
        markdown(["design", "power predicted", "called real", "pairs of groups"], list(power_rows(hits, times, rng))),
    ])  # fmt: skip


def main() -> None:
    """Train, simulate, and write honesty.md and accuracies.json."""
    parser = argparse.ArgumentParser(description="Whether the verdicts of `assay compare` are right.")
    parser.add_argument("--out", type=Path, default=Path("build/honesty"))
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--times", type=int, default=400, help="pairs of groups; ten times as many simulations")
    options = parser.parse_args()
    hits = train(options.runs, options.out / "runs")
    write_json(options.out / "accuracies.json", hits.mean(axis=1).tolist())
    atomic_write(options.out / "honesty.md", text := page(hits, options.times))
    print(text)


if __name__ == "__main__":
    main()
