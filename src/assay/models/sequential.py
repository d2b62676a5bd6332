"""The Net: a module built from a list of layer lines, for images of one shape and a number of classes."""

from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor, nn

from assay.core.errors import ShapeError, UsageError
from assay.core.randomness import Stream, seeded, stream_seed
from assay.models.layer import Layer, parse_lines
from assay.models.shapes import Shape, format_shape
from assay.models.zoo.registry import NETS
from assay.recipes.schema import Model


class Net(nn.Module):
    """A sequence of layers. `layers` is a Sequential with the names of the layer table: `layers.conv_1.weight`.

    Raises UsageError for an unknown layer, ShapeError for one that does not fit or a wrong number of outputs.
    """

    def __init__(self, lines: Sequence[str], shape: Shape, classes: int) -> None:
        super().__init__()
        self.lines, self.shape, self.classes = tuple(lines), shape, classes
        layers = parse_net(lines, shape, classes)
        self.layers = nn.Sequential(
            OrderedDict((f"{layer.kind}_{number}", layer.make()) for number, layer in enumerate(layers, 1))
        )

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, C, H, W) float32 to logits (N, classes)."""
        logits: Tensor = self.layers(x)
        return logits


def parse_net(lines: Sequence[str], shape: Shape, classes: int) -> list[Layer]:
    """The layers of a net that ends in one output per class. Raises UsageError and ShapeError."""
    layers = parse_lines(lines, shape)
    if not layers:
        raise ShapeError("a net needs at least one layer")
    if layers[-1].shape != (classes,):
        # A softmax changes no shape: the line to change is the one that set it.
        last = max(i for i, layer in enumerate(layers) if i == 0 or layer.shape != layers[i - 1].shape)
        raise ShapeError(
            f"layer {last + 1} '{lines[last]}': leaves {format_shape(layers[last].shape)} outputs, but there are "
            f"{classes} classes; end the net with 'linear {classes}'",
            at=(last,),
        )
    return layers


def lines_of(model: Model, classes: int) -> list[str]:
    """The lines of a recipe's model. Raises UsageError for an unknown net or argument."""
    if model.name is None:
        return list(model.layers or ())
    try:
        net = NETS[model.name]
    except UsageError as error:
        error.at = ("name",)
        raise
    return net.lines(classes, model.arguments)


def build_sequential(model: Model, shape: Shape, classes: int, seed: int) -> Net:
    """The net of a recipe for images of `shape` (C, H, W). Its initial weights depend on the seed alone.

    Raises UsageError and ShapeError, whose `at` is a place in the recipe's section `model`.
    """
    lines = lines_of(model, classes)
    try:
        with seeded(stream_seed(seed, Stream.WEIGHTS)):
            return Net(lines, shape, classes)
    except UsageError as error:
        error.at = ("name",) if model.name is not None else ("layers", *error.at)
        raise
