"""The net for a folder follows its number of images, the device and the weights at hand, and the reason is said."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import save_file

from assay.core.errors import AssayError, UsageError
from assay.core.runtime import Runtime
from assay.experiments import auto_recipe as module
from assay.experiments.auto_recipe import suggest
from assay.models.zoo.mobilenet import MobileNetV1

CPU, GPU = Runtime("cpu", "fp32", threads=1), Runtime("cuda", "bf16", threads=1)


@pytest.fixture
def photographs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Five pictures of each of two classes, an empty folder for weights."""
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path / "root"))
    monkeypatch.setenv("ASSAY_WEIGHTS", str(tmp_path / "weights"))
    (tmp_path / "weights").mkdir()
    random = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / "my photos" / name).mkdir(parents=True)
        for i in range(5):
            Image.fromarray(random.integers(0, 256, (40, 40, 3), np.uint8)).save(
                tmp_path / "my photos" / name / f"{i}.png"
            )
    return str(tmp_path / "my photos")


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "weights" / "mobilenetv1_075.safetensors"
    save_file(MobileNetV1(2, 0.75).state_dict(), path)
    return path


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No library, or one whose weights cannot be downloaded."""

    def refuse(*_: object) -> None:
        raise AssayError("no network here")

    monkeypatch.setattr(module, "load_pretrained", refuse)


def test_weights_that_are_at_hand_choose_the_net(photographs, weights):
    found = suggest(photographs, CPU, {})
    model = found.recipe.model
    assert (model.name, model.arguments, model.weights) == ("mobilenet_v1", {"width": 0.75}, "library")
    assert model.train_only == "head"
    assert found.recipe.preprocess.normalize == "net"
    assert (found.recipe.data.size, found.recipe.data.validation) == (256, 0)
    assert found.recipe.name == "my-photos/mobilenet_v1"
    assert "8 photos to learn from, on a CPU" in found.reason
    assert str(weights) in found.reason


def test_weights_that_are_given_choose_their_net_by_the_file_name(photographs, weights):
    found = suggest(photographs, CPU, {"model.weights": str(weights)})
    assert (found.recipe.model.name, found.recipe.model.weights) == ("mobilenet_v1", str(weights))


def test_weights_of_an_unknown_name_need_the_nets_name(photographs):
    with pytest.raises(UsageError, match=r"model\.weights=mine\.pth: say which net .* model\.name=NAME"):
        suggest(photographs, CPU, {"model.weights": "mine.pth"})


def test_without_any_weights_a_small_net_is_trained_and_it_is_said_that_this_is_worse(photographs, offline):
    found = suggest(photographs, CPU, {})
    assert (found.recipe.model.name, found.recipe.data.size) == ("imp", 32)
    assert "learns far less than a pretrained one" in found.reason
    assert "no network here" in found.reason or "pip install 'assay[pretrained]'" in found.reason


def test_a_gpu_trains_the_whole_net_where_there_are_enough_images(photographs, weights, monkeypatch):
    assert suggest(photographs, GPU, {"model.weights": str(weights)}).recipe.model.train_only == "head"
    monkeypatch.setattr(module, "FINE_TUNE_FROM", 8)
    recipe = suggest(photographs, GPU, {"model.weights": str(weights)}).recipe
    assert (recipe.model.train_only, recipe.optimizer.below_head, recipe.augment) == ("all", 0.1, ("flip",))


def test_what_the_user_says_stays(photographs, weights):
    changes = {"training.epochs": 3, "data.size": 64, "optimizer.lr": 0.5, "model.train_only": "all"}
    recipe = suggest(photographs, CPU, changes).recipe
    assert (recipe.training.epochs, recipe.data.size, recipe.optimizer.lr) == (3, 64, 0.5)
    assert (recipe.model.name, recipe.model.train_only) == ("mobilenet_v1", "all")


def test_a_name_that_is_no_pretrained_net_is_refused(photographs):
    with pytest.raises(UsageError, match=r"model\.name=kth: no pretrained net"):
        suggest(photographs, CPU, {"model.name": "kth"})


@pytest.mark.parametrize(("n", "epochs"), [(10, 60), (1000, 26), (100_000, 10)])
def test_few_images_are_seen_more_often(n, epochs):
    assert module.epochs_for(n, 32) == epochs
