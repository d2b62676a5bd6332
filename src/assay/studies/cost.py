"""What a recipe costs, by arithmetic alone: parameters, images and floating-point operations. Time is measured: see
`training/plan.py`.
"""

from dataclasses import dataclass

from assay import faults
from assay.data.preprocess import Preprocess
from assay.data.sources import SOURCES
from assay.models.layers import parse
from assay.models.net import lines_of
from assay.models.summary import summarise
from assay.recipe import Recipe


@dataclass(frozen=True)
class Cost:
    """Of one run. mult_adds: of one image and one forward pass; images: in an epoch."""

    parameters: int
    mult_adds: int
    images: int
    epochs: int

    @property
    def flop(self) -> float:
        """Floating-point operations: 3 x forward, 2 for each mult-add."""
        return 6.0 * self.mult_adds * self.images * self.epochs


def cost(recipe: Recipe) -> Cost:
    """The cost of a recipe on a named data set. Raises UsageError for a net, layer, fault or data set nobody knows."""
    faults.check(recipe)
    with recipe.blame("data", "name"):
        source = SOURCES[recipe.data.name]
    shape = Preprocess(source.shape, recipe.preprocess.resize, recipe.preprocess.crop).shape
    with recipe.blame("model"):
        net = summarise(parse(lines_of(recipe.model, len(source.class_names)), shape), shape)
    images = source.counts["train"] * (1 - recipe.data.validation) * recipe.data.share
    return Cost(net.parameters, net.mult_adds, max(1, round(images)), recipe.training.epochs)
