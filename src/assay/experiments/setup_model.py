"""Step two of a setup: the net with its initial weights, fitted to the training images and checked."""

from dataclasses import dataclass

import torch
from torch import nn

from assay.core.errors import error_section
from assay.core.folders import weights_folder
from assay.data.imageset import ImageSet
from assay.data.preprocess import Preprocess
from assay.experiments.fault_injection import Faults, load_start_weights
from assay.experiments.model_checks import check_model
from assay.experiments.setup_data import TrainingData
from assay.models.build import build_net
from assay.models.freezing import FreezePlan
from assay.models.pretrained import is_pretrained
from assay.models.pretrained_weights import load_pretrained
from assay.models.special_layers import fit_layers
from assay.recipes.recipe import Recipe
from assay.training.checkpoint import Weights

FIT_IMAGES = 5000  # at most; enough for the covariance of small patches


@dataclass(frozen=True, eq=False)
class BuiltModel:
    """net: from (N, C, H, W) to logits (N, classes). frozen: its layers that are not trained, if there are some.

    is_own: whether it is your own module, and not one that the recipe describes.
    """

    net: nn.Module
    frozen: FreezePlan | None
    is_own: bool


def build_model(
    recipe: Recipe, data: TrainingData, faults: Faults, module: nn.Module | None, start: Weights | None
) -> BuiltModel:
    """Build the recipe's net, or take your own module. Raises UsageError and ShapeError for one that does not fit.

    start: weights to begin with instead of fresh ones.
    """
    if module is None:
        label, model = f"the net {recipe.model.name}", _build(recipe, data, faults)
    else:
        faults.check_module()
        label, model = "your module", BuiltModel(module, None, is_own=True)
    fit_to_images(model.net, data.train, data.preprocess)
    load_start_weights(model.net, start)
    check_model(model.net, label, data.preprocess.shape, data.classes, data.augment, recipe.loss)
    return model


def fit_to_images(net: nn.Module, images: ImageSet, preprocess: Preprocess) -> None:
    """Fit layers that start from the training images, such as whitening."""
    stride = -(-len(images) // FIT_IMAGES)  # spread evenly: folders come class by class
    sample = torch.arange(0, len(images), stride)
    fit_layers(net, lambda: preprocess(images.take(sample)))


def _build(recipe: Recipe, data: TrainingData, faults: Faults) -> BuiltModel:
    shape, classes = data.preprocess.shape, data.classes
    with error_section("model"):
        spec = faults.model(recipe.model, classes)
        net, frozen = build_net(spec, shape, classes, recipe.seed), None
        if is_pretrained(spec):
            load_pretrained(net, spec, classes, weights_folder())
            if spec.train_only != "all" or spec.unfreeze:
                frozen = FreezePlan.from_model(spec, net, shape, classes)
    return BuiltModel(net, frozen, is_own=False)
