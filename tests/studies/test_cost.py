"""What a recipe costs, against counts that the reports print and torch's own counter."""

import pytest

from assay.core.runtime import Runtime
from assay.experiments.setup import set_up
from assay.recipes.loader import read_recipe
from assay.studies.cost import cost
from assay.training.estimate import estimate_run


def test_parameters_and_mult_adds_are_those_of_the_report():
    found = cost(read_recipe("mlflow-grid/cerberus"))
    assert found.parameters == 3_223_882
    assert found.mult_adds == pytest.approx(379.78e6, rel=1e-4)


def test_images_are_those_left_after_validation_times_the_share():
    recipe = read_recipe("fashion/cnn").override({"data.validation": 0.2, "data.share": 0.5})
    assert cost(recipe).images == 24_000


def test_the_work_is_that_of_the_plan_of_a_run(bars_folder):
    recipe = read_recipe("bars.yaml")
    measured = estimate_run(set_up(recipe, Runtime.choose("cpu", threads=1)).trainer)
    assert cost(recipe).flop == pytest.approx(measured.flop)


def test_epochs_of_windows_cost_their_share_of_the_pixels():
    found = cost(read_recipe("fast/cifar10-94"))  # four of eleven epochs with 24 of 32 pixels a side
    assert found.epochs == pytest.approx(7 + 4 * 24**2 / 32**2)


def test_the_work_of_windows_is_that_of_the_plan_of_a_run(bars_folder):
    changes = {"augment": ["window 4 epochs 1"], "model.layers": ["conv 4 3x3", "globalavgpool", "linear 3"]}
    recipe = read_recipe("bars.yaml").override(changes)
    measured = estimate_run(set_up(recipe, Runtime.choose("cpu", threads=1)).trainer)
    assert cost(recipe).epochs == 1.25
    assert cost(recipe).flop == pytest.approx(measured.flop)


@pytest.mark.parametrize("augment", [[], ["flip"]], ids=["kept", "anew"])
def test_of_a_new_head_only_what_runs_in_every_epoch_is_counted(bars_folder, augment):
    model = {"name": "mobilenet_v1", "arguments": {"width": 0.25}, "train_only": "head"}
    recipe = read_recipe("bars.yaml").override({"model": model, "preprocess.resize": 32, "augment": augment})
    found = cost(recipe)
    assert found.parameters == 470_072 - (1000 - 3) * 257
    assert (found.mult_adds == 3 * 256) == (not augment)
    measured = estimate_run(set_up(recipe.override({"data.share": 0.05}), Runtime.choose("cpu", threads=1)).trainer)
    assert found.mult_adds == measured.mult_adds
