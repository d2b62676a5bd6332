"""Copies of a picture are found however they were saved, and different pictures are told apart."""

import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from assay.data.decode import decode, silence_pillow
from assay.data.folders.duplicates import group_duplicates, perceptual_hashes

SHAPE = (3, 64, 64)


def saved(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    with silence_pillow():
        return decode(buffer.getvalue(), SHAPE).pixels


def grouped(*images, contents=None):
    pixels = np.stack(images)
    phashes, dhashes = perceptual_hashes(pixels)
    return group_duplicates(pixels, phashes, dhashes, contents or [str(i) for i in range(len(images))]).tolist()


@pytest.mark.parametrize(
    "copy",
    [
        lambda image: saved(image, "JPEG", quality=40),
        lambda image: saved(image, "WEBP", quality=60),
        lambda image: saved(image.resize((70, 70))),
        lambda image: saved(image.resize((400, 400))),
        lambda image: saved(ImageEnhance.Brightness(image).enhance(0.8)),
        lambda image: saved(image.crop((1, 1, 199, 199))),
    ],
    ids=["recompressed", "another format", "smaller", "larger", "darker", "cropped a little"],
)
def test_a_copy_is_found(picture, copy):
    images = [picture(seed, 200) for seed in range(5)]
    assert grouped(*map(saved, images), copy(images[2])) == [0, 1, 2, 3, 4, 2]


def test_different_pictures_are_told_apart(picture):
    assert grouped(*(saved(picture(seed, 64)) for seed in range(200))) == list(range(200))


def test_flat_pictures_are_told_apart_by_their_color():
    colors = ["red", "blue", "red", "white", "#fefefe"]
    assert grouped(*(saved(Image.new("RGB", (64, 64), color)) for color in colors)) == [0, 1, 0, 3, 3]


def test_files_with_the_same_bytes_are_together_and_copies_join_groups(picture):
    images = [saved(picture(seed, 100)) for seed in (0, 1, 0)]
    assert grouped(*images, images[0], contents=["a", "b", "a", "c"]) == [0, 1, 0, 0]


def test_blocks_do_not_hide_a_pair(picture, monkeypatch):
    monkeypatch.setattr("assay.data.folders.duplicates._BLOCK", 3)
    images = [saved(picture(seed, 64)) for seed in range(10)]
    assert grouped(*images, images[0], images[7]) == [*range(10), 0, 7]
