"""The line language of nets, `conv 24 5x5 same`, `relu`, `maxpool 2`, `linear 512`, and the arithmetic of each layer.

A layer is one small function registered in `LAYERS` under its name. It takes the shape that reaches it and the words
of its line, and says what shape leaves, how that follows, what the layer costs and which module computes it.
Shapes are without the batch: (C, H, W) for images, (F,) for features. Layers whose weights begin as something better
than noise are in `initialize.py`, ready-made nets in `reports.py` and `fast.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional

from assay.core.errors import ShapeError, UsageError
from assay.core.registry import Registry
from assay.models.layer_args import LayerArgs
from assay.models.special_layers import DiracConv, UnitLinear, WhiteningConv

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layer:
    """One layer at its place in a net.

    shape: what leaves it, (C, H, W) or (F,). how: how that follows, as text. make: builds its module, initialized anew.
    mult_adds: multiplications with a weight in convolutions and linear layers, for one image; biases, norms, pools and
    activations count nothing. torch's flop counter gives twice this number, and report 2 prints it for cerberus.
    """

    shape: Shape
    how: str
    make: Callable[[], nn.Module]
    mult_adds: int = 0
    line: str = ""
    parameters: int = 0  # numbers that training changes
    statistics: int = 0  # numbers that batch norm keeps: running means and variances; Keras counts them as parameters

    @property
    def kind(self) -> str:
        """The first word of the line: `conv`."""
        return self.line.split()[0]


LAYERS: Registry[Callable[[Shape, LayerArgs], Layer]] = Registry("layer")


def parse(lines: Sequence[str], shape: Shape) -> list[Layer]:
    """The layers of a net for images of `shape` (C, H, W).

    Raises UsageError for an unknown layer or argument, ShapeError for a layer that does not fit, with `at` = (index,).
    """
    layers: list[Layer] = []
    for i, line in enumerate(lines):
        try:
            layers.append(_layer(line, shape))
            if i and layers[i].kind == "whitening":
                raise UsageError("its filters come from the images, so it goes first")
        except UsageError as error:
            raise type(error)(f"layer {i + 1} '{line}': {error}", at=(i,)) from None
        shape = layers[-1].shape
    return layers


def sizes(shape: Shape) -> str:
    """A shape as people write it: `24x28x28`."""
    return "x".join(map(str, shape))


def _layer(line: str, shape: Shape) -> Layer:
    if not line.strip():
        raise UsageError("the line is empty")
    words = LayerArgs(line)
    layer = LAYERS[words.layer](shape, words)
    words.end()
    with torch.device("meta"):  # a module without memory: its parameters are counted, not drawn
        module = layer.make()
    return replace(
        layer,
        line=line,
        parameters=sum(p.numel() for p in module.parameters() if p.requires_grad),
        statistics=sum(b.numel() for b in module.buffers() if b.is_floating_point()),
    )


@LAYERS.add("conv")
def conv(shape: Shape, words: LayerArgs) -> Layer:
    """`conv FILTERS HxW [valid|same|full] [stride N] [nobias] [dirac]`; dirac: the filters start as the identity."""
    filters, kernel = words.number("a number of filters", int), words.kernel()
    mode, stride, bias = words.choice("valid", "same", "full"), words.after("stride", 1), not words.flag("nobias")
    dirac = words.flag("dirac")
    channels, *_ = _image(shape)
    padding = tuple({"valid": 0, "same": side - 1, "full": 2 * (side - 1)}[mode] for side in kernel)  # both ends
    height, width, how = _slide(shape, kernel, padding, stride)
    even = all(p % 2 == 0 for p in padding)
    if dirac and not all(side % 2 for side in kernel):
        raise UsageError(f"dirac needs a kernel with a middle, 3x3, not {sizes(kernel)}")
    module = DiracConv if dirac else nn.Conv2d if even else UnevenConv
    half = (padding[0] // 2, padding[1] // 2)
    return Layer(
        (filters, height, width),
        how,
        lambda: module(channels, filters, kernel, stride, half, bias=bias),
        mult_adds=filters * height * width * channels * prod(kernel),
    )


@LAYERS.add("maxpool")
def maxpool(shape: Shape, words: LayerArgs) -> Layer:
    """`maxpool N [stride N]`: the largest of N x N pixels; the stride is N unless given."""
    return _pool(shape, words, nn.MaxPool2d)


@LAYERS.add("avgpool")
def avgpool(shape: Shape, words: LayerArgs) -> Layer:
    """`avgpool N [stride N]`: the mean of N x N pixels; the stride is N unless given."""
    return _pool(shape, words, nn.AvgPool2d)


@LAYERS.add("globalavgpool")
def globalavgpool(shape: Shape, words: LayerArgs) -> Layer:
    """`globalavgpool`: the mean of each channel, as features (Lin et al. 2014)."""
    channels, height, width = _image(shape)
    how = f"mean of {height}x{width} per channel"
    return Layer((channels,), how, lambda: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()))


@LAYERS.add("globalmaxpool")
def globalmaxpool(shape: Shape, words: LayerArgs) -> Layer:
    """`globalmaxpool`: the largest of each channel, as features."""
    channels, height, width = _image(shape)
    how = f"largest of {height}x{width} per channel"
    return Layer((channels,), how, lambda: nn.Sequential(nn.AdaptiveMaxPool2d(1), nn.Flatten()))


@LAYERS.add("batchnorm")
def batchnorm(shape: Shape, words: LayerArgs) -> Layer:
    """`batchnorm [nogain] [momentum M]`: per channel or per feature (Ioffe and Szegedy 2015).

    nogain fixes the gain at 1; M is the weight of a new batch in the running statistics, 0.1 unless given.
    """
    norm = nn.BatchNorm2d if len(shape) == 3 else nn.BatchNorm1d
    nogain, momentum = words.flag("nogain"), words.after("momentum", 0.1)
    if not 0 < momentum <= 1:
        raise UsageError(f"the momentum must be above 0 and at most 1 (given: {momentum:g})")

    def make() -> nn.Module:
        module = norm(shape[0], momentum=momentum)
        module.weight.requires_grad = not nogain
        return module

    return Layer(shape, "unchanged", make)


@LAYERS.add("whitening")
def whitening(shape: Shape, words: LayerArgs) -> Layer:
    """`whitening HxW`: fixed filters that decorrelate patches of the training images; `initialize.py`."""
    kernel = words.kernel()
    channels, *_ = _image(shape)
    height, width, how = _slide(shape, kernel, (0, 0), 1)
    filters = 2 * channels * prod(kernel)
    return Layer(
        (filters, height, width),
        how,
        lambda: WhiteningConv(channels, kernel),
        mult_adds=filters * height * width * channels * prod(kernel),
    )


@LAYERS.add("scale")
def scale(shape: Shape, words: LayerArgs) -> Layer:
    """`scale FACTOR`: times a constant."""
    factor = words.number("a factor", float)
    return Layer(shape, "unchanged", lambda: Scale(factor))


@LAYERS.add("dropout")
def dropout(shape: Shape, words: LayerArgs) -> Layer:
    """`dropout P`: each value is zero with probability P in training (Srivastava et al. 2014)."""
    p = words.number("a probability", float)
    if not 0 <= p < 1:
        raise UsageError(f"the probability must be at least 0 and below 1 (given: {p:g})")
    return Layer(shape, "unchanged", lambda: nn.Dropout(p))


@LAYERS.add("flatten")
def flatten(shape: Shape, words: LayerArgs) -> Layer:
    """`flatten`: an image as a row of features."""
    return Layer((prod(shape),), f"{'*'.join(map(str, shape))} = {prod(shape)}", nn.Flatten)


@LAYERS.add("linear")
def linear(shape: Shape, words: LayerArgs) -> Layer:
    """`linear FEATURES [nobias] [unit]`: fully connected; unit: the weights start with a standard deviation of 1."""
    features, bias = words.number("a number of features", int), not words.flag("nobias")
    module = UnitLinear if words.flag("unit") else nn.Linear
    if len(shape) != 1:
        raise ShapeError(f"needs a row of features, not {sizes(shape)}; put 'flatten' before it")
    how = f"each from {shape[0]}"
    return Layer((features,), how, lambda: module(shape[0], features, bias=bias), mult_adds=shape[0] * features)


@LAYERS.add("maxout")
def maxout(shape: Shape, words: LayerArgs) -> Layer:
    """`maxout K`: the largest of each K adjacent channels or features (Goodfellow et al. 2013)."""
    pieces = words.number("a number of pieces", int)
    if shape[0] % pieces:
        raise ShapeError(f"{shape[0]} channels cannot be split into groups of {pieces}")
    return Layer(
        (shape[0] // pieces, *shape[1:]), f"{shape[0]}/{pieces} = {shape[0] // pieces}", lambda: Maxout(pieces)
    )


@LAYERS.add("leaky_relu")
def leaky_relu(shape: Shape, words: LayerArgs) -> Layer:
    """`leaky_relu [SLOPE]`: below zero times SLOPE, 0.01 unless given (Maas et al. 2013)."""
    slope = words.number("a slope", float, 0.01)
    return Layer(shape, "unchanged", lambda: nn.LeakyReLU(slope))


@LAYERS.add("elu")
def elu(shape: Shape, words: LayerArgs) -> Layer:
    """`elu [ALPHA]`: below zero ALPHA * (exp(x) - 1), ALPHA 1 unless given (Clevert et al. 2016)."""
    alpha = words.number("an alpha", float, 1.0)
    return Layer(shape, "unchanged", lambda: nn.ELU(alpha))


def _elementwise(name: str, make: Callable[[], nn.Module]) -> None:
    LAYERS.add(name)(lambda shape, words: Layer(shape, "unchanged", make))


_elementwise("relu", nn.ReLU)
_elementwise("gelu", nn.GELU)
_elementwise("sigmoid", nn.Sigmoid)
_elementwise("tanh", nn.Tanh)
_elementwise("softmax", lambda: nn.Softmax(dim=1))
_elementwise("log_softmax", lambda: nn.LogSoftmax(dim=1))


class UnevenConv(nn.Conv2d):
    """The 'same' convolution of an even kernel: as in Keras and torch, the odd row and column of zeros come last.

    `padding="same"` of torch would do, but warns at each use and refuses a stride.
    """

    def forward(self, x: Tensor) -> Tensor:
        height, width = (1 - side % 2 for side in self.kernel_size)
        return super().forward(functional.pad(x, (0, width, 0, height)))


class Scale(nn.Module):
    """Times a constant."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


class Maxout(nn.Module):
    """The largest of each `pieces` adjacent channels: (N, C, ...) -> (N, C / pieces, ...)."""

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces

    def forward(self, x: Tensor) -> Tensor:
        return torch.unflatten(x, 1, (-1, self.pieces)).amax(2)


def _pool(shape: Shape, words: LayerArgs, module: type[nn.MaxPool2d] | type[nn.AvgPool2d]) -> Layer:
    side = words.number("a size", int)
    stride = words.after("stride", side)
    height, width, how = _slide(shape, (side, side), (0, 0), stride)
    return Layer((shape[0], height, width), how, lambda: module(side, stride))


def _image(shape: Shape) -> Shape:
    if len(shape) != 3:
        raise ShapeError(f"needs an image (channels x height x width), not {sizes(shape)} features")
    return shape


def _slide(shape: Shape, window: tuple[int, int], padding: Shape, stride: int) -> tuple[int, int, str]:
    """The height and width that a sliding window leaves, and how they follow; `padding` counts both ends together.

    o = floor((n + p - k) / s) + 1: Dumoulin and Visin, A guide to convolution arithmetic, 2016, relationship 6.
    """
    _, *sides = _image(shape)
    if any(n + p < k for n, p, k in zip(sides, padding, window, strict=True)):
        raise ShapeError(f"kernel {sizes(window)} does not fit into {sizes(shape)}")
    out = [(n + p - k) // stride + 1 for n, p, k in zip(sides, padding, window, strict=True)]
    texts = [_formula(n, p, k, stride) for n, p, k in zip(sides, padding, window, strict=True)]
    how = texts[0] if texts[0] == texts[1] else f"{texts[0]}; {texts[1]}"
    return out[0], out[1], how


def _formula(n: int, p: int, k: int, s: int) -> str:
    pad = f"2*{p // 2}" if p % 2 == 0 else f"{p}"
    quotient = f"({n} + {pad} - {k})/{s}"
    if (n + p - k) % s:
        quotient = f"floor({quotient})"
    return f"{quotient} + 1 = {(n + p - k) // s + 1}"
