"""Blurring against scipy, and OpenCV's rule against its documented values."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from assay.data.blur import blur, gaussian, opencv_sigma, radius


def noise():
    return torch.rand(2, 3, 20, 26, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("edge", "reference"), [("reflect", "mirror"), ("replicate", "nearest")])
@pytest.mark.parametrize(("sigma", "truncate"), [(0.4, 4), (1.0, 4), (2.0, 3)])
def test_a_gaussian_is_scipys(sigma, truncate, edge, reference):
    pixels = noise()
    output = blur(pixels, gaussian(sigma, radius(sigma, truncate)), edge)
    expected = ndimage.gaussian_filter(pixels.numpy(), (0, 0, sigma, sigma), mode=reference, truncate=truncate)
    np.testing.assert_allclose(output.numpy(), expected, atol=1e-6)


def test_a_kernel_of_two_dimensions_is_scipys_correlation():
    pixels, kernel = noise(), torch.rand(5, 3, generator=torch.Generator().manual_seed(1))
    output = blur(pixels, kernel)
    expected = ndimage.correlate(pixels.numpy(), kernel.numpy()[None, None], mode="mirror")
    np.testing.assert_allclose(output.numpy(), expected, atol=1e-5)


def test_a_gaussian_without_spread_changes_nothing():
    pixels = noise()
    assert torch.equal(blur(pixels, gaussian(0.0, 0)), pixels)
    assert gaussian(0.0, 2).tolist() == [0, 0, 1, 0, 0]


def test_opencvs_rule():
    """Its documentation: sigma = 0.3 * ((ksize - 1) * 0.5 - 1) + 0.8."""
    assert [opencv_sigma(side) for side in (1, 3, 5, 7)] == pytest.approx([0.5, 0.8, 1.1, 1.4])


def test_an_image_smaller_than_the_kernel_is_blurred_all_the_same():
    output = blur(torch.full((1, 1, 3, 3), 0.7), gaussian(4.0, 8))
    assert torch.allclose(output, torch.full_like(output, 0.7))
