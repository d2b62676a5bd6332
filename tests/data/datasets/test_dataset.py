"""A named data set is read whole and verified, or not at all."""

import gzip

import numpy as np
import pytest

from assay.core.errors import DataError


@pytest.mark.parametrize("packed", [False, True], ids=["unpacked", "gz"])
def test_a_data_set_becomes_an_image_set(toy, packed):
    for name in toy.contents:
        toy.put(name, packed=packed)
    for part in ("train", "test"):
        images = toy.dataset.load(part, toy.root)
        assert images.source == f"toy/{part}"
        assert np.array_equal(images.images[:, 0], toy.images[part])
        assert images.labels.tolist() == [0, 1] * (len(images) // 2)
        assert len(images) == toy.dataset.counts[part]
        assert images.shape == toy.dataset.shape
    assert toy.dataset.find_folder(toy.root) == toy.dataset.verify(toy.root) == toy.folder


def test_reading_the_training_images_does_not_touch_the_test_files(toy):
    toy.put("train-images")
    toy.put("train-labels")
    assert len(toy.dataset.load("train", toy.root)) == 8
    toy.put("test-images", b"damaged")
    toy.put("test-labels", b"damaged")
    assert len(toy.dataset.load("train", toy.root)) == 8


def test_a_data_set_that_is_not_here_says_what_and_how_to_get_it(toy):
    assert toy.dataset.find_folder(toy.root) is None
    with pytest.raises(DataError, match=r"toy is not here: .*Toy/raw/train-images is missing.* assay data get toy"):
        toy.dataset.load("train", toy.root)


def test_a_missing_file_is_named(toy):
    toy.put("train-images")
    with pytest.raises(DataError, match=r"Toy/raw/train-labels is missing.* assay data get toy"):
        toy.dataset.load("train", toy.root)
    with pytest.raises(DataError, match=r"Toy/raw/test-images is missing"):
        toy.dataset.load("test", toy.root)


@pytest.mark.parametrize("packed", [False, True], ids=["unpacked", "gz"])
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: content[:-7], "is truncated: 249 bytes of 256"),
        (lambda content: content[:100] + bytes([content[100] ^ 4]) + content[101:], "is damaged or altered: its MD5"),
        (lambda content: content + b"\0", "is too long"),
        (lambda content: b"", "is truncated"),
    ],
    ids=["truncated", "flipped", "longer", "empty"],
)
def test_altered_content_is_an_error_that_names_file_and_cure(toy, packed, damage, message):
    toy.put("train-labels")
    toy.put("train-images", damage(toy.contents["train-images"]), packed)
    with pytest.raises(DataError, match=rf"train-images(\.gz)? {message}.*assay data get toy"):
        toy.dataset.load("train", toy.root)


@pytest.mark.parametrize("damage", ["truncated", "flipped", "no gzip"])
def test_a_damaged_gzip_is_an_error_that_names_file_and_cure(toy, damage):
    toy.put("train-labels")
    toy.put("train-images", packed=True)
    path = toy.folder / "train-images.gz"
    packed = bytearray(path.read_bytes())
    packed[50] ^= 8
    path.write_bytes({"truncated": packed[:-20], "flipped": packed, "no gzip": b"<html>"}[damage])
    with pytest.raises(DataError, match=r"train-images\.gz .*assay data get toy"):
        toy.dataset.load("train", toy.root)


def test_a_gzip_bomb_is_not_unpacked(toy, monkeypatch):
    toy.put("train-labels")
    toy.put("train-images", bytes(100_000_000), packed=True)
    sizes = []
    read = gzip.GzipFile.read
    monkeypatch.setattr(gzip.GzipFile, "read", lambda self, size=-1: sizes.append(size) or read(self, size))
    with pytest.raises(DataError, match="too long: it should hold 256 bytes"):
        toy.dataset.load("train", toy.root)
    assert sizes == [257]


def test_a_file_that_cannot_be_opened_is_a_data_error(toy):
    toy.put("train-labels")
    toy.put("train-images")
    (file, _) = toy.dataset.editions[0].files["train"]
    with pytest.raises(DataError, match="cannot be read"):
        file.read(toy.folder)  # a folder in place of a file
