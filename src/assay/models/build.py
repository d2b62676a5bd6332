"""The net that a recipe names, whatever kind it is: a list of lines (`net.py`) or a library's (`pretrained.py`)."""

from torch import nn

from assay.models import pretrained
from assay.models import sequential as net
from assay.models.freezing import Frozen
from assay.models.inspection import walk
from assay.models.layers import Layer, Shape
from assay.recipes.schema import Model


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
        return walk(pretrained.without_memory(model, classes), (3, *shape[1:]))
    return net.checked(net.lines_of(model, classes), shape, classes)


def unfrozen(model: Model, shape: tuple[int, int, int], classes: int) -> list[Layer]:
    """Those of the layers that run in every epoch, where what a frozen part gives is kept. Raises as `build`."""
    found = layers(model, shape, classes)
    if not pretrained.is_pretrained(model):
        return found
    frozen = Frozen.of(model, pretrained.without_memory(model, classes), (3, *shape[1:]), classes)
    trained = frozen.order[frozen.widest :]
    return [layer for layer in found if layer.line in trained] if frozen.keeps else found
