"""Faults: each bends its own piece and nothing else, and a recipe without any is left alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from assay.core.errors import UsageError
from assay.core.runtime import Runtime
from assay.data.preprocess import Preprocess
from assay.data.split import Split
from assay.experiments import train as verbs
from assay.experiments.fault_injection import Faults, load_start_weights
from assay.experiments.setup import set_up
from assay.models.sequential import build_sequential
from assay.recipes.loader import read_recipe
from assay.training.callbacks import Callback
from assay.training.history import Epoch

ROW = Epoch(1, 2.0, 0.1, 3.2, 0.5, 6.4, 0.4, 100.0)


@pytest.fixture
def faulty(recipe):
    return lambda *names: recipe.override({"faults": list(names)})


def trained(**changes):
    recipe = read_recipe("bars.yaml").override(changes)
    return verbs.train(recipe, runtime=Runtime.choose("cpu", threads=1), callback=Callback(), mlflow=False)


def test_an_unknown_fault_is_refused_with_its_place_and_the_nearest(faulty):
    with pytest.raises(UsageError, match="unknown fault 'double-softmx'; did you mean double-softmax"):
        Faults(faulty("double-softmx"))


def test_a_recipe_without_faults_passes_unchanged(recipe):
    parts, preprocess = Split(np.arange(3), np.arange(3, 5)), Preprocess((1, 8, 8), mean=(0.5,), std=(0.2,))
    faults, history = Faults(recipe), [ROW]
    assert faults.model(recipe.model, 3) is recipe.model
    assert faults.split(parts) is parts
    assert faults.test_preprocess(preprocess) is preprocess
    assert faults.training_recipe(recipe) is recipe
    assert faults.epoch_hooks(recipe).record(ROW) is ROW
    assert faults.epoch_hooks(recipe).select(history) is history
    assert not faults.validate_on_test
    assert faults.warning == ""


@pytest.mark.parametrize(("name", "last"), [("double-softmax", "softmax"), ("relu-on-logits", "relu")])
def test_a_layer_too_many_ends_the_net_and_weights_stay_the_same(faulty, name, last):
    recipe = faulty(name)
    bent, plain = (
        build_sequential(model, (1, 8, 8), 3, 0) for model in (Faults(recipe).model(recipe.model, 3), recipe.model)
    )
    assert bent.lines == (*plain.lines, last)
    pairs = zip(bent.state_dict().values(), plain.state_dict().values(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_a_double_softmax_keeps_the_loss_above_its_floor(bars_folder):
    floor = -np.log(np.e / (np.e + 2))  # three classes: softmax gives at most 1 for one and 0 for the others
    plain, bent = trained(), trained(faults=["double-softmax"])
    assert min(row.train_loss for row in bent.history) > floor > plain.history[-1].train_loss


def test_the_swapped_split_trains_on_the_few(bars_folder):
    job = set_up(read_recipe("bars.yaml").override({"faults": ["swapped-split"]}), Runtime.choose("cpu", threads=1))
    assert (len(job.trainer.loader), len(job.trainer.validation)) == (200, 1800)


def test_an_unnormalized_test_set_is_only_scaled(bars_folder):
    changes = {"preprocess.normalize": "train", "preprocess.scale": "centered"}
    plain, bent = trained(**changes), trained(**changes, faults=["unnormalized-test"])
    assert (plain.folder / "model.safetensors").read_bytes() == (bent.folder / "model.safetensors").read_bytes()
    assert plain.results["validation"]["loss"] == bent.results["validation"]["loss"]
    assert plain.results["test"]["loss"] != bent.results["test"]["loss"]
    before = Preprocess((1, 8, 8), scale="centered", mean=(0.1,), std=(0.2,))
    assert Faults(bent.recipe).test_preprocess(before) == Preprocess((1, 8, 8))


def test_test_images_that_stand_in_for_validation_are_a_counted_look(bars_folder):
    run = trained(faults=["select-on-test"])
    assert run.results["validation"]["accuracy"] == run.results["test"]["accuracy"]
    assert run.results["validation"]["n"] == 500
    assert [look["by"] for look in run.looks] == ["the fault select-on-test", "train"]


def test_without_shuffling_every_epoch_has_the_same_order(faulty):
    recipe = faulty("no-shuffle")
    assert Faults(recipe).training_recipe(recipe).training.shuffle is False


def test_a_batch_scaled_loss_is_reported_divided_by_the_batch_size(faulty):
    recipe = faulty("batch-scaled-loss")
    assert Faults(recipe).epoch_hooks(recipe).record(ROW) == replace(ROW, train_loss=0.1, validation_loss=0.2)


def test_who_stops_on_train_watches_training_figures(faulty):
    recipe = faulty("stop-on-train")
    (row,) = Faults(recipe).epoch_hooks(recipe).select([ROW])
    assert (row.validation_loss, row.validation_accuracy) == (ROW.train_loss, ROW.train_accuracy)


def test_the_history_of_who_stops_on_train_tells_the_truth(bars_folder):
    plain, bent = trained(), trained(faults=["stop-on-train"])
    assert [row.validation_loss for row in plain.history] == [row.validation_loss for row in bent.history]


def test_shared_weights_are_taken_where_they_fit_and_only_there():
    net, other = torch.nn.Linear(2, 3), torch.nn.Linear(2, 3)
    load_start_weights(net, other.state_dict())
    assert torch.equal(net.weight, other.weight)
    before = net.weight.clone()
    load_start_weights(net, torch.nn.Linear(3, 3).state_dict())
    load_start_weights(net, None)
    assert torch.equal(net.weight, before)


def test_ones_own_module_takes_no_fault_in_its_layers(faulty):
    with pytest.raises(UsageError, match="not your own module"):
        Faults(faulty("double-softmax")).check_module()
    Faults(faulty("no-shuffle")).check_module()


def test_a_run_with_a_fault_says_so_first(bars_folder):
    recipe = read_recipe("bars.yaml").override({"faults": ["no-shuffle"]})
    job = set_up(recipe, Runtime.choose("cpu", threads=1))
    assert job.text().startswith("FAULT ON PURPOSE, no-shuffle: every epoch goes through")
