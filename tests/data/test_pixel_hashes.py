"""Equal hashes mean equal pixels of an equal shape."""

import numpy as np

from assay.data.imageset import ImageSet
from assay.data.pixel_hashes import hash_pixels


def image_set(pixels: np.ndarray) -> ImageSet:
    return ImageSet(pixels, np.zeros(len(pixels), np.int64), ("a",), "toy")


def test_a_hash_follows_the_pixels_and_nothing_else():
    pixels = np.random.default_rng(0).integers(0, 3, (3000, 1, 1, 2), np.uint8)  # nine different images
    hashes = hash_pixels(image_set(pixels))
    _, by_pixels = np.unique(pixels.reshape(3000, 2), axis=0, return_inverse=True)
    _, by_hash = np.unique(hashes, return_inverse=True)
    assert len({*zip(by_pixels.tolist(), by_hash.tolist(), strict=True)}) == 9


def test_the_shape_belongs_to_the_image():
    flat, tall = np.zeros((1, 1, 1, 4), np.uint8), np.zeros((1, 1, 4, 1), np.uint8)
    assert hash_pixels(image_set(flat)) != hash_pixels(image_set(tall))


def test_a_memory_mapped_subset_has_the_hashes_of_its_images(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (20, 3, 4, 4), np.uint8)
    np.save(tmp_path / "pixels.npy", pixels)
    mapped = image_set(np.load(tmp_path / "pixels.npy", mmap_mode="c")).subset([5, 3])
    np.testing.assert_array_equal(hash_pixels(mapped), hash_pixels(image_set(pixels))[[5, 3]])
