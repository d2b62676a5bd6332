"""The test over seeds and images together: against scipy where one noise is absent, else against a hand-made ANOVA."""

import numpy as np
import pytest
from scipy import stats

from assay.evaluation.joint_test import Noise, estimate_noise


def answers(runs: int, n: int, seed: int, images: float = 1.0) -> np.ndarray:
    """Hits, bool (runs, n), on images that are not equally hard."""
    rng = np.random.default_rng(seed)
    return images * rng.normal(size=n) + rng.normal(size=(runs, n)) + 0.2 * rng.normal(size=(runs, 1)) > -1


@pytest.mark.parametrize("runs", [2, 3, 10])
def test_without_noise_of_images_it_is_the_paired_t_test(runs):
    rng = np.random.default_rng(runs)
    gains = rng.normal(0.01, 0.01, runs)
    noise = Noise((gains.var(ddof=1),), (0.0,), 0.0, 1000)
    assert noise.p(gains.mean(), (runs, runs)) == pytest.approx(stats.ttest_1samp(gains, 0).pvalue, rel=1e-6)


def test_without_noise_of_seeds_it_is_the_t_test_over_images():
    first, second = (np.repeat(answers(1, 400, seed), 20, axis=0) for seed in (0, 1))
    noise = estimate_noise(first, second, is_paired=True)
    gain = first[0].astype(float) - second[0]
    expected = stats.ttest_1samp(gain, 0).confidence_interval()
    assert noise.interval(gain.mean(), (20, 20)) == pytest.approx((expected.low, expected.high), abs=1e-4)


@pytest.mark.parametrize("is_paired", [True, False])
def test_the_variances_are_those_of_a_two_way_anova(is_paired):
    first, second = answers(4, 60, 0), answers(4, 60, 1)
    noise = estimate_noise(first, second, is_paired)
    tables = [first.astype(float) - second] if is_paired else [first.astype(float), second.astype(float)]
    residual_squares = [
        np.square(table - table.mean(0) - table.mean(1, keepdims=True) + table.mean()).sum() / (3 * 59)
        for table in tables
    ]
    assert noise.seeds == pytest.approx([table.mean(1).var(ddof=1) for table in tables])
    assert noise.interaction == pytest.approx([square / 60 for square in residual_squares])
    over_images = np.var((first.mean(0) - second.mean(0)), ddof=1) / 60
    assert noise.images == pytest.approx(over_images - sum(residual_squares) / 60 / 4)


def test_equal_recipes_on_equal_images_have_no_noise_of_images():
    """What remains over images is interaction, which would otherwise count twice."""
    rng, images = np.random.default_rng(0), np.random.default_rng(1).normal(size=2000)
    first, second = (images + rng.normal(size=(200, 3, 2000)) > -1 for _ in range(2))
    noise = estimate_noise(first, second, is_paired=False)
    assert np.mean(noise.images) < 0.05 * np.mean(sum(noise.seeds)) / 3


def test_many_comparisons_are_estimated_at_once_as_one_by_one():
    first, second = (np.stack([answers(3, 50, 2 * i + side) for i in range(4)]) for side in (0, 1))
    together = estimate_noise(first, second, is_paired=False)
    single = [estimate_noise(a, b, is_paired=False) for a, b in zip(first, second, strict=True)]
    assert together.images == pytest.approx([noise.images for noise in single])
    assert together.seeds[1] == pytest.approx([noise.seeds[1] for noise in single])


@pytest.mark.parametrize("is_paired", [True, False])
@pytest.mark.parametrize("seed", range(10))
def test_the_interval_is_never_narrower_than_over_images_alone(is_paired, seed):
    first, second = answers(3, 80, seed), answers(3, 80, seed + 100)
    gain = first.mean(0) - second.mean(0)
    low, high = estimate_noise(first, second, is_paired).interval(gain.mean(), (3, 3))
    alone = stats.ttest_1samp(gain, 0).confidence_interval()
    assert high - low >= alone.high - alone.low - 1e-12


def test_equal_accuracies_are_rounding_and_not_certainty():
    always = np.ones((2, 100), dtype=bool)
    once_less = always.copy()
    once_less[:, 0] = False
    noise = estimate_noise(always, once_less, is_paired=True)
    assert noise.p(0.01, (2, 2)) > 0.05


@pytest.mark.parametrize("difference", [0.001, 0.004, 0.05, 0.5])
def test_the_interval_of_a_p_value_ends_at_zero(difference):
    noise = Noise((3e-5, 1e-5), (1e-5, 1e-5), 2e-6, 500)
    p = noise.p(difference, (3, 4))
    assert float(noise.half_width((3, 4), p)) == pytest.approx(difference, rel=1e-6)
    assert noise.p(-difference, (3, 4)) == p


def test_no_difference_has_a_p_value_of_1_and_a_huge_one_nearly_0():
    noise = Noise((1e-10,), (0.0,), 0.0, 500)
    assert noise.p(0.0, (20, 20)) == 1.0
    assert 0 < noise.p(1.0, (200, 200)) <= 1e-100
