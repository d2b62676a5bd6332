"""Copies between two sets are found, one image at a time."""

import numpy as np
import pytest
from PIL import Image

from assay.core.errors import UsageError
from assay.data.folders import near_copies
from assay.data.folders.near_copies import find_near_copies
from assay.data.imageset import ImageSet

SIDE = 64


def image_set(*images: Image.Image) -> ImageSet:
    """The pictures, shrunk, all of one class."""
    pixels = np.stack([np.asarray(image.convert("RGB").resize((SIDE, SIDE))) for image in images])
    return ImageSet(pixels.transpose(0, 3, 1, 2), np.zeros(len(images), np.int64), ("a",), "toy")


def test_equal_mirrored_and_flat_images_are_copies_and_others_are_not(picture):
    pictures = [picture(seed, 200) for seed in range(8)]
    mirrored = pictures[1].transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    images = image_set(pictures[0], mirrored, Image.new("RGB", (200, 200), "red"), picture(20, 200))
    source = image_set(*pictures, Image.new("RGB", (200, 200), "#fe0000"))
    assert find_near_copies(images, source).tolist() == [True, True, True, False]


def test_an_image_whose_copy_is_in_another_group_is_a_copy(picture):
    """Sixteen crops, each a copy of the next: groups do not chain, so they cut some of them off from their neighbor."""
    crops = [picture(0, 400).crop((6 * i, 0, 300 + 6 * i, 300)) for i in range(16)]
    others = [picture(seed, 300) for seed in range(1, 20)]
    assert find_near_copies(image_set(*crops[1::2]), image_set(*others, *crops[::2])).all()


def test_an_identical_copy_of_a_copy_is_one_too(picture):
    pictures = [picture(seed, 200) for seed in range(8)]
    cropped = pictures[3].crop((4, 0, 200, 196))
    assert find_near_copies(image_set(cropped, cropped), image_set(*pictures)).all()


def test_too_many_images_are_refused(monkeypatch, picture):
    monkeypatch.setattr(near_copies, "MAX_IMAGES", 2)
    with pytest.raises(UsageError, match=r"there are too many images \(3 of 3x64x64\)"):
        find_near_copies(image_set(picture(0, 80)), image_set(picture(1, 80), picture(2, 80)))
