"""Alignment takes away what copying changes, and nothing else."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, zoom

from assay.data.folders.alignment import aligned_distances, tangent_distances
from assay.data.folders.copy_features import brightness_planes, frequencies, mirror_signs


def planes(images):
    return brightness_planes(images[:, None].astype(np.float32))


@pytest.fixture
def drawings():
    """The planes of smooth random images (4, 2, 32, 32)."""
    noise = np.random.default_rng(0).normal(size=(4, 32, 32))
    return planes((120 + 300 * gaussian_filter(noise, (0, 2, 2))).clip(0, 200))


def test_brightness_and_contrast_do_not_matter(drawings):
    assert (aligned_distances(drawings, planes(0.5 * drawings[:, 0] + 40)) < 1e-3).all()


def test_a_small_crop_is_aligned(drawings):
    crops = np.stack([zoom(image[1:, :-1], 32 / 31, order=1) for image in drawings[:, 0]])
    assert (aligned_distances(drawings, planes(crops)) < 0.1).all()
    assert (aligned_distances(drawings, planes(crops)) <= tangent_distances(drawings, planes(crops)) + 1e-6).all()


def test_different_images_and_negatives_are_far_apart(drawings):
    assert (aligned_distances(drawings[:2], drawings[2:]) > 0.5).all()
    assert (aligned_distances(drawings, planes(255 - drawings[:, 0])) > 0.5).all()


def test_mirroring_changes_the_signs_of_odd_frequencies(drawings):
    mirrored = frequencies(np.ascontiguousarray(drawings[..., ::-1]), 8)[:, 0]
    assert np.allclose(mirrored, frequencies(drawings, 8)[:, 0] * mirror_signs(8), atol=1e-5)
