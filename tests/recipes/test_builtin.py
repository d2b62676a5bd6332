"""The built-in recipes: each is valid, its net fits its data, and its top comment says what a reader needs."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from assay.data.preprocess import Preprocess
from assay.models.build import list_layers
from assay.models.net_preprocessing import resolve_preprocessing
from assay.recipes import loader as recipes
from assay.recipes.recipe import Recipe

FOLDER = recipes.FOLDER
PATHS = sorted(FOLDER.rglob("*.yaml"))
OWN = FOLDER / "fast"  # not from the reports: another source's figure, or none
SHAPES = {"cifar10": (3, 32, 32), "fashion-mnist": (1, 28, 28)}

EXPECTED = {
    "kth": "3.2 4.A.1 4.A.2 4.B 4.C 4.D 4.E 5.A 5.B 5.C",
    "mlflow-grid": "two-conv three-conv five-conv cerberus grid-relu grid-relu-bn grid-leaky-bn grid-leaky-bn-dropout "
    "cited-4conv cited-14conv",
    "fashion": "mlp cnn cnn-bn cnn-bn-sgd tuned-adam tuned-sgd",
    "own-photos": "base imp1 imp2 mnet1 mnet2",
    "transfer": "vgg16 vgg19 resnet18 resnet34 resnet50 alexnet googlenet",
}
NAMES = [f"{report}/{name}" for report, names in EXPECTED.items() for name in names.split()]


def name_of(path: Path) -> str:
    return path.relative_to(FOLDER).as_posix().removesuffix(".yaml")


def read(path: Path) -> Recipe:
    return Recipe.build(yaml.safe_load(path.read_text()))


every_recipe = pytest.mark.parametrize("path", PATHS, ids=name_of)


def test_every_row_of_the_reports_is_there():
    assert set(NAMES) <= {name_of(path) for path in PATHS}


@every_recipe
def test_its_net_fits_its_images(path: Path):
    recipe = read(path)
    if path.parent.name == "transfer" and not (find_spec("timm") and find_spec("torchvision")):
        pytest.skip("needs timm and torchvision: the extra 'pretrained'")
    sized = Preprocess.for_shape(resolve_preprocessing(recipe.preprocess, recipe.model), SHAPES[recipe.data.name])
    found = list_layers(recipe.model, sized.shape, 10)
    assert (found[-1].line == "log_softmax") == (recipe.loss.name == "nll")


@every_recipe
def test_it_writes_out_data_model_optimizer_and_training(path: Path):
    values = yaml.safe_load(path.read_text())
    assert {"data", "model", "optimizer", "training"} <= set(values)


@every_recipe
def test_its_top_comment_gives_command_time_and_result(path: Path):
    what, run, takes, result, *_ = path.read_text().splitlines()
    assert re.fullmatch(r"# .{10,}\.", what)
    assert run == f"# Run:      assay train {name_of(path)}"
    assert re.fullmatch(r"# Takes:    .+", takes)
    assert re.fullmatch(r"# Result:   .+", result)


@every_recipe
def test_the_reported_figure_names_its_report_and_is_the_one_in_the_comment(path: Path):
    reported, text, own = read(path).reported, path.read_text(), path.parent == OWN
    if reported is None:
        assert own or "not converging" in text or "no figure" in text or "not in the paper" in text
        return
    assert own or reported.report == path.parent.name
    stated = re.search(rf"\({re.escape(reported.report) if own else 'paper'}: (?:about )?([\d.]+)( %)?", text)
    assert stated
    assert float(stated[1]) / (100 if stated[2] else 1) == pytest.approx(reported.accuracy)


def test_no_two_recipes_are_the_same_run():
    hashes = [read(path).hash for path in PATHS]
    assert len(set(hashes)) == len(hashes)
