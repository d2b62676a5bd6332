"""Sheets of a data set: every class is shown, and a preview has a row for each image."""

import numpy as np
import pytest

from assay.data.augment.parse import Augment
from assay.data.imageset import ImageSet
from assay.data.preprocess import Preprocess
from assay.report.plots.data_sheets import class_sheet, preview_sheet


@pytest.fixture
def images():
    pixels = np.random.default_rng(0).integers(0, 256, (40, 3, 12, 10), dtype=np.uint8)
    return ImageSet(pixels, np.arange(40) % 3, ("cat", "dog", "bird"), "toy/train")


def captions(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def test_a_class_sheet_shows_ten_images_of_each_class(images):
    assert captions(class_sheet(images)) == ["cat"] * 10 + ["dog"] * 10 + ["bird"] * 10


def test_a_preview_shows_each_image_as_it_is_preprocessed_and_augmented(images):
    augment = Augment.parse(["window 6 epochs 2", "mixup 0.2"])
    texts = captions(preview_sheet(images, Preprocess((3, 12, 10), crop=8), augment, seed=0))
    assert len(texts) == 8 * 8
    assert texts[1:8] == ["preprocessed", *(f"epoch {k}" for k in range(6))]
    assert texts[0].endswith(", original")
