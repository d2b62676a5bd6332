"""The random resized crop against Pillow, which resizes one cropped image at a time."""

import numpy as np
import pytest
import torch
from PIL import Image

from assay.data.augment.boxes import Boxes
from assay.data.augment.parse import Augment
from assay.data.augment.resized_crop import resize


def by_pillow(image, top, left, height, width, side):
    """image: (C, H, W). Pillow resamples 32-bit floats without rounding."""
    parts = [Image.fromarray(channel[top : top + height, left : left + width]) for channel in image]
    return np.stack([np.asarray(part.resize((side, side), Image.Resampling.BILINEAR)) for part in parts])


@pytest.mark.parametrize("side", [5, 16, 40])
@pytest.mark.parametrize("box", [(0, 0, 30, 40), (3, 4, 20, 25), (10, 1, 7, 11), (29, 39, 1, 1), (0, 38, 30, 2)])
def test_a_box_is_resized_as_pillow_does(side, box):
    pixels = torch.rand(2, 3, 30, 40, generator=torch.Generator().manual_seed(0))
    output = resize(pixels, Boxes(*(torch.tensor([value, value]) for value in box)), side)
    for image, result in zip(pixels.numpy(), output.numpy(), strict=True):
        np.testing.assert_allclose(result, by_pillow(image, *box, side), atol=2e-6)


def test_each_image_has_a_box_of_its_own():
    """Two channels that hold row and column show what was cropped: its middle, and its size by the slope."""
    n, size, side = 2000, 64, 16
    rows = torch.arange(size).view(1, 1, -1, 1).expand(n, 1, size, size) / size
    pixels = torch.cat([rows, rows.mT], 1)
    augment = Augment.parse([f"random-resized-crop {side} 0.2 0.5"])
    output = augment(pixels, torch.arange(n), 0, torch.Generator().manual_seed(0))
    assert output.shape == (n, 2, side, side)
    height = (output[:, 0, 9, 8] - output[:, 0, 7, 8]) * side / 2
    width = (output[:, 1, 8, 9] - output[:, 1, 8, 7]) * side / 2
    assert 0.19 < (height * width).min() < 0.21
    assert 0.49 < (height * width).max() < 0.51
    assert 0.7 < (width / height).min() < 0.78
    assert len(torch.stack([output[:, 0, 8, 8], output[:, 1, 8, 8]], 1).unique(dim=0)) > 500


def test_where_no_box_fits_the_center_is_taken():
    pixels = torch.rand(3, 1, 40, 4, generator=torch.Generator().manual_seed(0))
    augment = Augment.parse(["random-resized-crop 4 0.9 1"])
    output = augment(pixels, torch.arange(3), 0, torch.Generator().manual_seed(0))
    for image, result in zip(pixels.numpy(), output.numpy(), strict=True):
        np.testing.assert_allclose(result, by_pillow(image, 17, 0, 5, 4, 4), atol=2e-6)  # 4 wide, 3:4


def test_the_size_that_reaches_the_net_is_known_before():
    assert Augment.parse(["random-resized-crop 24"]).shape((3, 40, 30), 0) == (3, 24, 24)
