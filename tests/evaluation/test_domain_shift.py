"""The shift panel finds the shift that was made, and only that."""

import numpy as np
import pytest
from scipy import ndimage
from torch import nn

from assay.core.runtime import Runtime
from assay.data.datasets.catalog import load_dataset
from assay.data.imageset import ImageSet
from assay.data.photo_files import find_photos, shrink_photos
from assay.data.preprocess import Preprocess
from assay.evaluation.classifier import Classifier
from assay.evaluation.domain_shift import (
    ALL_MATCHES,
    compare_statistic,
    measure_domain_shift,
    sample_images,
    standardized_difference,
    statistics_at_net,
)
from assay.evaluation.statistics import mcnemar

FP32 = Runtime("cpu", "fp32", threads=1)
SIZES = ("any", "16 x 16 px")


def shades(n, seed, brighter=0, contrast=1.0):
    """Textured gray images of two classes: dark or light by 70 levels about 110."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 2, n)
    texture = ndimage.gaussian_filter(generator.normal(size=(n, 1, 16, 16)), (0, 0, 1, 1), mode="wrap")
    images = 110 + brighter + contrast * (70 * (labels[:, None, None, None] - 0.5) + 20 * texture / texture.std())
    images += generator.normal(0, 12, (n, 1, 1, 1))
    return ImageSet(
        images.clip(0, 255).round().astype(np.uint8), labels.astype(np.int64), ("dark", "light"), f"shades{seed}"
    )


class Threshold(nn.Module):
    """Light is what is brighter than 110 of 255."""

    def forward(self, x):
        return nn.functional.pad((x.mean((1, 2, 3)) - 110 / 255)[:, None], (1, 0))


def panel(photos, blurred=None):
    classifier = Classifier(Threshold(), Preprocess((1, 16, 16)), ("dark", "light"), FP32)
    return measure_domain_shift(classifier, photos, blurred or photos, shades(800, 0), SIZES)


def test_the_shift_that_was_made_is_found_to_matter():
    result, _, _ = panel(shades(300, 1, brighter=45))
    found = {one.statistic: one for one in result.differences}
    assert found["brightness"].interval[0] > 0.5
    assert abs(found["sharpness"].standardized) < 0.2
    brightness = next(one for one in result.variants if one.name == "brightness")
    assert brightness.gain > 0.1
    assert brightness.gain_interval[0] > 0
    assert abs(brightness.left) < 0.05
    assert result.verdict.startswith("brightness matters most: matched to the training images, accuracy moves by +")


def test_without_a_shift_none_is_found_to_matter():
    result, _, _ = panel(shades(300, 2))
    assert all(one.interval[0] < 0.1 and one.interval[1] > -0.1 for one in result.differences)
    assert result.verdict.startswith("no single shift is shown to matter: the best of 3")


def test_numbers_are_those_of_the_predictions():
    photos = shades(300, 1, brighter=45)
    result, found, _ = panel(photos)
    hits = {name: one.predicted == photos.labels for name, one in found.items()}
    assert hits.keys() == {"as they are", "report's blur", "sharpness", "contrast", "brightness", ALL_MATCHES}
    assert result.accuracy == hits["as they are"].mean()
    for one in (*result.variants, result.report_blur):
        assert one.accuracy == hits[one.name].mean()
        assert one.gain == pytest.approx(one.accuracy - result.accuracy)
        assert one.p >= mcnemar(hits[one.name], hits["as they are"])  # Holm only raises it


def test_matching_sees_no_labels():
    photos = shades(300, 1, brighter=45)
    other = ImageSet(photos.images, photos.labels[::-1].copy(), photos.class_names, photos.source)
    logits, same = (panel(one)[1] for one in (photos, other))
    assert all(np.array_equal(logits[name].logits, same[name].logits) for name in logits)


def test_the_report_blur_is_no_candidate_for_what_matters_most():
    result, _, _ = panel(shades(300, 1, brighter=45), shades(300, 1))
    assert result.report_blur.gain > max(one.gain for one in result.variants) - 0.05
    assert result.verdict.startswith("brightness")


def test_the_standardized_difference_is_cohens():
    generator = np.random.default_rng(0)
    mine, theirs = generator.normal(3, 2, 400), generator.normal(2, 1, 900)
    expected = (mine.mean() - theirs.mean()) / np.sqrt((mine.std() ** 2 + theirs.std() ** 2) / 2)
    found = compare_statistic("x", theirs, mine)
    assert found.standardized == pytest.approx(expected)
    low, high = found.interval
    assert low < expected < high
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(1 / 400 * 1.6 + 1 / 900 * 0.4 + expected**2 / 2600), rel=0.25)


def test_a_training_set_is_sampled_evenly(monkeypatch):
    monkeypatch.setattr("assay.evaluation.domain_shift.MAX_TRAINING_IMAGES", 100)
    images = shades(730, 0)
    some = sample_images(images)
    assert 90 <= len(some) <= 100
    assert np.array_equal(some.images[:2], images.images[[0, 8]])


def test_statistics_are_of_what_reaches_the_net():
    images = shades(10, 0)
    small = Preprocess((1, 16, 16), crop=8)
    brightness = statistics_at_net(small, images.images)["brightness"]
    assert brightness == pytest.approx(images.images[:, 0, 4:12, 4:12].mean((1, 2)) / 255, abs=1e-5)


@pytest.mark.data
def test_real_photographs_are_too_sharp_only_without_antialias(data_root, photos_folder):
    """A puzzle of the paper own-photos: its shrunk photos were sharper than CIFAR's own images."""
    training = sample_images(load_dataset("cifar10", "train"))
    found, preprocess = find_photos(photos_folder), Preprocess((3, 32, 32))
    theirs = statistics_at_net(preprocess, training.images)["sharpness"]
    gaps = []
    for antialias in (True, False):
        images = shrink_photos(found, preprocess, training.class_names, antialias=antialias).images
        gaps.append(standardized_difference(statistics_at_net(preprocess, images)["sharpness"], theirs))
    assert abs(gaps[0]) < 0.4
    assert gaps[1] > 2


def test_predictions_keep_the_photographs_own_labels():
    photos = shades(50, 3)
    _, found, _ = panel(photos)
    assert all(np.array_equal(one.labels, photos.labels) for one in found.values())
