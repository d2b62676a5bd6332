"""Is the difference that a design could show called real in 80 % of cases, and do the runs needed suffice?"""

from collections.abc import Iterator
from itertools import product

import numpy as np

from assay.evaluation.joint_test import Noise
from assay.evaluation.power import images_suffice, least_difference, median_unbiased, runs_needed
from assay.evaluation.statistics import LEVEL
from benchmarks.honesty.real_runs import RealRuns
from benchmarks.honesty.two_noises import Design, rejections, simulate
from benchmarks.tables import markdown

RUNS, COMPARISONS, IMAGES = (2, 3, 5, 10), (1, 9), (200, 500, 10_000)
NOISES = {"seeds alone": 1e-6, "mostly seeds": 0.1, "both alike": 1.0, "mostly images": 10.0}  # images by seeds
SINGLE_RUN_VARIANCE = 0.1  # of the difference of two single runs, times the number of images
INTERACTION = 0.9
HEADER = (
    "design", "comparisons", "least difference, points", "called real, %", "runs for half as much", "called real, %",
)  # fmt: skip
STATED_HEADER = ("design", "least difference, points", "as stated: median", "5 to 95 %")


def section(runs: RealRuns, times: int, rng: np.random.Generator) -> str:
    """A table for each number of images."""
    tables = [f"n = {n:,}:\n\n{markdown(HEADER, list(rows(n, 50 * times, rng)))}" for n in IMAGES]
    stated = markdown(STATED_HEADER, list(stated_rows(IMAGES[-1], max(times // 2, 1), rng)))
    text = "Stated from variances that are estimated from the runs themselves, both noises alike:"
    return "## What a design could show\n\n" + "\n".join([*tables, f"{text}\n\n{stated}"])


def rows(n: int, times: int, rng: np.random.Generator) -> Iterator[list[str]]:
    """A row for each design, ratio of the noises and number of comparisons."""
    for is_paired, count, noise_name, together in product((True, False), RUNS, NOISES, COMPARISONS):
        design = Design((count, count), is_paired)
        over_seeds = SINGLE_RUN_VARIANCE / n / count
        noise = design.noise(over_seeds, NOISES[noise_name] * over_seeds, INTERACTION, n)
        name = f"{design}, {noise_name}"
        least = least_difference(noise, design.runs, together)
        if least is None:
            yield [name, str(together), "none", "–", "–", "–"]
            continue
        found = rejections(noise, design.runs, least, times, rng, LEVEL / together).mean()
        needed = runs_needed(least / 2, noise, together)
        if needed is not None:
            again = rejections(noise, (needed, needed), least / 2, times, rng, LEVEL / together).mean()
            plan = [str(needed), f"{100 * again:.1f}"]
        else:
            plan = ["over 1,000" if images_suffice(least / 2, noise, together) else "more images", "–"]
        yield [name, str(together), f"{100 * least:.2f}", f"{100 * found:.1f}", *plan]


def stated_rows(n: int, times: int, rng: np.random.Generator) -> Iterator[list[str]]:
    """A row for each design: how the least difference scatters that is stated after a comparison."""
    for is_paired, count in product((True, False), RUNS):
        design = Design((count, count), is_paired)
        over_seeds = SINGLE_RUN_VARIANCE / n / count
        noise = design.noise(over_seeds, over_seeds, INTERACTION, n)
        _, estimates = simulate(noise, design.runs, 0.0, times, rng)
        stated = [least_difference(median_unbiased(one, design.runs), design.runs) for one in split(estimates)]
        low, middle, high = np.quantile(
            [100 * (1.0 if value is None else value) for value in stated], [0.05, 0.5, 0.95]
        )
        least = 100 * (least_difference(noise, design.runs) or 1.0)
        yield [str(design), f"{least:.2f}", f"{middle:.2f}", f"{low:.2f} to {high:.2f}"]


def split(noises: Noise) -> Iterator[Noise]:
    """Each of many simulated noises."""
    for i in range(len(np.asarray(noises.images))):
        seeds, interaction = (
            [float(np.asarray(v)[i]) for v in values] for values in (noises.seeds, noises.interaction)
        )
        yield Noise(tuple(seeds), tuple(interaction), float(np.asarray(noises.images)[i]), noises.n)
