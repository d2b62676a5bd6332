"""The cost of a recipe, by arithmetic only: parameters, images and floating-point operations.

`training/estimate.py` measures the time.
"""

from dataclasses import dataclass

from assay.data.augment.parse import Augment
from assay.data.datasets.registry import DATASETS
from assay.data.imageset import ImageShape
from assay.data.load import load_data
from assay.data.location import is_path
from assay.data.preprocess import Preprocess
from assay.experiments.fault_injection import Faults
from assay.models.build import list_active_layers, list_layers
from assay.models.net_preprocessing import resolve_preprocessing
from assay.models.summary import summarize
from assay.recipes.recipe import Recipe
from assay.training.estimate import training_flop


@dataclass(frozen=True)
class Cost:
    """The cost of one run.

    mult_adds: of one image's forward pass through the layers that run in every epoch. images: per epoch. epochs: in
    epochs of whole images; one with smaller images (`window`) is a part of it.
    """

    parameters: int
    mult_adds: int
    images: int
    epochs: float

    @property
    def flop(self) -> float:
        """Floating-point operations, as in a run's own estimate."""
        return training_flop(self.mult_adds, self.images, self.epochs)


def cost(recipe: Recipe) -> Cost:
    """The cost of a recipe on its images. Raises UsageError for an unknown net, layer, fault or data set."""
    with recipe.locate_errors():
        Faults(recipe)  # checks their names
    shape, classes, images = _images(recipe)
    with recipe.blame("preprocess"):
        shape = Preprocess.for_shape(resolve_preprocessing(recipe.preprocess, recipe.model), shape).shape
    has_constant_inputs = recipe.training.views or not recipe.augment
    with recipe.blame("model"):
        net = summarize(list_layers(recipe.model, shape, classes), shape)
        run = summarize(list_active_layers(recipe.model, shape, classes), shape) if has_constant_inputs else net
    return Cost(net.parameters, run.mult_adds, max(1, round(images)), _whole_epochs(recipe, shape))


def _whole_epochs(recipe: Recipe, shape: ImageShape) -> float:
    """The number of epochs, counted in epochs of images of `shape`."""
    if recipe.training.views:  # features of whole images
        return recipe.training.epochs
    with recipe.blame("augment"):
        augment = Augment.parse(recipe.augment)
        return sum(augment.epoch_cost(shape, epoch) for epoch in range(recipe.training.epochs))


def _images(recipe: Recipe) -> tuple[ImageShape, int, float]:
    """Image shape, number of classes and number of training images; a photo folder is read for it, once."""
    with recipe.blame("data", "name"):
        if is_path(recipe.data.name):
            data = load_data(recipe.data)
            return data.images.shape, len(data.images.class_names), len(data.split.train)
        source = DATASETS[recipe.data.name]
    return (
        source.shape,
        len(source.class_names),
        source.counts["train"] * (1 - recipe.data.validation) * recipe.data.share,
    )
