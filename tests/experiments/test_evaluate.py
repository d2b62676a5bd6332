"""Images that a run cannot be evaluated on are refused before a look is counted."""

from dataclasses import replace

import numpy as np
import pytest

from assay import evaluate
from assay.core.errors import AssayError, UsageError
from assay.core.runtime import Runtime
from assay.data.datasets.registry import DATASETS
from assay.data.imageset import ImageSet
from assay.experiments.evaluate import evaluate_corrupted

FP32 = Runtime("cpu", "fp32", threads=1)
NAMES = ("left", "middle", "right")


@pytest.mark.parametrize("verb", [evaluate, evaluate_corrupted])
@pytest.mark.parametrize(
    "images",
    [
        ImageSet(np.zeros((3, 1, 9, 9), np.uint8), np.arange(3), NAMES, "large"),
        ImageSet(np.zeros((3, 1, 8, 8), np.uint8), np.arange(3), ("left", "middle", "up"), "odd"),
        ImageSet(np.zeros((0, 1, 8, 8), np.uint8), np.arange(0), NAMES, "none"),
    ],
    ids=["another size", "an unknown class", "none"],
)
def test_own_images_that_do_not_fit_are_no_look(bars_run, verb, images):
    before = bars_run.looks
    with pytest.raises(AssayError):
        verb(bars_run, images=images, runtime=FP32)
    assert bars_run.looks == before


def test_a_folder_with_an_unknown_class_is_no_look(bars_run, bars_photos):
    (bars_photos / "left").rename(bars_photos / "up")
    before = bars_run.looks
    with pytest.raises(UsageError, match="new: up; missing: left"):
        evaluate(bars_run, str(bars_photos), runtime=FP32)
    assert bars_run.looks == before


def test_a_named_data_set_of_other_classes_is_no_look(bars_run):
    before = bars_run.looks
    with (
        DATASETS.replaced("bars2", replace(DATASETS["bars"], name="bars2", class_names=("a", "b", "c"))),
        pytest.raises(UsageError, match="the classes of bars2 differ"),
    ):
        evaluate(bars_run, "bars2", runtime=FP32)
    assert bars_run.looks == before
