"""The brightness of an image is its weighted sum of red, green and blue."""

import pytest
import torch

from assay.data.luma import LUMA, luma


def test_luma_weighs_red_green_and_blue():
    assert sum(LUMA) == pytest.approx(1)
    assert luma(torch.eye(3).view(3, 3, 1, 1)).flatten().tolist() == torch.tensor(LUMA).tolist()


def test_gray_images_are_returned_as_they_are():
    gray = torch.rand(2, 1, 3, 3)
    assert luma(gray) is gray
