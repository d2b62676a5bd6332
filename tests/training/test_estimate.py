"""The plan counts what a run will cost, by hand-computed figures, and changes nothing."""

import pytest

from assay.core.runtime import Runtime
from assay.data.augment.parse import Augment
from assay.data.preprocess import Preprocess
from assay.models.sequential import build_sequential
from assay.training.estimate import RunEstimate, estimate_run, mult_adds
from assay.training.loader import BatchLoader
from assay.training.trainer import Trainer

FP32 = Runtime("cpu", "fp32", threads=1)
MULT_ADDS = 6 * 6 * 4 * 9 + 144 * 3  # conv 4 3x3 on 8x8, then 4 * 6 * 6 = 144 inputs to three outputs
PARAMETERS = 4 * (9 + 1) + 2 * 4 + 3 * (144 + 1)


@pytest.fixture
def trainer(recipe, images) -> Trainer:
    preprocess = Preprocess.fit(recipe.preprocess, images)
    net = build_sequential(recipe.model, images.shape, 3, 0)
    return Trainer(recipe, net, BatchLoader(images, preprocess, Augment.parse(recipe.augment), FP32), None, FP32)


def test_counts_equal_those_by_hand(trainer):
    found = estimate_run(trainer)
    assert (found.parameters, found.mult_adds, found.images, found.epochs) == (PARAMETERS, MULT_ADDS, 200, 3)
    assert found.flop == 6 * MULT_ADDS * 200 * 3
    assert found.minutes == found.seconds_per_epoch * 3 / 60 > 0


def test_epochs_of_smaller_images_count_as_less_work(recipe, images):
    recipe = recipe.override(
        {"model.layers": ["conv 4 3x3", "globalmaxpool", "linear 3"], "augment": ["window 6 epochs 2"]}
    )
    preprocess, net = Preprocess.fit(recipe.preprocess, images), build_sequential(recipe.model, images.shape, 3, 0)
    loader = BatchLoader(images, preprocess, Augment.parse(recipe.augment), FP32)
    found = estimate_run(Trainer(recipe, net, loader, None, FP32))
    assert found.cost == pytest.approx(1 + 2 * 36 / 64)
    assert found.flop == pytest.approx(6 * found.mult_adds * 200 * found.cost)
    assert found.minutes == pytest.approx(found.seconds_per_epoch * found.cost / 60)


def test_counting_leaves_the_net_in_training_mode(trainer):
    trainer.state.net.train()
    mult_adds(trainer.state.net, (1, 8, 8))
    assert trainer.state.net.training


def test_the_text_is_one_line_with_units():
    assert RunEstimate(1_234_567, 379_780_000, 45_000, 1, 1.0, 90.0).text() == (
        "1,234,567 parameters, 379.78 M mult-adds per image; 1 epoch of 45,000 images: 0.103 PFLOP, about 1.5 min"
    )
