"""Statistics against scipy's own tests, hand-computed cases, published power figures and simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from assay.evaluation.statistics import (
    holm,
    mcnemar,
    paired_test,
    welch_test,
    winners_curse,
)

STEP = 1e-9  # of accuracies on so many images that rounding plays no part


def hits(only_first: int, only_second: int, both: int = 50, neither: int = 20) -> tuple[np.ndarray, np.ndarray]:
    kinds = [(True, False)] * only_first + [(False, True)] * only_second + [(True, True)] * both
    pairs = np.array(kinds + [(False, False)] * neither)
    return pairs[:, 0], pairs[:, 1]


def test_mcnemar_is_the_binomial_test_of_the_images_that_one_alone_got_right():
    assert mcnemar(*hits(10, 2)) == pytest.approx(2 * (1 + 12 + 66) / 2**12)
    assert mcnemar(*hits(2, 10, both=5000)) == pytest.approx(2 * (1 + 12 + 66) / 2**12)


def test_mcnemar_of_equal_predictions_is_1():
    assert mcnemar(*hits(0, 0)) == 1.0


def test_holm_by_hand_keeps_the_order_given():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


def test_holm_by_hand_for_tests_that_were_chosen_from_more():
    assert holm([0.02, 0.001], of=6) == pytest.approx([0.1, 0.006])
    assert holm([0.02, 0.001], of=2) == holm([0.02, 0.001])


@given(st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=10))
def test_the_smallest_p_values_of_many_are_adjusted_as_among_all(p_values):
    p_values = sorted(p_values)
    chosen = p_values[: 1 + len(p_values) // 2]
    assert holm(chosen, of=len(p_values)) == pytest.approx(holm(p_values)[: len(chosen)])


@pytest.mark.parametrize("seed", range(5))
def test_the_paired_test_is_scipys(seed):
    rng = np.random.default_rng(seed)
    first, second = rng.normal(0.6, 0.01, 6), rng.normal(0.59, 0.01, 6)
    ours, theirs = paired_test(first, second, STEP), stats.ttest_rel(first, second)
    assert (ours.p, ours.freedom) == pytest.approx((theirs.pvalue, theirs.df))
    assert ours.interval == pytest.approx(tuple(theirs.confidence_interval()))
    assert ours.spread == pytest.approx(np.std(first - second, ddof=1))


@pytest.mark.parametrize("sizes", [(5, 5), (3, 8), (2, 2)])
def test_welchs_test_is_scipys(sizes):
    rng = np.random.default_rng(1)
    first, second = rng.normal(0.6, 0.01, sizes[0]), rng.normal(0.59, 0.03, sizes[1])
    ours, theirs = welch_test(first, second, STEP), stats.ttest_ind(first, second, equal_var=False)
    assert (ours.p, ours.freedom) == pytest.approx((theirs.pvalue, theirs.df))
    assert ours.interval == pytest.approx(tuple(theirs.confidence_interval()))
    assert ours.runs == sizes


@pytest.mark.parametrize("test", [paired_test, welch_test])
def test_equal_values_are_rounding_and_not_certainty(test):
    low, high = np.array([0.50, 0.50]), np.array([0.51, 0.51])
    assert test(high, low, 0.01).p > 0.01  # images: 100, so that one image is the whole difference
    assert test(high, high, 0.01).p == 1.0


def test_the_best_of_many_equal_recipes_looks_better_than_it_is():
    rng = np.random.default_rng(0)
    assert winners_curse(0.002, 1) == 0
    assert winners_curse(0.002, 2) == pytest.approx(0.002 / np.sqrt(np.pi), rel=1e-6)
    best = rng.normal(0, 0.002, (20_000, 24)).max(axis=1).mean()
    assert winners_curse(0.002, 24) == pytest.approx(best, rel=0.02)


# What an interval promises, by simulation; the long version is in benchmarks/


@pytest.mark.parametrize("paired", [True, False])
def test_intervals_over_seeds_cover_the_truth(paired):
    rng, test = np.random.default_rng(3), paired_test if paired else welch_test
    covered = 0
    for first, second in zip(rng.normal(0.61, 0.002, (2000, 4)), rng.normal(0.60, 0.003, (2000, 4)), strict=True):
        low, high = test(first, second, STEP).interval
        covered += low <= 0.01 <= high
    assert 0.935 <= covered / 2000 <= 0.97  # Welch's is a little cautious with four runs
