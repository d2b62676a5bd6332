"""The net that a recipe names: a list of lines (`sequential.py`) or a pretrained net (`pretrained.py`)."""

from torch import nn

from assay.models.freezing import FreezePlan
from assay.models.inspection import trace_layers
from assay.models.layer import Layer
from assay.models.pretrained import build_on_meta, build_pretrained, is_pretrained
from assay.models.sequential import build_sequential, lines_of, parse_net
from assay.models.shapes import Shape
from assay.recipes.schema import Model


def build_net(model: Model, shape: Shape, classes: int, seed: int) -> nn.Module:
    """The net of a recipe for images of `shape` (C, H, W). Its fresh weights depend on the seed alone.

    Raises UsageError and ShapeError, whose `at` is a place in the recipe's section `model`.
    """
    if is_pretrained(model):
        return build_pretrained(model, classes, seed)
    return build_sequential(model, shape, classes, seed)


def list_layers(model: Model, shape: tuple[int, int, int], classes: int) -> list[Layer]:
    """The net's layers with their shapes and costs, for images (C, H, W). Raises as `build_net`."""
    if is_pretrained(model):
        return trace_layers(build_on_meta(model, classes), (3, *shape[1:]))
    return parse_net(lines_of(model, classes), shape, classes)


def list_active_layers(model: Model, shape: tuple[int, int, int], classes: int) -> list[Layer]:
    """The layers that run in every epoch when the frozen part's features are cached. Raises as `build_net`."""
    layers = list_layers(model, shape, classes)
    if not is_pretrained(model):
        return layers
    plan = FreezePlan.from_model(model, build_on_meta(model, classes), (3, *shape[1:]), classes)
    if not plan.has_fixed_part:
        return layers
    active = plan.order[plan.first_trained :]
    return [layer for layer in layers if layer.line in active]
