"""How often is some variant of a grid called worse than the best, although all are equal?"""

from collections.abc import Iterator
from itertools import product

import numpy as np

from assay.evaluation.comparison import Comparison
from assay.studies.study_comparisons import compare_variants
from benchmarks.honesty.real_runs import SIZES, RealRuns, group
from benchmarks.honesty.shares import share_cells
from benchmarks.tables import markdown

VARIANTS = (2, 9, 24)
IMAGES = 1000
# Standard deviations of a latent score over seeds, for the first and the last variant.
SPREADS = {"alike": (0.1, 0.1), "unlike": (0.02, 0.2)}
HEADER = ("variants, runs of each, spreads over seeds", "some p < 0.05", "some called real", "studies")


def section(runs: RealRuns, times: int, rng: np.random.Generator) -> str:
    """Simulated grids of equal variants."""
    return f"## Equal variants in a grid, n = {IMAGES:,} images\n\n{markdown(HEADER, list(rows(times, rng)))}"


def rows(times: int, rng: np.random.Generator) -> Iterator[list[str]]:
    """A row for each design."""
    for variants, runs, (name, spreads) in product(VARIANTS, SIZES, SPREADS.items()):
        studies = [simulate_grid(variants, runs, spreads, rng) for _ in range(times)]
        rejected = sum(min(comparison.adjusted_p for comparison in study) < 0.05 for study in studies)
        real = sum(any(comparison.verdict == "real" for comparison in study) for study in studies)
        yield [f"{variants}, {runs}, {name}", share_cells(rejected, times)[0], *share_cells(real, times)]


def simulate_grid(variants: int, runs: int, spreads: tuple[float, float], rng: np.random.Generator) -> list[Comparison]:
    """The comparisons of a grid whose variants are all right on about 84 % of images, some harder for all."""
    hardness = rng.standard_normal(IMAGES, dtype=np.float32)
    spread = np.geomspace(*spreads, variants, dtype=np.float32)[:, None, None]
    shifts = spread * rng.standard_normal((variants, runs, 1), dtype=np.float32)
    hits = hardness + shifts + rng.standard_normal((variants, runs, IMAGES), dtype=np.float32) > -(2**0.5)
    groups = {str(i): group(str(i), hits[i], range(runs)) for i in range(variants)}
    return list(compare_variants(dict.fromkeys(groups), groups).values())
