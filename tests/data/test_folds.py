"""Folds hold every image once, with groups whole, and are as balanced as the groups allow."""

import hashlib

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from assay.data.folds import FOLDS, draw_fold
from assay.data.split import split

Array = NDArray[np.int64]


def draw_folds(labels: Array, groups: Array, seed: int = 0) -> list[Array]:
    return [draw_fold(labels, groups, seed, number) for number in range(FOLDS)]


@st.composite
def labeled_groups(draw: st.DrawFn) -> tuple[Array, Array]:
    """Labels and groups: of one class each, or with pictures that stand in two classes."""
    random = np.random.default_rng(draw(st.integers(0, 10_000)))
    class_sizes = draw(st.lists(st.integers(1, 40), min_size=1, max_size=5))
    labels = np.repeat(np.arange(len(class_sizes)), class_sizes)
    groups = np.repeat(np.arange(len(labels)), random.choice([1, 1, 1, 2, 7, 12], len(labels)))[: len(labels)]
    if draw(st.booleans()):
        shift = random.integers(0, len(labels))
        groups = np.roll(groups, shift)
    return labels, groups


def test_folds_hold_every_image_once_in_equal_shares_of_each_class():
    labels = np.repeat(np.arange(4), 25)
    folds = draw_folds(labels, np.arange(100), seed=3)
    assert sorted(np.concatenate(folds)) == list(range(100))
    for fold in folds:
        assert np.bincount(labels[fold]).tolist() == [5, 5, 5, 5]


# SHA-256 of the indices of all folds, computed before groups were dealt to folds
@pytest.mark.parametrize(
    ("labels", "stored"),
    [
        (np.random.default_rng(0).permutation(np.repeat(np.arange(10), 300)), "3eeccca2426fefbf"),
        (np.repeat(np.arange(4), [501, 250, 37, 12]), "15781d649408f4b9"),
        (np.random.default_rng(2).integers(0, 40, 3000), "889b187cf615af87"),
    ],
    ids=["ten classes", "uneven", "many classes"],
)
def test_folds_of_single_images_are_those_of_published_results(labels, stored):
    folds = draw_folds(labels, np.arange(len(labels))[::-1].copy(), seed=5)
    assert hashlib.sha256(np.concatenate(folds).tobytes()).hexdigest()[:16] == stored


def test_no_fold_has_a_class_that_could_not_be_learned():
    labels, groups = np.array([0] * 20 + [1] + [2] * 4), np.array([*range(21), 21, 21, 21, 21])
    assert sorted(np.concatenate(draw_folds(labels, groups))) == list(range(20))


def test_bursts_larger_than_a_fifth_of_their_class_leave_the_folds_equal():
    labels, groups = np.repeat(np.arange(4), 20), np.arange(80)
    for label in range(4):
        groups[20 * label : 20 * label + 7] = 20 * label
    assert [len(fold) for fold in draw_folds(labels, groups)] == [16] * FOLDS  # 16, 16, 16, 4, 28 before


def test_a_burst_of_more_than_half_a_class_leaves_images_for_every_fold():
    labels, groups = np.repeat([0, 1], 20), np.array([0] * 12 + [*range(1, 29)])
    counts = sorted(int((labels[fold] == 0).sum()) for fold in draw_folds(labels, groups))
    assert counts == [2, 2, 2, 2, 12]


def test_the_largest_group_is_in_each_of_the_folds_for_some_seed():
    labels, groups = np.repeat([0, 1], 20), np.array([0] * 12 + [*range(1, 29)])
    places = {number for seed in range(40) for number in range(FOLDS) if 0 in draw_fold(labels, groups, seed, number)}
    assert places == set(range(FOLDS))


@given(labeled_groups(), st.integers(0, 5))
def test_copies_never_lie_on_both_sides(labels_and_groups, seed):
    labels, groups = labels_and_groups
    for fold in draw_folds(labels, groups, seed):
        assert not set(groups[fold]) & set(np.delete(groups, fold))


def test_copies_of_a_picture_in_two_classes_stay_with_a_class_that_cannot_be_tested():
    labels, groups = np.array([0] * 20 + [1, 1]), np.array([*range(20), 0, 0])
    for fold in draw_folds(labels, groups):
        assert 0 not in fold  # else the copies, all that class 1 has, would train


@given(labeled_groups(), st.integers(0, 5))
def test_every_class_can_be_learned_beside_every_fold(labels_and_groups, seed):
    labels, groups = labels_and_groups
    for fold in draw_folds(labels, groups, seed):
        train = np.setdiff1d(np.arange(len(labels)), fold)
        train = train[split(labels[train], 0.3, seed, 0.1, groups[train]).train]
        assert set(labels[train]) == set(labels)


@given(labeled_groups(), st.integers(0, 5))
def test_an_image_is_in_one_fold_unless_its_class_or_a_copy_cannot_be_tested(labels_and_groups, seed):
    labels, groups = labels_and_groups
    tested = np.concatenate(draw_folds(labels, groups, seed))
    assert len(np.unique(tested)) == len(tested)
    single = [label for label in np.unique(labels) if len(np.unique(groups[labels == label])) == 1]
    excused = np.isin(groups, groups[np.isin(labels, single)])
    crossing = [group for group in np.unique(groups) if len(np.unique(labels[groups == group])) > 1]
    if not crossing:
        assert set(tested) == set(np.flatnonzero(~excused))


def imbalance(labels: Array, folds: list[Array]) -> float:
    """The standard deviation of a class's share in a fold, over folds; the mean of all classes."""
    shares = np.array([np.bincount(labels[fold], minlength=labels.max() + 1) for fold in folds]) / np.bincount(labels)
    return float(shares.std(axis=0).mean())


@given(labeled_groups(), st.integers(0, 5))
def test_folds_are_as_balanced_as_those_of_scikit_learn(labels_and_groups, seed):
    labels, groups = labels_and_groups
    assume(np.bincount(labels).min() >= FOLDS and len(np.unique(groups)) > FOLDS)
    folds = draw_folds(labels, groups, seed)
    assume(sum(map(len, folds)) == len(labels))
    oracle = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed).split(labels, labels, groups)
    assert imbalance(labels, folds) <= imbalance(labels, [test for _, test in oracle]) + 0.03
