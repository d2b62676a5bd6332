"""The hash: equal for replicates, different for different experiments, and the same when assay grows."""

from typing import ClassVar, Literal

import pytest
import torch
from torch import nn

from assay.models.fingerprint import module_fingerprint
from assay.models.zoo.registry import NETS, NamedNet
from assay.recipes.identity import NET_DEFINITIONS, SCHEMA_VERSION, changed_values
from assay.recipes.keys import flatten
from assay.recipes.named_sections import LOSSES, OPTIMIZERS, SCHEDULES, Schedule
from assay.recipes.recipe import Recipe
from assay.recipes.schema import Data, Section
from assay.training.optimizers import Sgd
from assay.training.schedules import Cosine

# The defaults of schema version 1. A new key may be added here; where a value changes, raise SCHEMA_VERSION instead.
DEFAULTS = {
    "data.name": "cifar10", "data.validation": 0.1, "data.share": 1.0, "data.split_seed": 0, "data.fold": 0,
    "data.size": None, "data.max_bad": 0.05, "data.duplicates": "auto",
    "preprocess.resize": None, "preprocess.crop": None, "preprocess.interpolation": "bilinear",
    "preprocess.scale": "unit", "preprocess.normalize": "none",
    "augment": [],
    "model.weights": "none", "model.train_only": "all", "model.frozen_batch_norm": True, "model.dropout": 0.0,
    "model.fingerprint": "",
    "loss.name": "cross-entropy", "loss.label_smoothing": 0.0,
    "optimizer.name": "sgd", "optimizer.lr": 0.01, "optimizer.weight_decay": 0.0, "optimizer.clip_norm": None,
    "optimizer.below_head": 1.0, "optimizer.momentum": 0.9, "optimizer.nesterov": False,
    "schedule.name": "constant", "schedule.warmup_epochs": 0.0,
    "training.epochs": 10, "training.batch_size": 128, "training.shuffle": True, "training.views": None,
    "stopping.metric": "accuracy", "stopping.patience": None, "stopping.restore_best": True,
    "test_views": 1, "faults": [],
}  # fmt: skip

NAMED_DEFAULTS = {
    "sgd": {"momentum": 0.9, "nesterov": False},
    "adam": {"betas": (0.9, 0.999), "eps": 1e-8},
    "adamw": {"betas": (0.9, 0.999), "eps": 1e-8},
    "muon": {"lr": 0.24, "momentum": 0.6, "nesterov": True, "sgd_momentum": 0.85, "decay": 0.0,
             "whitening_epochs": None},
    "step": {"factor": 0.1},
    "cosine": {"final": 0.0},
    "one-cycle": {"up": 0.3, "start": 25.0, "end": 1e4},
    "plateau": {"patience": 10, "factor": 0.1},
    "nll": {"label_smoothing": 0.0},
}  # fmt: skip


def test_a_changed_default_raises_the_schema_version():
    assert SCHEMA_VERSION == 1
    values = flatten(Recipe.build({"model": "kth"}).model_dump(mode="json"))
    assert {key: values[key] for key in DEFAULTS} == DEFAULTS
    for name, defaults in NAMED_DEFAULTS.items():
        (section,) = [registry[name] for registry in (OPTIMIZERS, SCHEDULES, LOSSES) if name in registry]
        assert {key: section.model_fields[key].default for key in defaults} == defaults, name


def test_the_identity_holds_what_differs_from_the_defaults(recipe):
    assert changed_values(recipe) == {
        "name": "tests/bars",
        "model": {"layers": ["conv 4 3x3", "relu", "batchnorm", "flatten", "dropout 0.2", "linear 3"]},
        "augment": ["crop 1"],
        "optimizer": {"name": "sgd", "lr": 0.05},
        "training": {"epochs": 3, "batch_size": 32},
    }


def test_a_value_that_is_written_out_is_the_default(recipe):
    plain = {"model": "kth"}
    full = {**plain, "data": {"name": "cifar10"}, "schedule": "constant", "optimizer": {"name": "sgd", "lr": 0.01}}
    assert Recipe.build(full).hash == Recipe.build(plain).hash


def test_a_new_key_of_a_section_changes_no_hash(recipe):
    class MoreData(Data):
        color_space: str = "rgb"

    class LargerRecipe(Recipe):
        data: MoreData = MoreData()
        ensemble: int = 1

    assert LargerRecipe.build(recipe.model_dump(mode="json")).hash == recipe.hash
    changed = {**recipe.model_dump(mode="json"), "ensemble": 2}
    assert LargerRecipe.build(changed).hash != recipe.hash


def test_a_new_section_changes_no_hash(recipe):
    class Averaging(Section):
        decay: float = 0.0

    class LargerRecipe(Recipe):
        averaging: Averaging = Averaging()

    assert LargerRecipe.build(recipe.model_dump(mode="json")).hash == recipe.hash


def test_a_new_key_of_a_schedule_or_an_optimizer_changes_no_hash(recipe):
    class RestartedCosine(Cosine):
        restarts: int = 0

    class CautiousSgd(Sgd):
        registered_name: ClassVar[str] = "sgd"
        cautious: bool = False

    values = {**recipe.model_dump(mode="json"), "schedule": {"name": "cosine", "final": 0.1}}
    before = Recipe.build(values).hash
    with SCHEDULES.replaced("cosine", RestartedCosine), OPTIMIZERS.replaced("sgd", CautiousSgd):
        after = Recipe.build(values)
    assert type(after.schedule) is RestartedCosine
    assert after.hash == before


def test_a_new_schedule_changes_no_hash(recipe):
    class Zero(Schedule):
        registered_name: ClassVar[str] = "zero"

    with SCHEDULES.replaced("zero", Zero):
        assert Recipe.build(recipe.model_dump(mode="json")).hash == recipe.hash
        assert recipe.override({"schedule": "zero"}).hash != recipe.hash


def test_another_definition_of_a_net_is_another_hash():
    recipe, factory = Recipe.build({"model": "kth"}), NETS["kth"]

    def larger(classes: int, width: int = 1) -> list[str]:
        return [f"conv {64 * width} 3x3", "flatten", f"linear {classes}"]

    before = recipe.hash
    with NETS.replaced("kth", NamedNet(larger, factory.shape)):
        assert recipe.hash != before
    assert recipe.hash == before


def test_a_net_with_arguments_it_does_not_have_still_has_a_hash():
    assert Recipe.build({"model": {"name": "kth", "arguments": {"no_such": 1}}}).hash
    assert NET_DEFINITIONS["named"](Recipe.build({"model": "no-such-net"}).model) is None


class Small(nn.Module):
    def __init__(self, width: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, width, 3, stride=stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x).mean((2, 3))


def test_the_fingerprint_of_your_own_module_tells_its_shapes_structure_and_source_apart():
    other_source = type("Small", (Small,), {"__module__": Small.__module__})
    modules = [Small(3), Small(4), Small(3, stride=2), nn.Sequential(nn.ReLU()), nn.Sequential(nn.Tanh())]
    fingerprints = [module_fingerprint(module) for module in modules]
    assert len(set(fingerprints)) == len(modules)
    assert module_fingerprint(Small(3)) == fingerprints[0]
    assert module_fingerprint(other_source(3))  # a class without source


def test_modules_of_one_name_are_different_recipes(recipe):
    first, second = (recipe.override({"model.name": "Small", "model.fingerprint": text}) for text in ("a1", "b2"))
    assert first.hash != second.hash


@pytest.mark.parametrize("views", [1, 2])
def test_a_choice_that_is_not_the_default_counts(recipe, views: Literal[1, 2]):
    assert (recipe.override({"test_views": views}).hash == recipe.hash) == (views == 1)
