"""The ImageSet holds what fits together, and refuses the rest."""

import numpy as np
import pytest
import torch

from assay.core.errors import DataError, UsageError
from assay.data.imageset import ImageSet

IMAGES = np.arange(4 * 3 * 2 * 2, dtype=np.uint8).reshape(4, 3, 2, 2)
LABELS = np.array([0, 1, 1, 0])


def made(images=IMAGES, labels=LABELS, class_names=("cat", "dog")):
    return ImageSet(images, labels, class_names, "toy/train")


def test_shape_is_that_of_one_image():
    assert made().shape == (3, 2, 2)
    assert len(made()) == 4


@pytest.mark.parametrize(
    "images",
    [IMAGES.astype(np.float32), IMAGES[0], IMAGES[:, :2]],
    ids=["float", "one image", "two channels"],
)
def test_images_of_another_kind_are_refused(images):
    with pytest.raises(DataError, match="toy/train: images must be uint8"):
        made(images=images, labels=np.zeros(len(images), np.int64))


@pytest.mark.parametrize("labels", [LABELS[:3], LABELS.astype(np.int32), LABELS[:, None]])
def test_labels_of_another_kind_are_refused(labels):
    with pytest.raises(DataError, match="toy/train: labels must be int64"):
        made(labels=labels)


@pytest.mark.parametrize("label", [-1, 2])
def test_a_label_without_a_class_is_refused(label):
    with pytest.raises(DataError, match="2 class names"):
        made(labels=np.array([0, 1, 1, label]))


@pytest.mark.parametrize(
    ("images", "advice"),
    [
        (IMAGES / 255, r"make them 0 to 255: \(255 \* images\)"),
        (IMAGES * np.float32(9), "values run from 0 to 423"),
        (np.full((4, 3, 2, 2), np.nan), "48 values are NaN or infinite"),
        (IMAGES.astype(np.int64), r"images\.astype\(np\.uint8\)"),
        (IMAGES.transpose(0, 2, 3, 1), r"channels first: images\.transpose\(0, 3, 1, 2\)"),
        (IMAGES[:, 0], r"gray images need a channel: images\[:, None\]"),
        (IMAGES[:, :, :0], "must be uint8"),
        (IMAGES.tolist(), "must be a NumPy array, not list"),
        (torch.from_numpy(IMAGES), "must be a NumPy array, not Tensor"),
    ],
    ids=["unit", "float", "nan", "int", "channels last", "no channel", "no rows", "list", "tensor"],
)
def test_images_of_another_kind_come_with_advice(images, advice):
    with pytest.raises(DataError, match=advice):
        made(images=images)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("cd", "must be a tuple of strings"),
        ((0, 1), "must be a tuple of"),
        (("cat", "cat"), "there are several of cat"),
    ],
)
def test_class_names_that_name_no_classes_are_refused(names, message):
    with pytest.raises(DataError, match=message):
        made(class_names=names)


@pytest.mark.parametrize(
    "view",
    [
        lambda array: array[:, ::-1],
        lambda array: array[..., ::-1],
        lambda array: array[::2].repeat(2, 0)[::-1],
        lambda array: np.ascontiguousarray(array.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2),
    ],
    ids=["BGR", "mirrored", "backwards", "channels were last"],
)
def test_arrays_of_any_strides_become_contiguous_ones_of_the_same_pixels(view):
    images = made(images=view(IMAGES), labels=LABELS[::-1])
    assert np.array_equal(images.images, view(IMAGES))
    assert np.array_equal(images.labels, LABELS[::-1])
    assert torch.equal(images.take(torch.tensor([2])), torch.from_numpy(view(IMAGES).copy()[[2]]))
    assert torch.from_numpy(images.labels).tolist() == LABELS[::-1].tolist()


def test_a_contiguous_array_is_not_copied():
    assert made().images is IMAGES


def test_class_names_in_a_list_are_those_in_a_tuple():
    assert made(class_names=["cat", "dog"]).class_names == ("cat", "dog")


def test_a_net_for_other_images_does_not_fit():
    made().check_fits((3, 2, 2), ("dog", "emu", "cat"))
    with pytest.raises(UsageError, match="are 3x2x2, the run was trained on 3x4x4"):
        made().check_fits((3, 4, 4), ("cat", "dog"))
    with pytest.raises(UsageError, match="new: dog; missing: emu"):
        made().check_fits((3, 2, 2), ("cat", "emu"))
    with pytest.raises(DataError, match="toy/train: there are no images to evaluate on"):
        made().subset([]).check_fits((3, 2, 2), ("cat", "dog"))


def test_subset_keeps_the_order_asked_for():
    subset = made().subset([2, 0])
    assert np.array_equal(subset.images, IMAGES[[2, 0]])
    assert subset.labels.tolist() == [1, 0]


def test_class_counts_name_every_class():
    assert made(class_names=("cat", "dog", "emu")).class_counts().tolist() == [2, 2, 0]


def test_fingerprint_depends_on_content_only():
    second = IMAGES.copy()
    second[3, 2, 1, 1] ^= 1
    assert made().fingerprint == made(images=IMAGES.copy(), class_names=("a", "b")).fingerprint
    assert made().fingerprint != made(images=second).fingerprint
    assert made().fingerprint != made(labels=LABELS[::-1].copy() * 0).fingerprint


@pytest.fixture
def both(tmp_path):
    """The same images in memory, and memory-mapped."""
    pixels = np.random.default_rng(0).integers(0, 256, (12, 3, 4, 5), np.uint8)
    np.save(tmp_path / "a.npy", pixels)
    labels, names = np.arange(12) % 3, ("a", "b", "c")
    mapped = np.load(tmp_path / "a.npy", mmap_mode="c")
    return [ImageSet(array, labels, names, "own", "digest") for array in (pixels, mapped)]


def test_a_part_of_a_memory_map_is_the_same_part_and_copies_nothing(both):
    rows, names = [7, 1, 1, 10, 3], ("c", "x", "a", "b")
    plain, mapped = (images.subset(rows) for images in both)
    for item, second in (
        (plain, mapped),
        (plain.subset([4, 0]), mapped.subset([4, 0])),
        (plain.with_class_names(names), mapped.with_class_names(names)),
    ):
        assert len(item) == len(second)
        assert item.shape == second.shape
        assert item.class_names == second.class_names
        assert item.source == second.source
        assert np.array_equal(item.labels, second.labels)
        assert item.class_counts().tolist() == second.class_counts().tolist()
        assert torch.equal(item.take(torch.tensor([1, 0])), second.take(torch.tensor([1, 0])))
        assert "images" not in vars(second)
        assert np.array_equal(item.images, second.images)
        assert not isinstance(second.images, np.memmap)


def test_parts_of_a_memory_map_have_fingerprints_of_their_own(both):
    _, mapped = both
    result = {mapped.subset(rows).fingerprint for rows in ([0, 1], [1, 0], [0], range(12), [0, 1])}
    assert len(result | {mapped.fingerprint}) == 5


def test_other_class_names_need_no_look_at_the_pixels_and_equal_ones_no_copy(both):
    part = both[1].subset([3, 4])
    assert part.with_class_names(part.class_names) is part
    second, third = (part.with_class_names(names) for names in (("c", "b", "a"), ("b", "c", "a")))
    assert len({part.fingerprint, second.fingerprint, third.fingerprint}) == 3
    assert second.fingerprint == part.with_class_names(("c", "b", "a")).fingerprint
    assert second.whole.digest
