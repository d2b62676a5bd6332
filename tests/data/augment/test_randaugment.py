"""RandAugment's operations against Pillow, each at several magnitudes and with both signs."""

import math

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps

from assay.data.augment.parse import Augment
from assay.data.augment.randaugment import OPERATIONS

SIDE = 24


@pytest.fixture(scope="module")
def pictures():
    """Three RGB pictures, uint8 (3, 24, 24, 3): smooth, dark, and one channel nearly flat."""
    generator = np.random.default_rng(0)
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    smooth = np.stack([x, y, (x + y) / 2], 2) * 200 + generator.uniform(3, 40, (SIDE, SIDE, 3))
    dark = generator.uniform(10, 90, (SIDE, SIDE, 3))
    flat = smooth.copy()
    flat[:, :, 1] = 77
    return np.stack([smooth, dark, flat]).astype(np.uint8)


def pixels_of(pictures):
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255


def apply(name, pictures, level, sign):
    output = OPERATIONS[name](pixels_of(pictures), level, torch.full((len(pictures),), float(sign)))
    return (output * 255).permute(0, 2, 3, 1).numpy()


def affine(*coefficients):
    return lambda image: image.transform(image.size, Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR)


def enhanced(kind):
    return lambda level, sign: lambda image: kind(image).enhance(1 + 0.9 * level * sign)


def solarized(level, sign):
    return lambda image: ImageOps.solarize(image, round(255 * (1 - level)))


# name: (level, sign) -> what Pillow does, and by how many gray levels the two may differ: Pillow rounds on its way
COLORS = {
    "identity": (lambda level, sign: lambda image: image, 0.01),
    "brightness": (enhanced(ImageEnhance.Brightness), 1.01),
    "color": (enhanced(ImageEnhance.Color), 2.5),
    "contrast": (enhanced(ImageEnhance.Contrast), 2.5),
    "sharpness": (enhanced(ImageEnhance.Sharpness), 2.5),
    "posterize": (lambda level, sign: lambda image: ImageOps.posterize(image, 8 - round(4 * level)), 0.01),
    "solarize": (solarized, 0.01),
    "auto-contrast": (lambda level, sign: ImageOps.autocontrast, 1.5),
    "equalize": (lambda level, sign: ImageOps.equalize, 0.01),
}


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("level", [0.2, 0.6, 1.0])
@pytest.mark.parametrize("name", COLORS)
def test_colors_change_as_pillow_changes_them(name, level, sign, pictures):
    oracle, tolerance = COLORS[name]
    expected = np.stack([np.asarray(oracle(level, sign)(Image.fromarray(one))) for one in pictures]).astype(float)
    assert np.abs(apply(name, pictures, level, sign) - expected).max() <= tolerance


def rotation(level, sign):
    return lambda image: image.rotate(-30 * level * sign, Image.Resampling.BILINEAR)


GEOMETRY = {
    "shear-x": lambda level, sign: affine(1, 0.3 * level * sign, 0, 0, 1, 0),
    "shear-y": lambda level, sign: affine(1, 0, 0, 0.3 * level * sign, 1, 0),
    "translate-x": lambda level, sign: affine(1, 0, sign * int(level * 150 / 331 * SIDE), 0, 1, 0),
    "translate-y": lambda level, sign: affine(1, 0, 0, 0, 1, sign * int(level * 150 / 331 * SIDE)),
    "rotate": rotation,
}


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("level", [0.2, 0.6, 1.0])
@pytest.mark.parametrize("name", GEOMETRY)
def test_geometry_is_pillows_where_pillow_sees_the_image(name, level, sign, pictures):
    """Outside of it Pillow is black, which a white image shows; there assay continues the edge."""
    move = GEOMETRY[name](level, sign)
    expected = np.stack([np.asarray(move(Image.fromarray(one))) for one in pictures]).astype(float)
    white = np.asarray(move(Image.new("L", (SIDE, SIDE), 255)))
    inner = np.asarray(move(Image.fromarray(np.pad(np.full((SIDE - 4, SIDE - 4), 255, np.uint8), 2)))) == 255
    assert inner.sum() > 100
    result = apply(name, pictures, level, sign)
    assert np.abs(result - expected)[:, inner].max() <= 1.6
    assert result[:, white == 0].min(initial=255) > 0


def test_every_operation_is_covered_here():
    assert {*COLORS, *GEOMETRY} == OPERATIONS.keys()
    assert len(OPERATIONS) == 14


@pytest.mark.parametrize("name", OPERATIONS)
def test_gray_images_are_taken_too(name, pictures):
    gray = pixels_of(pictures)[:, :1]
    output = OPERATIONS[name](gray, 1.0, torch.ones(3))
    assert output.shape == gray.shape
    assert 0 <= output.min() <= output.max() <= 1


def test_each_image_draws_its_own_operation_all_as_often():
    one = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(1)) * 0.8 + 0.1
    pixels = one.expand(2800, 3, 16, 16)
    output = Augment.parse(["randaugment 1 20"])(pixels, torch.arange(2800), 0, torch.Generator().manual_seed(0))
    signed = torch.tensor([-1.0, 1.0])
    outcomes = {name: operation(one.expand(2, 3, 16, 16), 20 / 30, signed) for name, operation in OPERATIONS.items()}
    for name, both in outcomes.items():
        hits = torch.stack([(output - view).abs().amax((1, 2, 3)) < 1e-5 for view in both]).any(0).sum().item()
        assert abs(hits - 200) < 5 * math.sqrt(200 * 13 / 14), name


def test_several_operations_follow_one_another(pictures):
    pixels = pixels_of(pictures)[:1].expand(500, 3, SIDE, SIDE)
    indices = torch.arange(500)
    once, thrice = (
        Augment.parse([f"randaugment {count} 30"])(pixels, indices, 0, torch.Generator().manual_seed(0))
        for count in (1, 3)
    )
    unchanged = [((output - pixels).abs().amax((1, 2, 3)) < 1e-6).float().mean().item() for output in (once, thrice)]
    assert unchanged[0] == pytest.approx(1 / 14, abs=0.04)
    assert unchanged[1] < 0.02
