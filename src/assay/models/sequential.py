"""The Net: a list of lines made into a module, for images of one shape and a number of classes.

What a line means is in `layers.py`, which lines a name stands for in `reports.py` and `fast.py`.
"""

from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor, nn

from assay.core.errors import ShapeError, UsageError
from assay.core.randomness import Stream, seeded, stream_seed
from assay.models import layers
from assay.models.layers import Layer, Shape
from assay.models.zoo.catalog import NETS
from assay.recipes.schema import Model


class Net(nn.Module):
    """A stack of layers. `layers` is a Sequential whose parts are named as in the layer table: `layers.conv_1.weight`.

    Raises UsageError for an unknown layer, ShapeError for one that does not fit or a wrong number of outputs.
    """

    def __init__(self, lines: Sequence[str], shape: Shape, classes: int) -> None:
        super().__init__()
        self.lines, self.shape, self.classes = tuple(lines), shape, classes
        self.layers = nn.Sequential(
            OrderedDict(
                (f"{layer.kind}_{i}", layer.make()) for i, layer in enumerate(checked(lines, shape, classes), 1)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, C, H, W) float32 to logits (N, classes)."""
        logits: Tensor = self.layers(x)
        return logits


def checked(lines: Sequence[str], shape: Shape, classes: int) -> list[Layer]:
    """The layers of a net that ends in one output for each class. Raises UsageError and ShapeError."""
    found = layers.parse(lines, shape)
    if not found:
        raise ShapeError("a net needs at least one layer")
    if found[-1].shape != (classes,):
        # A softmax changes no shape: the line to change is the one that decided it.
        last = max(i for i, layer in enumerate(found) if i == 0 or layer.shape != found[i - 1].shape)
        raise ShapeError(
            f"layer {last + 1} '{lines[last]}': leaves {layers.sizes(found[last].shape)} outputs, but there are "
            f"{classes} classes; end the net with 'linear {classes}'",
            at=(last,),
        )
    return found


def lines_of(model: Model, classes: int) -> list[str]:
    """The lines that a recipe's model stands for. Raises UsageError for an unknown net or argument."""
    if model.name is None:
        return list(model.layers or ())
    try:
        named = NETS[model.name]
    except UsageError as error:
        error.at = ("name",)
        raise
    return named.lines(classes, model.arguments)


def build(model: Model, shape: Shape, classes: int, seed: int) -> Net:
    """The net of a recipe for images of `shape` (C, H, W), its initial weights a function of the seed alone.

    Raises UsageError and ShapeError, whose `at` is a place in the recipe's section `model`.
    """
    lines = lines_of(model, classes)
    try:
        with seeded(stream_seed(seed, Stream.WEIGHTS)):
            return Net(lines, shape, classes)
    except UsageError as error:
        error.at = ("name",) if model.name is not None else ("layers", *error.at)
        raise
