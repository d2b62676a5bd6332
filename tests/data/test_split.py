"""The split is stratified, seeded, exact in size, and comes back from disk as it went."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import DataError
from assay.data.split import Split, split

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


@pytest.mark.parametrize("groups", [None, np.arange(40)], ids=["plain", "grouped"])
def test_a_class_of_one_image_is_trained_on(groups):
    assert len(split(np.arange(40), 0.3, seed=0, groups=groups).validation) == 0


# SHA-256 of the training and validation indices, computed before groups were dealt to folds: plain; with a share of 0.3
# and seed 0; with groups of one image.
STORED = {
    "cifar10": ("341a96cd4dbf6cc6", "589c5220fa661820", "341a96cd4dbf6cc6"),
    "fashion": ("31bc9c705713f49f", "9518126766697222", "31bc9c705713f49f"),
    "uneven": ("371730af36bd52dc", "e24a28081760bf62", "371730af36bd52dc"),
    "many classes": ("1bf58f474aa00722", "93aee62fd08650d3", "1bf58f474aa00722"),
}
STORED_LABELS = {
    "cifar10": (np.random.default_rng(0).permutation(np.repeat(np.arange(10), 5000)), 0.1),
    "fashion": (np.random.default_rng(1).permutation(np.repeat(np.arange(10), 6000)), 0.2),
    "uneven": (UNEVEN, 0.1),
    "many classes": (np.random.default_rng(2).integers(0, 40, 3000), 0.15),
}


@pytest.mark.parametrize("name", STORED)
def test_splits_of_single_images_are_those_of_published_results(name):
    labels, fraction = STORED_LABELS[name]
    parts = (
        split(labels, fraction, 3),
        split(labels, fraction, 0, share=0.3),
        split(labels, fraction, 3, groups=np.arange(len(labels))[::-1].copy()),
    )
    hashes = [hashlib.sha256(part.train.tobytes() + part.validation.tobytes()).hexdigest()[:16] for part in parts]
    assert tuple(hashes) == STORED[name]


@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=6),
    st.floats(0, 0.95),
    st.floats(0.01, 1),
    st.integers(0, 3),
    st.booleans(),
)
def test_every_class_keeps_a_training_image(class_sizes, fraction, share, seed, is_grouped):
    labels = np.repeat(np.arange(len(class_sizes)), class_sizes)
    groups = np.random.default_rng(seed).integers(0, len(labels), len(labels)) if is_grouped else None
    parts = split(labels, fraction, seed, share, groups)
    assert set(labels[parts.train]) == set(labels)


@given(st.lists(st.integers(0, 12), min_size=1, max_size=60), st.floats(0, 0.95), st.integers(0, 3))
def test_groups_of_any_size_and_class_lie_on_one_side(groups, fraction, seed):
    labels = np.random.default_rng(seed).integers(0, 3, len(groups))
    parts = split(labels, fraction, seed, groups=np.array(groups))
    assert sorted([*parts.train, *parts.validation]) == list(range(len(groups)))
    assert not set(np.array(groups)[parts.train]) & set(np.array(groups)[parts.validation])


def test_a_class_of_bursts_larger_than_its_quota_is_validated_all_the_same():
    labels, groups = np.repeat(np.arange(2), 56), np.arange(112) // 7  # 10 % of 56 is 6, a burst has 7
    parts = split(labels, 0.1, seed=0, groups=groups)
    assert np.bincount(labels[parts.validation]).tolist() == [7, 7]


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
