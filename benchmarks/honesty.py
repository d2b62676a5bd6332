"""Whether `assay compare` keeps its promises: coverage of intervals, false alarms on real trainings, predicted power.

Real trainings: runs of one small recipe that differ in their seed alone, so any two groups of them are the same recipe
and every "real" is a false alarm. Planted: in one of two such groups some wrong answers are made right.
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
PLANTED = 0.005
SIZES = (3, 5, 10)  # runs a side


def coverage(times: int, rng: np.random.Generator) -> Iterator[list[str]]:
    """How often each 95 % interval holds the truth, on simulated groups whose truth is known."""
    for runs in SIZES:
        first, second = rng.normal(0.905, 0.002, (times, runs)), rng.normal(0.900, 0.003, (times, runs))
        for name, test in (("paired t", statistics.paired_test), ("Welch's t", statistics.welch_test)):
            found = [test(a, b, 1e-9).interval for a, b in zip(first, second, strict=True)]
            yield [f"over seeds, {name}, {runs} runs a side", *covered(found, 0.005)]
    for images in (1000, 10_000):
        gains = rng.multinomial(images, [0.03, 0.92, 0.05], times // 4)
        found = [statistics.image_interval(np.repeat([-1.0, 0.0, 1.0], counts)) for counts in gains]
        yield [f"over images, paired bootstrap, {images:,} images", *covered(found, 0.02)]
        correct = rng.binomial(images, 0.9, times)
        yield [
            f"an accuracy, Wilson, {images:,} images",
            *covered([wilson_interval(int(k), images) for k in correct], 0.9),
        ]


def covered(intervals: list[Interval], truth: float) -> list[str]:
    """The share that holds the truth, with its own interval, and of how many."""
    return share_text(sum(low <= truth <= high for low, high in intervals), len(intervals))


def share_text(count: int, of: int) -> list[str]:
    """A share in per cent with Wilson's interval, and its n."""
    low, high = wilson_interval(count, of)
    return [f"{100 * count / of:.1f} % [{100 * low:.1f}, {100 * high:.1f}]", f"{of:,}"]


def train(runs: int, folder: Path) -> Hits:
    """Which validation images each run of the small recipe got right, bool (S, N); goes on where it was stopped."""
    spec = StudySpec.model_validate({
        "name": f"honesty-{runs}", "base": RECIPE, "replicates": runs,
        "plan": {"name": "grid", "over": {"training.epochs": [EPOCHS]}},
    })  # fmt: skip
    found = study(spec, engine=LocalEngine.choose(Runtime.choose("cpu", threads=1), mlflow=False), runs=folder)
    return read_group([run for one in found.trials() if (run := one.run)], "validation").hits


def group(name: str, hits: Hits, seeds: range) -> Group:
    """A group whose runs got these images right, bool (S, N)."""
    n = hits.shape[1]
    labels, indices = np.zeros(n, dtype=np.int64), np.arange(n)
    logits = [np.stack([one, ~one], axis=1).astype(np.float32) for one in hits]
    return Group(
        name, tuple(Predictions(one, labels, indices, ("right", "wrong"), "a/b") for one in logits), tuple(seeds)
    )


def pairs(
    hits: Hits, runs: int, times: int, rng: np.random.Generator, planted: float, paired: bool
) -> list[Comparison]:
    """Comparisons of two groups of different runs, drawn anew each time; the first gets `planted` more right."""
    found = []
    for _ in range(times):
        chosen = rng.permutation(len(hits))[: 2 * runs]
        first = np.stack([plant(hits[i], planted, rng) for i in chosen[:runs]])
        seeds = range(runs) if paired else range(runs, 2 * runs)
        found.append(compare_groups(group("a", first, range(runs)), group("b", hits[chosen[runs:]], seeds)))
    return found


def plant(hits: NDArray[np.bool_], share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """The same answers with that share of all images more right."""
    better = hits.copy()
    better[rng.choice(np.flatnonzero(~hits), round(share * len(hits)), replace=False)] = True
    return better


def alarms(hits: Hits, times: int, rng: np.random.Generator) -> Iterator[list[str]]:
    """How often groups of one recipe are called different."""
    for runs in SIZES:
        for paired in (True, False):
            found = pairs(hits, runs, times, rng, 0.0, paired)
            count = sum(one.verdict == "real" for one in found)
            yield [f"{'paired' if paired else 'Welch'}, {runs} runs a side", *share_text(count, times)]


def powers(hits: Hits, times: int, rng: np.random.Generator) -> Iterator[list[str]]:
    """How often the planted difference is found, beside the power that was predicted."""
    spread = float(hits.mean(axis=1).std(ddof=1)) * 2**0.5  # of the difference of two single runs
    for runs in SIZES:
        for paired in (True, False):
            found = pairs(hits, runs, times, rng, PLANTED, paired)
            count = sum(one.verdict == "real" for one in found)
            predicted = statistics.power(PLANTED, spread, runs, paired)
            name = f"{'paired' if paired else 'Welch'}, {runs} runs a side"
            yield [name, f"{100 * predicted:.0f} %", *share_text(count, times)]


def page(hits: Hits, times: int) -> str:
    """All three promises as markdown."""
    rng = np.random.default_rng(0)
    accuracies = 100 * hits.mean(axis=1)
    return "\n".join([
        "## Coverage of 95 % intervals\n",
        markdown(["interval", "holds the truth", "simulations"], list(coverage(times * 10, rng))),
        f"## One recipe against itself\n\n{len(hits)} runs of {RECIPE}, {EPOCHS} epoch, n = {hits.shape[1]:,}: "
        f"{accuracies.mean():.2f} %, standard deviation over seeds {accuracies.std(ddof=1):.2f} points.\n",
        markdown(["design", "called real", "pairs of groups"], list(alarms(hits, times, rng))),
        f"## {100 * PLANTED:g} points planted\n",
        markdown(["design", "power predicted", "called real", "pairs of groups"], list(powers(hits, times, rng))),
    ])  # fmt: skip


def main() -> None:
    """Train, simulate, write honesty.md and honesty.json."""
    parser = argparse.ArgumentParser(description="Whether the verdicts of `assay compare` keep their promises.")
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
