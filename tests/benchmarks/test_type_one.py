"""Equal recipes are called different in at most 5.5 % of cases; the long version is in benchmarks/."""

import numpy as np
import pytest
from benchmarks.honesty.two_noises import Design, rejections

from assay.evaluation.joint_test import estimate_noise

TIMES = 20_000
MOST = 0.055 + 3 * (0.055 * 0.945 / TIMES) ** 0.5  # three standard errors of the simulation


@pytest.mark.parametrize("runs", [2, 3, 5, 10, 20])
@pytest.mark.parametrize(("is_paired", "variance_ratio"), [(True, 1.0), (False, 1.0), (False, 0.1), (False, 0.01)])
def test_equal_recipes_are_seldom_called_different(runs, is_paired, variance_ratio):
    design, rng = Design((runs, runs), is_paired, variance_ratio), np.random.default_rng(runs)
    for ratio in (0.001, 0.1, 1.0, 10.0, 1000.0):
        for interaction in (0.0, 0.9):
            noise = design.noise(ratio, 1.0, interaction, 500)
            assert rejections(noise, design.runs, 0.0, TIMES, rng).mean() <= MOST, (ratio, interaction)


@pytest.mark.parametrize("runs", [(2, 3), (2, 10), (10, 2), (3, 10)])
@pytest.mark.parametrize("variance_ratio", [10.0, 1.0, 0.1, 0.01])
def test_unequal_numbers_of_runs_keep_the_level(runs, variance_ratio):
    design, rng = Design(runs, False, variance_ratio), np.random.default_rng(0)
    for ratio in (0.1, 1.0, 1000.0):
        assert rejections(design.noise(ratio, 1.0, 0.0, 500), runs, 0.0, TIMES, rng).mean() <= MOST


@pytest.mark.parametrize("is_paired", [True, False])
@pytest.mark.parametrize("runs", [2, 10])
def test_answers_that_are_right_or_wrong_keep_the_level(is_paired, runs):
    """Both noises alike, on 300 images that recipes find differently hard."""
    rng, times, n = np.random.default_rng(runs), 1000, 300
    hard = rng.standard_normal((times, 1, n), dtype=np.float32)
    sides = []
    for _ in range(2):
        score = rng.standard_normal((times, runs, n), dtype=np.float32) + hard
        score += 0.5 * rng.standard_normal((times, 1, n), dtype=np.float32)
        score += 0.05 * rng.standard_normal((times, runs, 1), dtype=np.float32)
        sides.append(score > -1.5)
    noise = estimate_noise(*sides, is_paired)
    differences = sides[0].mean(axis=(1, 2)) - sides[1].mean(axis=(1, 2))
    assert np.mean(np.abs(differences) > noise.half_width((runs, runs))) <= 0.055 + 3 * (0.055 * 0.945 / times) ** 0.5
