"""Power against published figures, and what follows from it."""

import pytest
from scipy import stats

from assay.evaluation.joint_test import Noise
from assay.evaluation.power import images_suffice, least_difference, median_unbiased, power, runs_needed


def seeds_alone(variance: float, is_paired: bool) -> Noise:
    """Noise of seeds only, with this variance of the difference of two single runs."""
    seeds = (variance,) if is_paired else (variance / 2, variance / 2)
    return Noise(seeds, (0.0,) * len(seeds), 0.0, 5000)


@pytest.mark.parametrize(
    ("difference", "runs", "paired", "expected"),
    [
        (1.0 / 2**0.5, 17, False, 0.807),
        (0.5 / 2**0.5, 64, False, 0.801),
        (0.5, 34, True, 0.808),
        (0.8, 15, True, 0.821),
    ],
)
def test_power_is_that_of_published_tables(difference, runs, paired, expected):
    """G*Power 3.1, two-sided at 5 %; Cohen's d counts in one group's deviation, `difference` in that of a difference.

    Its test of two groups knows that they vary alike, which Welch's has to estimate: a little less power.
    """
    tolerance = 0.001 if paired else 0.012
    assert power(difference, seeds_alone(1.0, paired), (runs, runs)) == pytest.approx(expected, abs=tolerance)


def test_no_difference_is_found_at_the_level_of_the_test():
    assert power(0.0, seeds_alone(1.0, is_paired=True), (5, 5)) == pytest.approx(0.05, abs=1e-4)
    assert power(0.0, seeds_alone(1.0, is_paired=True), (5, 5), comparisons=10) == pytest.approx(0.005, abs=1e-4)


def test_without_noise_of_seeds_power_is_that_of_a_normal_test_over_images():
    noise = Noise((1e-16,), (0.0,), 0.01**2, 1_000_000)
    assert power(0.028, noise, (5, 5)) == pytest.approx(stats.norm.sf(1.96 - 2.8), abs=0.001)


@pytest.mark.parametrize("noise", [Noise((2e-5,), (1e-5,), 1e-6, 500), Noise((2e-5, 1e-6), (1e-6, 1e-6), 3e-6, 500)])
@pytest.mark.parametrize("comparisons", [1, 9])
def test_the_least_difference_has_the_power_asked_for(noise, comparisons):
    least = least_difference(noise, (5, 5), comparisons)
    assert power(least, noise, (5, 5), comparisons) == pytest.approx(0.8)


def test_comparisons_made_together_show_less():
    noise = seeds_alone(1e-5, is_paired=True)
    assert least_difference(noise, (3, 3), 9) > 2 * least_difference(noise, (3, 3))


def test_two_runs_on_few_images_show_nothing_as_one_of_nine():
    assert least_difference(seeds_alone(5e-4, is_paired=True), (2, 2), 9) is None


def test_the_runs_needed_are_the_first_that_suffice():
    for noise in (seeds_alone(1e-4, is_paired=True), Noise((1e-4, 3e-4), (1e-5, 1e-5), 1e-6, 500)):
        runs = runs_needed(0.01, noise)
        assert power(0.01, noise, (runs, runs)) >= 0.8 > power(0.01, noise, (runs - 1, runs - 1))


def test_the_runs_needed_are_those_of_published_tables():
    assert runs_needed(0.5, seeds_alone(1.0, is_paired=True)) == 34
    assert runs_needed(0.001, seeds_alone(1.0, is_paired=True)) is None
    assert runs_needed(0.0, seeds_alone(1.0, is_paired=True)) is None


def test_no_number_of_runs_replaces_images():
    noise = Noise((1e-6,), (0.0,), 0.01**2, 500)
    assert not images_suffice(0.027, noise)
    assert runs_needed(0.027, noise) is None
    assert images_suffice(0.030, noise)
    assert runs_needed(0.030, noise) < 20
    assert not images_suffice(0.030, noise, comparisons=9)


@pytest.mark.parametrize("runs", [2, 3, 10])
def test_planned_variances_are_too_small_as_often_as_too_large(runs):
    """A variance estimated from S runs exceeds its own value / median in half of all cases."""
    factor = median_unbiased(Noise((1.0,), (0.0,), 0.0, 500), (runs, runs)).seeds[0]
    assert stats.chi2.cdf((runs - 1) / factor, runs - 1) == pytest.approx(0.5)
