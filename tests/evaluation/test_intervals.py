"""Intervals against scipy, hand-computed values, published formulas and simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from assay.evaluation.intervals import image_interval, mean_interval, share_interval, wilson_interval


@pytest.mark.parametrize(("correct", "n"), [(0, 10), (3, 10), (10, 10), (8862, 10_000), (1, 1), (59_999, 60_000)])
def test_the_interval_is_wilsons_formula(correct, n):
    z, p = 1.959963984540054, correct / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    assert wilson_interval(correct, n) == pytest.approx((middle - half, middle + half), abs=1e-12)


@pytest.mark.parametrize(("correct", "n"), [(0, 1), (7, 7), (3, 10), (8862, 10_000)])
def test_wilsons_interval_is_scipys(correct, n):
    expected = stats.binomtest(correct, n).proportion_ci(0.95, method="wilson")
    assert wilson_interval(correct, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


# The mean over seeds


def test_one_run_has_no_interval_over_seeds():
    assert mean_interval([0.9], 100) is None
    assert mean_interval([], 100) is None


@pytest.mark.parametrize("accuracy", [0.0, 0.5, 0.9, 1.0])
def test_equal_accuracies_have_the_interval_of_their_images(accuracy):
    assert mean_interval([accuracy] * 3, 20) == pytest.approx(wilson_interval(20 * accuracy, 20))


def test_with_very_many_images_the_interval_over_seeds_is_students():
    accuracies = [0.91, 0.92, 0.90, 0.915]
    expected = stats.ttest_1samp(accuracies, 0).confidence_interval()
    assert mean_interval(accuracies, 10**9) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_the_squared_distances_of_both_limits_are_added():
    accuracies, n = [0.88, 0.90, 0.92], 500
    seeds = stats.t.isf(0.025, 2) * 0.02 / math.sqrt(3)
    images_low, images_high = wilson_interval(450, 500)
    low = 0.9 - math.sqrt((0.9 - images_low) ** 2 + seeds**2)
    high = 0.9 + math.sqrt((images_high - 0.9) ** 2 + seeds**2)
    assert mean_interval(accuracies, n) == pytest.approx((low, high))


@given(st.lists(st.integers(0, 60), min_size=2, max_size=6))
def test_an_interval_over_replicates_is_never_narrower_than_the_images_allow(correct):
    low, high = mean_interval([count / 60 for count in correct], 60)
    images_low, images_high = wilson_interval(float(np.mean(correct)), 60)
    assert 0 <= low <= images_low + 1e-9
    assert images_high - 1e-9 <= high <= 1


# Means over images


@pytest.mark.parametrize("seed", range(3))
def test_with_many_images_the_interval_over_images_is_normal(seed):
    gains = np.random.default_rng(seed).choice([-1, -0.5, 0, 0.5, 1], 10_000, p=[0.02, 0.03, 0.88, 0.04, 0.03])
    half = 1.96 * gains.std() / 100
    assert image_interval(gains) == pytest.approx((gains.mean() - half, gains.mean() + half), abs=0.02 * half)


def test_a_difference_over_images_by_hand():
    """Bonett and Price 2012: 8 and 2 discordant pairs of 40 become 9 and 3 of 42."""
    first, second = 9 / 42, 3 / 42
    half = 1.959963985 * math.sqrt((first + second - (first - second) ** 2) / 42)
    gains = np.repeat([1.0, -1.0, 0.0], [8, 2, 30])
    assert image_interval(gains) == pytest.approx((first - second - half, first - second + half))


def test_equal_answers_on_few_images_leave_room_for_a_difference():
    low, high = image_interval(np.zeros(20))
    assert low < -0.05
    assert high > 0.05


def test_a_share_over_images_by_hand():
    """Agresti and Coull 1998: 20 of 20 become 22 of 24."""
    share = 22 / 24
    half = 1.959963985 * math.sqrt(share * (1 - share) / 24)
    assert share_interval(np.ones(20)) == pytest.approx((share - half, 1.0))


@pytest.mark.parametrize("interval", [image_interval, share_interval])
def test_intervals_stay_within_what_is_possible(interval):
    for values in (np.ones(3), np.zeros(3), np.ones(1)):
        low, high = interval(values)
        assert (0 if interval is share_interval else -1) <= low < high <= 1


# What an interval promises, by simulation; the long version is in benchmarks/honesty


def correct_counts(rng, times: int, runs: int, n: int, accuracy: float, alike: float, seeds: float) -> np.ndarray:
    """Correct images of replicates, int (times, runs). alike, seeds: shares of variance of images and of seeds."""
    images = rng.standard_normal((times, 1, n)) * math.sqrt(alike)
    shifts = rng.standard_normal((times, runs, 1)) * math.sqrt(seeds)
    rest = rng.standard_normal((times, runs, n)) * math.sqrt(1 - alike - seeds)
    return (images + shifts + rest < stats.norm.ppf(accuracy)).sum(axis=2)


@pytest.mark.parametrize("runs", [2, 5])
@pytest.mark.parametrize(("alike", "seeds"), [(0.8, 0.0), (0.5, 0.05)])
@pytest.mark.parametrize(("n", "accuracy"), [(20, 0.97), (100, 0.9)])
def test_intervals_over_seeds_and_images_cover_the_truth(n, accuracy, alike, seeds, runs):
    counts = correct_counts(np.random.default_rng(5), 400, runs, n, accuracy, alike, seeds)
    intervals = np.array([mean_interval(list(row / n), n) for row in counts])
    assert np.mean((intervals[:, 0] <= accuracy) & (accuracy <= intervals[:, 1])) >= 0.93


@pytest.mark.parametrize("shares", [(0.0, 0.97, 0.03), (0.01, 0.94, 0.05), (0.1, 0.7, 0.2)])
@pytest.mark.parametrize("n", [20, 100, 1000])
def test_intervals_over_images_cover_the_truth(n, shares):
    counts = np.random.default_rng(4).multinomial(n, shares, 500)
    intervals = np.array([image_interval(np.repeat([-1.0, 0.0, 1.0], row)) for row in counts])
    truth = shares[2] - shares[0]
    assert np.mean((intervals[:, 0] <= truth) & (truth <= intervals[:, 1])) >= 0.93
