"""The split is stratified, seeded, exact in size, and comes back from disk as it went."""

import numpy as np
import pytest

from assay.core.errors import DataError
from assay.data.split import FOLDS, Split, draw_fold, split

UNEVEN = np.repeat(np.arange(4), [501, 250, 37, 12])


def test_split_is_disjoint_and_complete():
    parts = split(UNEVEN, 0.1, seed=0)
    assert sorted([*parts.train, *parts.validation]) == list(range(len(UNEVEN)))


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.2, 0.333, 0.5, 0.9])
def test_validation_has_exactly_the_size_asked_for(fraction):
    assert len(split(UNEVEN, fraction, seed=3).validation) == round(fraction * len(UNEVEN))


def test_split_is_stratified():
    counts = np.bincount(UNEVEN[split(UNEVEN, 0.1, seed=0).validation], minlength=4)
    assert np.all(np.abs(counts - np.bincount(UNEVEN) * 0.1) < 1)


def test_largest_remainders_get_the_images_left_over():
    labels = np.repeat([0, 1, 2], [14, 13, 13])  # 10 % of 40 is 4; shares 1.4, 1.3, 1.3
    assert np.bincount(labels[split(labels, 0.1, seed=0).validation]).tolist() == [2, 1, 1]


def test_equal_classes_are_split_equally():
    labels = np.tile(np.arange(10), 100)
    assert np.bincount(labels[split(labels, 0.1, seed=0).validation]).tolist() == [10] * 10


def test_the_same_seed_gives_the_same_split():
    assert np.array_equal(split(UNEVEN, 0.1, seed=5).validation, split(UNEVEN, 0.1, seed=5).validation)
    assert not np.array_equal(split(UNEVEN, 0.1, seed=5).validation, split(UNEVEN, 0.1, seed=6).validation)


def test_a_share_of_the_training_images_is_stratified_and_leaves_validation_alone():
    whole, part = split(UNEVEN, 0.1, seed=0), split(UNEVEN, 0.1, seed=0, share=0.4)
    assert np.array_equal(whole.validation, part.validation)
    assert set(part.train) < set(whole.train)
    assert len(part.train) == round(0.4 * len(whole.train))
    counts = np.bincount(UNEVEN[part.train], minlength=4)
    assert np.all(np.abs(counts - 0.4 * np.bincount(UNEVEN[whole.train])) < 1)


def test_indices_keep_the_order_of_the_source():
    parts = split(UNEVEN, 0.3, seed=0)
    assert np.all(np.diff(parts.train) > 0)
    assert np.all(np.diff(parts.validation) > 0)


def test_a_stored_split_reads_back_equal(tmp_path):
    parts = split(UNEVEN, 0.1, seed=0)
    parts.save(tmp_path / "split.npz")
    again = Split.load(tmp_path / "split.npz")
    assert np.array_equal(again.train, parts.train)
    assert np.array_equal(again.validation, parts.validation)


def test_groups_stay_together():
    groups = np.arange(len(UNEVEN)) // 3  # some of them across two classes
    parts = split(UNEVEN, 0.2, seed=0, groups=groups)
    assert not set(groups[parts.train]) & set(groups[parts.validation])
    assert abs(len(parts.validation) - 0.2 * len(UNEVEN)) < 12


def test_groups_of_one_image_change_nothing():
    plain, grouped = split(UNEVEN, 0.2, seed=4), split(UNEVEN, 0.2, seed=4, groups=np.arange(len(UNEVEN))[::-1].copy())
    assert np.array_equal(plain.validation, grouped.validation)


def test_a_class_of_one_group_is_trained_on():
    labels, groups = np.repeat([0, 1], [50, 10]), np.array([*range(50), *[50] * 10])
    assert not (labels[split(labels, 0.3, seed=0, groups=groups).validation] == 1).any()


def test_a_class_of_one_image_is_trained_on_where_groups_count():
    labels = np.arange(40)
    assert len(split(labels, 0.3, seed=0, groups=labels).validation) == 0


def test_a_split_with_test_images_reads_back_equal(tmp_path):
    Split(np.array([0, 3]), np.array([1]), np.array([2])).save(tmp_path / "split.npz")
    assert Split.load(tmp_path / "split.npz").test.tolist() == [2]


def test_a_split_stored_before_there_were_folders_is_read(tmp_path):
    np.savez(tmp_path / "split.npz", train=np.array([0, 3]), validation=np.array([1]))
    assert len(Split.load(tmp_path / "split.npz").test) == 0


@pytest.mark.parametrize("damage", ["missing", "truncated", "flipped", "text", "another npz"])
def test_a_damaged_split_is_an_error_that_names_the_file(tmp_path, damage):
    path = tmp_path / "split.npz"
    split(UNEVEN, 0.1, seed=0).save(path)
    content = bytearray(path.read_bytes())
    if damage == "missing":
        path.unlink()
    elif damage == "truncated":
        path.write_bytes(content[:300])
    elif damage == "flipped":
        content[1000] ^= 1
        path.write_bytes(content)
    elif damage == "text":
        path.write_text("train: 1, 2, 3")
    else:
        np.savez(path, second=np.arange(3))
    with pytest.raises(DataError, match=r"split\.npz is not a stored split"):
        Split.load(path)


@pytest.mark.parametrize(
    ("train", "validation"), [([0, 1], [1, 2]), ([0, 0], [1]), ([0, 1], [-1]), ([0.0, 1.0], [2.0])]
)
def test_indices_that_name_an_image_twice_or_none_are_refused(train, validation):
    with pytest.raises(DataError, match="once at most"):
        Split(np.array(train), np.array(validation))


def test_folds_hold_every_image_once_in_equal_shares_of_each_class():
    labels = np.repeat(np.arange(4), 25)
    folds = [draw_fold(labels, np.arange(100), seed=3, number=number) for number in range(FOLDS)]
    assert sorted(np.concatenate(folds)) == list(range(100))
    for item in folds:
        assert np.bincount(labels[item]).tolist() == [5, 5, 5, 5]


def test_folds_keep_groups_whole():
    labels, groups = np.repeat([0, 1], 30), np.arange(60) // 3
    folds = [draw_fold(labels, groups, seed=0, number=number) for number in range(FOLDS)]
    assert sorted(np.concatenate(folds)) == list(range(60))
    for item in folds:
        assert all(np.isin(np.flatnonzero(groups == group), item).all() for group in groups[item])


def test_no_fold_has_a_class_that_could_not_be_learned():
    labels, groups = np.array([0] * 20 + [1] + [2] * 4), np.array([*range(21), 21, 21, 21, 21])
    folds = [draw_fold(labels, groups, seed=0, number=number) for number in range(FOLDS)]
    assert sorted(np.concatenate(folds)) == list(range(20))
