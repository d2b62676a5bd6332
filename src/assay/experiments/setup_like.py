"""A setup derived from another one, for nets that train as one stack."""

from dataclasses import replace

from assay.experiments.setup import TrainingSetup
from assay.experiments.setup_model import fit_to_images
from assay.models.build import build_net
from assay.models.head import copy_with_new_head
from assay.recipes.recipe import Recipe
from assay.training.feature_loader import FeatureLoader
from assay.training.trainer import Trainer


def set_up_like(setup: TrainingSetup, recipe: Recipe) -> TrainingSetup:
    """A setup for a recipe that differs in seed and rates alone; it shares the images. Both are for one stack."""
    trainer, classes = setup.trainer, setup.data.classes
    loader = trainer.loader
    if isinstance(loader, FeatureLoader):
        net, head = copy_with_new_head(trainer.state.net, trainer.fixed_tensors, recipe.model, classes, recipe.seed)
        loader = loader.with_head(head)
    else:
        net = build_net(recipe.model, loader.preprocess.shape, classes, recipe.seed)
        fit_to_images(net, loader.images, loader.preprocess)
    new_trainer = Trainer(recipe, net, loader, trainer.validation, trainer.runtime, frozen=trainer.frozen)
    return replace(setup, recipe=recipe, model=replace(setup.model, net=net), trainer=new_trainer)
