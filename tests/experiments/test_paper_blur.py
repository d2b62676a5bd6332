"""The blur of the paper own-photos, against scipy's Gaussian."""

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from assay.data.blur import opencv_sigma
from assay.experiments.paper_blur import kernel_side, paper_blur


@pytest.mark.parametrize(
    ("width", "side"), [(32, 1), (112, 1), (113, 3), (150, 3), (256, 3), (300, 5), (375, 5), (500, 7)]
)
def test_the_papers_kernel_is_a_75th_of_the_width_and_odd(width, side):
    assert kernel_side(width) == side


@pytest.mark.parametrize("shape", [(40, 300), (40, 300, 3)])
def test_the_papers_blur_is_a_gaussian_of_opencvs_spread(shape):
    values = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    output = np.asarray(paper_blur(Image.fromarray(values))).astype(float)
    sigma = (opencv_sigma(5), opencv_sigma(5), 0)[: len(shape)]
    expected = ndimage.gaussian_filter(values.astype(float), sigma, mode="mirror", radius=(2, 2, 0)[: len(shape)])
    assert np.abs(output - expected).max() <= 0.51


def test_a_small_photo_is_not_blurred():
    image = Image.new("L", (100, 50))
    assert paper_blur(image) is image
