"""The Layer, the registry of layer words, and the parser that turns lines into layers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from inspect import getdoc
from typing import Any

import torch
from torch import nn

from assay.core.errors import UsageError
from assay.core.registry import Registry
from assay.models.layer_args import LayerArgs
from assay.models.shapes import Shape


@dataclass(frozen=True)
class Layer:
    """One layer at its place in a net.

    shape: its output, (C, H, W) or (F,). how: how the shape follows, as text. make: builds its module with fresh
    weights. mult_adds: multiplications with a weight in convolutions and linear layers, for one image; biases, norms,
    pools and activations count nothing. torch's flop counter gives twice this number.
    """

    shape: Shape
    how: str
    make: Callable[[], nn.Module]
    mult_adds: int = 0
    line: str = ""
    parameters: int = 0  # trainable numbers
    statistics: int = 0  # running means and variances of batch norm; Keras counts them as parameters

    @property
    def kind(self) -> str:
        """The first word of the line: `conv`."""
        return self.line.split()[0]


LayerFunction = Callable[[Shape, LayerArgs], Layer]
Stack = Callable[[Sequence[Any]], nn.Module]  # the modules of one layer in K nets to the module that computes all K


@dataclass(frozen=True)
class LayerKind:
    """A word of the line language. stack: how it computes several nets at once; None: it cannot."""

    build: LayerFunction
    stack: Stack | None
    description: str


LAYERS: Registry[LayerKind] = Registry("layer", modules=("assay.models.layers",))


def layer(word: str, stack: Stack | None = None) -> Callable[[LayerFunction], LayerFunction]:
    """Decorator that registers a layer under the first word of its line.

    The function takes the input shape and the arguments of the line. stack: see `stacked_layers.py`; `share_module` for
    a layer without weights that treats every channel by itself. A layer without `stack` works everywhere but in stacked
    training.
    """

    def register(build: LayerFunction) -> LayerFunction:
        LAYERS.add(word)(LayerKind(build, stack, getdoc(build) or ""))
        return build

    return register


def parse_lines(lines: Sequence[str], shape: Shape) -> list[Layer]:
    """The layers of a net for images of `shape` (C, H, W).

    Raises UsageError for an unknown layer or argument, ShapeError for a layer that does not fit, with `at` = (index,).
    """
    layers: list[Layer] = []
    for i, line in enumerate(lines):
        try:
            layers.append(_parse_line(line, shape))
            if i and layers[i].kind == "whitening":
                raise UsageError("its filters come from the images, so it goes first")
        except UsageError as error:
            raise type(error)(f"layer {i + 1} '{line}': {error}", at=(i,)) from None
        shape = layers[-1].shape
    return layers


def _parse_line(line: str, shape: Shape) -> Layer:
    if not line.strip():
        raise UsageError("the line is empty")
    args = LayerArgs(line)
    layer = LAYERS[args.layer].build(shape, args)
    args.end()
    with torch.device("meta"):  # a module without memory: its parameters are counted, not initialized
        module = layer.make()
    return replace(
        layer,
        line=line,
        parameters=sum(p.numel() for p in module.parameters() if p.requires_grad),
        statistics=sum(b.numel() for b in module.buffers() if b.is_floating_point()),
    )
