"""Copies of a picture are found however they were saved, and different pictures are told apart."""

import io

import numpy as np
import pytest
from benchmarks.image_copies import draw_castings, draw_digits, draw_xrays
from PIL import Image, ImageEnhance, ImageOps

from assay.data.datasets.catalog import load_dataset
from assay.data.decode import decode, silence_pillow
from assay.data.folders.duplicates import group_duplicates

SHAPE = (3, 64, 64)


def saved(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    with silence_pillow():
        return decode(buffer.getvalue(), SHAPE).pixels


def grouped(*images, contents=None):
    return group_duplicates(np.stack(images), contents or [str(i) for i in range(len(images))]).tolist()


@pytest.mark.parametrize(
    "copy",
    [
        lambda image: saved(image, "JPEG", quality=40),
        lambda image: saved(image, "WEBP", quality=60),
        lambda image: saved(image.resize((70, 70))),
        lambda image: saved(image.resize((400, 400))),
        lambda image: saved(ImageEnhance.Brightness(image).enhance(0.8)),
        lambda image: saved(ImageEnhance.Brightness(image).enhance(1.2)),
        lambda image: saved(image.crop((1, 1, 199, 199))),
        lambda image: saved(image.crop((6, 0, 200, 194))),
        lambda image: saved(ImageOps.mirror(image)),
        lambda image: saved(ImageOps.mirror(image).crop((0, 6, 194, 200)), "JPEG", quality=60),
    ],
    ids=[
        "recompressed",
        "another format",
        "smaller",
        "larger",
        "darker",
        "brighter",
        "cropped a little",
        "cropped by 3 %",
        "mirrored",
        "mirrored, cropped and recompressed",
    ],
)
def test_a_copy_is_found(picture, copy):
    images = [picture(seed, 200) for seed in range(5)]
    assert grouped(*map(saved, images), copy(images[2])) == [0, 1, 2, 3, 4, 2]


def test_different_pictures_are_told_apart(picture):
    assert grouped(*(saved(picture(seed, 64)) for seed in range(200))) == list(range(200))


@pytest.mark.parametrize("draw", [draw_xrays, draw_castings])
def test_drawings_of_one_kind_are_told_apart_and_their_copies_found(draw):
    images = draw(80, np.random.default_rng(0), side=64)
    copies = [saved(images[3], "JPEG", quality=75), saved(ImageOps.mirror(images[7]))]
    assert grouped(*map(saved, images), *copies) == [*range(80), 3, 7]


def test_handwritten_digits_are_told_apart():
    digits = [saved(image) for image in draw_digits()[:600]]
    assert grouped(*digits) == list(range(600))


def test_clothes_are_told_apart(data_root):
    images = load_dataset("fashion-mnist", "test", data_root).images[:600]
    groups = grouped(*(saved(Image.fromarray(np.asarray(image)[0])) for image in images))
    assert len(set(groups)) >= 599  # all but one pair may be copies


def test_a_burst_larger_than_the_neighborhood_is_one_group(picture):
    image = picture(0, 200)
    burst = [saved(image, "JPEG", quality=quality) for quality in range(50, 90)]
    others = [saved(picture(seed, 200)) for seed in range(1, 60)]
    assert grouped(*others, *burst) == [*range(59), *[59] * 40]


def test_likeness_does_not_chain(picture):
    """Each image is a copy of the next, shifted by a little; the first and the last have little in common."""
    images = [saved(picture(0, 400).crop((6 * i, 0, 300 + 6 * i, 300))) for i in range(16)]
    others = [saved(picture(seed, 300)) for seed in range(1, 20)]
    groups = grouped(*others, *images)[19:]
    assert groups[0] != groups[-1]
    assert max(map(groups.count, groups)) < 12


def test_a_red_disc_is_no_gray_disc():
    def disc(color):
        y, x = np.mgrid[-1:1:64j, -1:1:64j]
        image = np.full((64, 64, 3), 255, np.uint8)
        image[x**2 + y**2 < 0.4] = color
        return saved(Image.fromarray(image))

    assert grouped(disc((180, 30, 30)), disc((80, 80, 80)), disc((181, 30, 30))) == [0, 1, 0]


def test_flat_pictures_are_told_apart_by_their_color():
    colors = ["red", "blue", "red", "white", "#fefefe"]
    assert grouped(*(saved(Image.new("RGB", (64, 64), color)) for color in colors)) == [0, 1, 0, 3, 3]


def test_files_with_the_same_bytes_are_together_and_copies_join_groups(picture):
    images = [saved(picture(seed, 100)) for seed in (0, 1, 0)]
    assert grouped(*images, images[0], contents=["a", "b", "a", "c"]) == [0, 1, 0, 0]


def test_blocks_do_not_hide_a_pair(picture, monkeypatch):
    monkeypatch.setattr("assay.data.folders.copy_candidates._BLOCK_NUMBERS", 200)
    images = [saved(picture(seed, 64)) for seed in range(10)]
    assert grouped(*images, images[0], images[7]) == [*range(10), 0, 7]
