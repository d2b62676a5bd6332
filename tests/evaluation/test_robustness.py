"""Robustness: every corruption at every severity is evaluated, and the mean error is the mean."""

import numpy as np
import pytest
from torch import nn

from assay.core.runtime import Runtime
from assay.data.corruptions.corrupt import corrupt, corruption_names
from assay.data.imageset import ImageSet
from assay.data.preprocess import Preprocess
from assay.evaluation.classifier import Classifier
from assay.evaluation.robustness import measure_robustness

FP32 = Runtime("cpu", "fp32", threads=1)


class Brightness(nn.Module):
    """Takes an image for the class `light` if its mean is above a half."""

    def forward(self, x):
        mean = x.mean((1, 2, 3))
        return nn.functional.pad((mean - 0.5)[:, None], (1, 0))


@pytest.fixture
def found():
    generator = np.random.default_rng(0)
    images = generator.integers(0, 60, (60, 1, 16, 16)) + generator.integers(0, 196, (60, 1, 1, 1))
    labels = (images.mean((1, 2, 3)) > 127.5).astype(np.int64)
    images = ImageSet(images.astype(np.uint8), labels, ("dark", "light"), "shades/test")
    kept = {}
    classifier = Classifier(Brightness(), Preprocess(images.shape), images.class_names, FP32)
    return measure_robustness(classifier, images, "shades/test", kept.__setitem__), kept, images


def test_every_corruption_is_evaluated_at_five_severities(found):
    result, kept, _ = found
    assert result.corruptions == corruption_names(1)
    assert [[cell.severity for cell in result.row(name)] for name in corruption_names(1)] == [[1, 2, 3, 4, 5]] * 15
    assert kept.keys() == {"clean", *(f"{name}-{severity}" for name in corruption_names(1) for severity in range(1, 6))}
    assert all(one.data.startswith("shades/test") for one in kept.values())


def test_a_cell_is_the_accuracy_on_the_corrupted_images(found):
    result, _, images = found
    for name, severity in (("brightness", 5), ("fog", 3), ("gaussian-blur", 1)):
        seen = corrupt(images, name, severity).images.mean((1, 2, 3)) > 127.5
        cell = result.row(name)[severity - 1]
        assert cell.accuracy == (seen == images.labels).mean()
        assert cell.correct == round(60 * cell.accuracy)
        assert cell.interval[0] < cell.accuracy <= cell.interval[1]
    assert result.row("brightness")[4].accuracy < result.clean.accuracy


def test_the_mean_error_is_that_of_all_cells_alike(found):
    result, kept, images = found
    wrong = np.mean([one.predicted != images.labels for name, one in kept.items() if name != "clean"])
    assert result.mean_error == pytest.approx(wrong)
    assert result.mean_error == pytest.approx(1 - np.mean([cell.accuracy for cell in result.cells]))
    assert result.interval[0] < wrong < result.interval[1]


def test_it_becomes_plain_values(found):
    values = found[0].to_dict()
    assert values["n"] == 60
    assert values["cells"][0]["corruption"] == corruption_names(1)[0]
