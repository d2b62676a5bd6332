"""Runs of a pretrained net: every verb takes them, and what is frozen stays as it was, to the bit."""

import signal

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

import assay
from assay import Run, evaluate, load, resume
from assay.core.errors import DataError, Interrupted, UsageError
from assay.core.runtime import Runtime
from assay.experiments.run import list_runs
from assay.models.pretrained import build_pretrained
from assay.recipes.recipe import Recipe
from assay.training.callbacks import Callback, Progress

from ..models.conftest import needs_libraries

FP32 = Runtime("cpu", "fp32", threads=1)


class CtrlC(Callback):
    """Presses Ctrl-C in the middle of the second epoch."""

    def on_step(self, progress: Progress) -> None:
        if progress.epoch == 2 and progress.images == 64:
            signal.raise_signal(signal.SIGINT)


@pytest.fixture
def recipe(tmp_path, monkeypatch) -> Recipe:
    """A small MobileNet whose weights lie in a file, its head for gray images of three classes; with augmentation."""
    monkeypatch.setenv("ASSAY_WEIGHTS", str(tmp_path))
    model = {"name": "mobilenet_v1", "arguments": {"width": 0.25}}
    values = {
        "name": "tests/pretrained",
        "preprocess": {"resize": 32, "normalize": "net"},
        "augment": ["crop 1"],
        "model": {**model, "weights": "w.safetensors", "train_only": "head", "dropout": 0.2},
        "optimizer": {"name": "adam", "lr": 0.01},
        "training": {"epochs": 2, "batch_size": 32},
        "stopping": {"restore_best": False},
    }
    made = Recipe.build(values)
    save_file(lively(build_pretrained(made.model, 1000, 7)).state_dict(), tmp_path / "w.safetensors")
    return made


def lively(net: nn.Module) -> nn.Module:
    """The net with weights under which signals do not die away, as they do in deep nets as torch begins them."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
    return net


@pytest.fixture
def train(recipe, images, test_images, tmp_path, monkeypatch):
    """Train on own images, quietly."""
    monkeypatch.setattr("assay.experiments.finish.save_run_figures", lambda *_: None)

    def call(changes=None, **more) -> Run:
        options = {"callback": Callback(), "runtime": FP32, "runs": tmp_path / "runs", "mlflow": False} | more
        return assay.train(recipe.override(changes or {}), images=images, test=test_images, **options)

    return call


def changed(run: Run, tmp_path) -> set[str]:
    """The tensors that training has changed, of those that the file had."""
    before, after = load_file(tmp_path / "w.safetensors"), run.read_weights()
    return {key for key, value in after.items() if not torch.equal(value, before[key])}


HEAD = {"classifier.weight", "classifier.bias"}
NORM = {f"blocks.4.1.bn2.{name}" for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")}


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, HEAD),
        ({"model.train_only": "last-conv"}, HEAD | NORM | {"blocks.4.1.conv_pw.weight"}),
        ({"model.unfreeze": {1: "from:blocks.4.1.bn2"}}, HEAD | NORM),
    ],
    ids=["head", "last-conv", "unfreeze"],
)
def test_frozen_weights_and_statistics_keep_their_bits(train, tmp_path, precision, changes, expected):
    assert changed(train(changes, runtime=Runtime("cpu", precision, threads=1)), tmp_path) == expected


def test_all_of_it_can_be_trained_with_a_lower_rate_below_the_head(train, tmp_path):
    run = train({"model.train_only": "all", "optimizer.below_head": 0.1, "training.epochs": 1})
    assert "conv_stem.weight" in changed(run, tmp_path)
    assert run.history[0].lr == 0.01


def test_evaluate_and_load_give_the_runs_own_numbers_without_the_file_of_weights(train, test_images, tmp_path):
    run = train()
    (tmp_path / "w.safetensors").unlink()
    assert evaluate(run, images=test_images, runtime=FP32)["accuracy"] == run.results["test"]["accuracy"]
    picture = load(run, runtime=FP32).preprocess
    assert (picture.color, picture.mean) == (True, (0.5, 0.5, 0.5))


def test_the_classifier_answers_for_a_picture(train, tmp_path):
    from PIL import Image

    Image.new("RGB", (40, 50), "white").save(tmp_path / "white.png")
    answer = load(train(), runtime=FP32).predict(tmp_path / "white.png")[0]
    assert answer.class_name in ("left", "middle", "right")


@pytest.mark.parametrize("changes", [{}, {"model.unfreeze": {1: "last-conv"}}], ids=["head", "unfreeze"])
def test_a_run_that_was_stopped_goes_on_to_the_same_weights(train, images, test_images, tmp_path, changes):
    whole = train(changes)
    with pytest.raises(Interrupted):
        train(changes, callback=CtrlC())
    stopped = next(run for run in list_runs(tmp_path / "runs") if run.status["state"] == "stopped")
    resume(stopped, images=images, test=test_images, runtime=FP32, callback=Callback(), mlflow=False)
    mine, theirs = stopped.read_weights(), whole.read_weights()
    assert all(torch.equal(mine[key], theirs[key]) for key in theirs)


def test_a_runs_own_weights_can_be_begun_with(train, tmp_path):
    first = train()
    again = train({"model.weights": str(first.folder / "model.safetensors"), "training.epochs": 1})
    assert torch.equal(again.read_weights()["conv_stem.weight"], first.read_weights()["conv_stem.weight"])
    assert again.history[0].train_loss < first.history[0].train_loss  # its head was loaded too: it has the same size


@pytest.mark.parametrize(
    ("changes", "error", "told"),
    [
        ({"model.weights": "none.pth"}, DataError, "there is no file of weights none.pth"),
        ({"model.train_only": "from:blck"}, UsageError, "model.train_only: unknown layer 'blck'; did you mean blocks"),
        ({"model.arguments": {"wdth": 1}}, UsageError, "model.arguments.wdth: unknown argument 'wdth'; known: width"),
        ({"faults": ["double-softmax"]}, UsageError, "the fault of a softmax behind the net needs a net of layers"),
        ({"preprocess.scale": "signed"}, UsageError, "preprocess.scale: normalize: net goes with scale: unit"),
    ],
)
def test_what_the_recipe_names_wrongly_is_said_with_its_place(train, changes, error, told):
    with pytest.raises(error, match=told):
        train(changes)


@needs_libraries
def test_images_too_small_for_a_net_are_said(train):
    with pytest.raises(UsageError, match=r"the net alexnet does not take images \(N, 3, 8, 8\)"):
        train({"model": {"name": "alexnet"}, "preprocess.resize": None})
