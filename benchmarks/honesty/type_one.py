"""How often is a difference called real where there is none, whatever the ratio of the noises?"""

from collections.abc import Iterator
from itertools import product

import numpy as np
from scipy import stats

from assay.evaluation.joint_test import Noise
from benchmarks.honesty.real_runs import RealRuns
from benchmarks.honesty.two_noises import Design, simulate
from benchmarks.tables import markdown

RATIOS = (0.001, 0.1, 0.3, 1.0, 3.0, 10.0, 1000.0)  # squared standard errors, seeds by images
INTERACTIONS = (0.0, 0.9)  # share of the seeds' noise
IMAGES = 500
DESIGNS = (
    *(Design((runs, runs)) for runs in (2, 3, 5, 10, 20)),
    *(Design((runs, runs), False, ratio) for runs in (2, 3, 5, 10, 20) for ratio in (1.0, 0.1, 0.01)),
    *(Design(runs, False, ratio) for runs in ((2, 3), (2, 10), (3, 10), (10, 20)) for ratio in (10.0, 1.0, 0.1, 0.01)),
)
TESTS = ("verdict", "seeds alone", "seeds and images, each alone", "Satterthwaite")
HEADER = ("design", *(f"{test}, %" for test in TESTS))


def section(runs: RealRuns, times: int, rng: np.random.Generator) -> str:
    """Simulated comparisons of equal recipes."""
    each = 500 * times
    text = (
        f"Equal recipes, {each:,} simulations each for {len(RATIOS)} ratios of the noises, {RATIOS[0]:g} to "
        f"{RATIOS[-1]:g}, with and without interaction, n = {IMAGES}: the worst of these, at 5 %."
    )
    return f"## No difference\n\n{text}\n\n{markdown(HEADER, list(rows(each, rng)))}"


def rows(times: int, rng: np.random.Generator) -> Iterator[list[str]]:
    """A row for each design: the share called real by each test, at the worst ratio of the noises."""
    for design in DESIGNS:
        shares = np.array([
            false_alarms(design, design.noise(ratio, 1.0, interaction, IMAGES), times, rng)
            for ratio, interaction in product(RATIOS, INTERACTIONS)
        ])  # fmt: skip
        yield [str(design), *(f"{100 * share:.1f}" for share in shares.max(axis=0))]


def false_alarms(design: Design, noise: Noise, times: int, rng: np.random.Generator) -> list[float]:
    """The share of simulations that each of TESTS rejects."""
    measured, estimated = simulate(noise, design.runs, 0.0, times, rng)
    size = np.abs(measured)
    errors = [variance / count for variance, count in zip(estimated.seeds, design.runs, strict=False)]
    over_seeds = sum(errors)
    freedoms = [count - 1 for count, _ in zip(design.runs, errors, strict=False)]
    freedom = over_seeds**2 / sum(error**2 / f for error, f in zip(errors, freedoms, strict=True))
    interaction = sum(variance / count for variance, count in zip(estimated.interaction, design.runs, strict=False))
    seeds_reject = size > stats.t.isf(0.025, freedom) * np.sqrt(over_seeds)
    images_reject = size > stats.norm.isf(0.025) * np.sqrt(estimated.images + interaction)
    both = over_seeds + estimated.images
    combined = both**2 / (over_seeds**2 / freedom + estimated.images**2 / (estimated.n - 1))
    rejects = [
        size > estimated.half_width(design.runs),
        seeds_reject,
        seeds_reject & images_reject,
        size > stats.t.isf(0.025, combined) * np.sqrt(both),
    ]
    return [float(rejected.mean()) for rejected in rejects]
