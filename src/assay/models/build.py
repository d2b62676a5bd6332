"""The net that a recipe names, whatever kind it is: a list of lines (`net.py`) or a library's (`pretrained.py`)."""

from torch import nn

from assay.models import net, pretrained
from assay.models.layers import Layer, Shape
from assay.sections import Model


def build(model: Model, shape: Shape, classes: int, seed: int) -> nn.Module:
    """The net of a recipe for images of `shape` (C, H, W), its fresh weights a function of the seed alone.

    Raises UsageError and ShapeError, whose `at` is a place in the recipe's section `model`.
    """
    if pretrained.is_pretrained(model):
        return pretrained.build(model, classes, seed)
    return net.build(model, shape, classes, seed)


def layers(model: Model, shape: tuple[int, int, int], classes: int) -> list[Layer]:
    """What each layer of the net does and costs, for images (C, H, W). Raises as `build`."""
    if pretrained.is_pretrained(model):
        return pretrained.summary_layers(model, shape, classes)
    return net.checked(net.lines_of(model, classes), shape, classes)
