"""The power that is stated is the power that a simulation finds; the long version is in benchmarks/."""

from itertools import product

import numpy as np
import pytest
from benchmarks.honesty.two_noises import Design, rejections

from assay.evaluation.power import images_suffice, least_difference, runs_needed

TIMES = 20_000


@pytest.mark.parametrize("n", [200, 500, 10_000])
@pytest.mark.parametrize("runs", [2, 3, 5, 10])
@pytest.mark.parametrize("is_paired", [True, False])
def test_the_least_difference_is_called_real_in_80_percent(is_paired, runs, n):
    design, rng = Design((runs, runs), is_paired), np.random.default_rng(runs)
    for images, comparisons in product((0.001, 1.0, 10.0), (1, 9)):
        noise = design.noise(1e-6, images * 1e-6, 0.9, n)
        least = least_difference(noise, design.runs, comparisons)
        found = rejections(noise, design.runs, least, TIMES, rng, 0.05 / comparisons).mean()
        assert found == pytest.approx(0.8, abs=0.025), (images, comparisons)


@pytest.mark.parametrize("is_paired", [True, False])
@pytest.mark.parametrize("comparisons", [1, 9])
def test_the_runs_needed_call_it_real_in_80_percent_and_fewer_do_not(is_paired, comparisons):
    design, rng = Design((3, 3), is_paired), np.random.default_rng(0)
    noise = design.noise(1e-5, 5e-6, 0.9, 500)
    runs = runs_needed(0.012, noise, comparisons)
    enough = rejections(noise, (runs, runs), 0.012, TIMES, rng, 0.05 / comparisons).mean()
    too_few = rejections(noise, (runs - 1, runs - 1), 0.012, TIMES, rng, 0.05 / comparisons).mean()
    assert too_few - 0.015 < 0.8 < enough + 0.015


def test_where_images_are_the_limit_a_thousand_runs_do_not_help():
    design, rng = Design((3, 3)), np.random.default_rng(0)
    noise = design.noise(1e-5, 2e-5, 0.9, 500)
    assert not images_suffice(0.012, noise)
    assert rejections(noise, (1000, 1000), 0.012, TIMES, rng).mean() < 0.8
