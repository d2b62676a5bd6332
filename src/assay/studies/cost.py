"""What a recipe costs, by arithmetic alone: parameters, images and floating-point operations. Time is measured: see
`training/plan.py`.
"""

from dataclasses import dataclass

from assay.data.datasets.registry import DATASETS
from assay.data.imageset import ImageShape
from assay.data.load import load_data
from assay.data.location import is_path
from assay.data.preprocess import Preprocess
from assay.experiments.fault_injection import Faults
from assay.models.build import layers, unfrozen
from assay.models.pretrained import prepared
from assay.models.summary import summarize
from assay.recipes.recipe import Recipe


@dataclass(frozen=True)
class Cost:
    """Of one run. mult_adds: of one image, forward, through what runs in every epoch; images: in an epoch."""

    parameters: int
    mult_adds: int
    images: int
    epochs: int

    @property
    def flop(self) -> float:
        """Floating-point operations: 3 x forward, 2 for each mult-add."""
        return 6.0 * self.mult_adds * self.images * self.epochs


def cost(recipe: Recipe) -> Cost:
    """The cost of a recipe on its images. Raises UsageError for a net, layer, fault or data set nobody knows."""
    with recipe.locate_errors():
        Faults(recipe)  # checks their names
    shape, classes, images = _images(recipe)
    with recipe.blame("preprocess"):
        shape = Preprocess.for_shape(prepared(recipe.preprocess, recipe.model), shape).shape
    kept = recipe.training.views or not recipe.augment
    with recipe.blame("model"):
        net = summarize(layers(recipe.model, shape, classes), shape)
        run = summarize(unfrozen(recipe.model, shape, classes), shape) if kept else net
    return Cost(net.parameters, run.mult_adds, max(1, round(images)), recipe.training.epochs)


def _images(recipe: Recipe) -> tuple[ImageShape, int, float]:
    """ImageShape of the images, classes, and how many images are trained on; a folder is read for it, once."""
    with recipe.blame("data", "name"):
        if is_path(recipe.data.name):
            found = load_data(recipe.data)
            return found.images.shape, len(found.images.class_names), len(found.split.train)
        source = DATASETS[recipe.data.name]
    return (
        source.shape,
        len(source.class_names),
        source.counts["train"] * (1 - recipe.data.validation) * recipe.data.share,
    )
