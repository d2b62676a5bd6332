"""Step three of a setup: the trainer, which gets images, or features where the first part of the net is frozen."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from assay.core.errors import UsageError
from assay.core.folders import data_root
from assay.core.runtime import Runtime
from assay.experiments.fault_injection import Faults
from assay.experiments.runtime_choice import RuntimeChoice, choose_for_net
from assay.experiments.setup_data import TrainingData
from assay.experiments.setup_model import BuiltModel
from assay.models.backbone import split_model
from assay.recipes.recipe import Recipe
from assay.training.batch_norm_check import check_batch_norm
from assay.training.batch_size import find_batch_size
from assay.training.distributed import ProcessGroup
from assay.training.feature_cache import FeatureCache, View
from assay.training.feature_loader import FeatureLoader
from assay.training.loader import BatchLoader, Loader
from assay.training.trainer import Trainer


@dataclass(frozen=True, eq=False)
class ReadyTrainer:
    """recipe: with a number for its batch size. batch_size_note: how that number was found, if the recipe had none.

    choice: how the trainer's runtime was found.
    """

    recipe: Recipe
    trainer: Trainer
    choice: RuntimeChoice
    batch_size_note: str = ""


def make_trainer(
    recipe: Recipe, data: TrainingData, model: BuiltModel, faults: Faults, runtime: Runtime, process_group: ProcessGroup
) -> ReadyTrainer:
    """A trainer that has not trained yet. Raises UsageError for keys that do not go with the net."""
    loader = _make_loader(recipe, data, model, runtime)
    validation = data.read_test() if faults.validate_on_test else data.validation

    def trainer_of(recipe: Recipe) -> Trainer:
        training_recipe, hooks = faults.training_recipe(recipe), faults.epoch_hooks(recipe)
        return Trainer(
            training_recipe, model.net, loader, validation, choice.runtime, hooks, process_group, model.frozen
        )  # fmt: skip

    def trainer_of_copy(net: nn.Module, runtime: Runtime) -> Trainer:
        return Trainer(faults.training_recipe(recipe), net, loader, None, runtime, frozen=model.frozen)

    choice = RuntimeChoice(runtime)
    recipe, note = _with_batch_size(recipe, trainer_of)
    if min(recipe.training.images_a_step, len(loader)) == 1:
        check_batch_norm(trainer_of(recipe))
    if process_group.size == 1:
        choice = choose_for_net(model.net, trainer_of_copy, loader, recipe.training.images_a_step, runtime)
    if choice.runtime != runtime:
        loader = _make_loader(recipe, data, model, choice.runtime)
    return ReadyTrainer(recipe, trainer_of(recipe), choice, note)


def _make_loader(recipe: Recipe, data: TrainingData, model: BuiltModel, runtime: Runtime) -> Loader:
    """Batches of images; or of features, where the first part of the net is frozen and its inputs repeat."""
    count = recipe.training.views
    if count and data.augment.mix.masks:
        raise UsageError(
            "mixup and cutmix do not go with training.views: a mixed image has another label each time",
            at=("augment",),
        )
    inputs_repeat = bool(count) or not recipe.augment
    if model.frozen and inputs_repeat:
        split = split_model(runtime.place(model.net), model.frozen, data.preprocess.shape)
        if split:
            cache = FeatureCache(split, data.preprocess, runtime, data_root() / "features")
            views = [View(recipe.augment, number) for number in range(count)] if count else [None]
            return FeatureLoader(cache, data.train, views)
    if count:
        raise UsageError(
            "views are for a pretrained net whose first part is frozen throughout; see model.train_only",
            at=("training", "views"),
        )
    return BatchLoader(data.train, data.preprocess, data.augment, runtime)


def _with_batch_size(recipe: Recipe, trainer_of: Callable[[Recipe], Trainer]) -> tuple[Recipe, str]:
    """The recipe with a number for its batch size, and how it was found."""
    if recipe.training.batch_size != "auto":
        return recipe, ""
    trainer = trainer_of(recipe.override({"training.batch_size": 1}))
    if len(trainer.loader) == 1:
        check_batch_norm(trainer)
    size, note = find_batch_size(trainer)
    return recipe.override({"training.batch_size": size}), note
