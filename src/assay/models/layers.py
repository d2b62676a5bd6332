"""What each line of a net means: `conv 24 5x5 same`, `relu`, `maxpool 2`, `linear 512`.

Each function takes the input shape and the arguments of the line and returns the layer: its output shape, how that
follows, its cost and its module. Modules that torch lacks are in `special_layers.py`, ready-made nets in `zoo/`.
"""

from collections.abc import Callable
from math import prod

from torch import nn

from assay.core.errors import ShapeError, UsageError
from assay.models.layer import Layer, Stack, layer
from assay.models.layer_args import LayerArgs
from assay.models.shapes import Shape, format_shape, require_image, slide_window
from assay.models.special_layers import DiracConv, Maxout, Scale, UnevenConv, UnitLinear, WhiteningConv
from assay.models.stacked_layers import (
    StackedBatchNorm,
    StackedConv,
    StackedDropout,
    StackedLinear,
    StackedSoftmax,
    share_module,
)


@layer("conv", stack=StackedConv)
def conv(shape: Shape, args: LayerArgs) -> Layer:
    """`conv FILTERS HxW [valid|same|full] [stride N] [nobias] [dirac]`; dirac: the filters start as the identity."""
    filters, kernel = args.number("a number of filters", int), args.kernel()
    mode, stride, bias = args.choice("valid", "same", "full"), args.after("stride", 1), not args.flag("nobias")
    dirac = args.flag("dirac")
    channels, *_ = require_image(shape)
    padding = tuple({"valid": 0, "same": side - 1, "full": 2 * (side - 1)}[mode] for side in kernel)  # both ends
    height, width, how = slide_window(shape, kernel, padding, stride)
    even = all(p % 2 == 0 for p in padding)
    if dirac and not all(side % 2 for side in kernel):
        raise UsageError(f"dirac needs a kernel with a middle, 3x3, not {format_shape(kernel)}")
    module = DiracConv if dirac else nn.Conv2d if even else UnevenConv
    half = (padding[0] // 2, padding[1] // 2)
    return Layer(
        (filters, height, width),
        how,
        lambda: module(channels, filters, kernel, stride, half, bias=bias),
        mult_adds=filters * height * width * channels * prod(kernel),
    )


@layer("maxpool", stack=share_module)
def maxpool(shape: Shape, args: LayerArgs) -> Layer:
    """`maxpool N [stride N]`: the maximum of N x N pixels; the stride defaults to N."""
    return _pool(shape, args, nn.MaxPool2d)


@layer("avgpool", stack=share_module)
def avgpool(shape: Shape, args: LayerArgs) -> Layer:
    """`avgpool N [stride N]`: the mean of N x N pixels; the stride defaults to N."""
    return _pool(shape, args, nn.AvgPool2d)


def _pool(shape: Shape, args: LayerArgs, module: type[nn.MaxPool2d] | type[nn.AvgPool2d]) -> Layer:
    side = args.number("a size", int)
    stride = args.after("stride", side)
    height, width, how = slide_window(shape, (side, side), (0, 0), stride)
    return Layer((shape[0], height, width), how, lambda: module(side, stride))


@layer("globalavgpool", stack=share_module)
def globalavgpool(shape: Shape, args: LayerArgs) -> Layer:
    """`globalavgpool`: the mean of each channel, as features (Lin et al. 2014)."""
    channels, height, width = require_image(shape)
    how = f"mean of {height}x{width} per channel"
    return Layer((channels,), how, lambda: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()))


@layer("globalmaxpool", stack=share_module)
def globalmaxpool(shape: Shape, args: LayerArgs) -> Layer:
    """`globalmaxpool`: the maximum of each channel, as features."""
    channels, height, width = require_image(shape)
    how = f"largest of {height}x{width} per channel"
    return Layer((channels,), how, lambda: nn.Sequential(nn.AdaptiveMaxPool2d(1), nn.Flatten()))


@layer("batchnorm", stack=StackedBatchNorm)
def batchnorm(shape: Shape, args: LayerArgs) -> Layer:
    """`batchnorm [nogain] [momentum M]`: per channel or per feature (Ioffe and Szegedy 2015).

    nogain fixes the gain at 1; M is the weight of a new batch in the running statistics, 0.1 by default.
    """
    norm = nn.BatchNorm2d if len(shape) == 3 else nn.BatchNorm1d
    nogain, momentum = args.flag("nogain"), args.after("momentum", 0.1)
    if not 0 < momentum <= 1:
        raise UsageError(f"the momentum must be above 0 and at most 1 (given: {momentum:g})")

    def make() -> nn.Module:
        module = norm(shape[0], momentum=momentum)
        module.weight.requires_grad = not nogain
        return module

    return Layer(shape, "unchanged", make)


@layer("whitening", stack=StackedConv)
def whitening(shape: Shape, args: LayerArgs) -> Layer:
    """`whitening HxW`, first line only: fixed filters that decorrelate patches of the training images."""
    kernel = args.kernel()
    channels, *_ = require_image(shape)
    height, width, how = slide_window(shape, kernel, (0, 0), 1)
    filters = 2 * channels * prod(kernel)
    return Layer(
        (filters, height, width),
        how,
        lambda: WhiteningConv(channels, kernel),
        mult_adds=filters * height * width * channels * prod(kernel),
    )


@layer("scale", stack=share_module)
def scale(shape: Shape, args: LayerArgs) -> Layer:
    """`scale FACTOR`: multiplies by a constant."""
    factor = args.number("a factor", float)
    return Layer(shape, "unchanged", lambda: Scale(factor))


@layer("dropout", stack=StackedDropout)
def dropout(shape: Shape, args: LayerArgs) -> Layer:
    """`dropout P`: in training each value is zero with probability P (Srivastava et al. 2014)."""
    p = args.number("a probability", float)
    if not 0 <= p < 1:
        raise UsageError(f"the probability must be at least 0 and below 1 (given: {p:g})")
    return Layer(shape, "unchanged", lambda: nn.Dropout(p))


@layer("flatten", stack=share_module)
def flatten(shape: Shape, args: LayerArgs) -> Layer:
    """`flatten`: an image as a row of features."""
    return Layer((prod(shape),), f"{'*'.join(map(str, shape))} = {prod(shape)}", nn.Flatten)


@layer("linear", stack=StackedLinear)
def linear(shape: Shape, args: LayerArgs) -> Layer:
    """`linear FEATURES [nobias] [unit]`: fully connected; unit: the weights start with a standard deviation of 1."""
    features, bias = args.number("a number of features", int), not args.flag("nobias")
    module = UnitLinear if args.flag("unit") else nn.Linear
    if len(shape) != 1:
        raise ShapeError(f"needs a row of features, not {format_shape(shape)}; put 'flatten' before it")
    how = f"each from {shape[0]}"
    return Layer((features,), how, lambda: module(shape[0], features, bias=bias), mult_adds=shape[0] * features)


@layer("maxout", stack=share_module)
def maxout(shape: Shape, args: LayerArgs) -> Layer:
    """`maxout K`: the maximum of each K adjacent channels or features (Goodfellow et al. 2013)."""
    pieces = args.number("a number of pieces", int)
    if shape[0] % pieces:
        raise ShapeError(f"{shape[0]} channels cannot be split into groups of {pieces}")
    groups = shape[0] // pieces
    return Layer((groups, *shape[1:]), f"{shape[0]}/{pieces} = {groups}", lambda: Maxout(pieces))


@layer("leaky_relu", stack=share_module)
def leaky_relu(shape: Shape, args: LayerArgs) -> Layer:
    """`leaky_relu [SLOPE]`: values below zero times SLOPE, 0.01 by default (Maas et al. 2013)."""
    slope = args.number("a slope", float, 0.01)
    return Layer(shape, "unchanged", lambda: nn.LeakyReLU(slope))


@layer("elu", stack=share_module)
def elu(shape: Shape, args: LayerArgs) -> Layer:
    """`elu [ALPHA]`: below zero ALPHA * (exp(x) - 1), ALPHA 1 by default (Clevert et al. 2016)."""
    alpha = args.number("an alpha", float, 1.0)
    return Layer(shape, "unchanged", lambda: nn.ELU(alpha))


def _elementwise(word: str, make: Callable[[], nn.Module], stack: Stack = share_module) -> None:
    """Register a layer that has no arguments and leaves the shape unchanged."""

    def build(shape: Shape, args: LayerArgs) -> Layer:
        return Layer(shape, "unchanged", make)

    build.__doc__ = f"`{word}`: as torch's."
    layer(word, stack)(build)


_elementwise("relu", nn.ReLU)
_elementwise("gelu", nn.GELU)
_elementwise("sigmoid", nn.Sigmoid)
_elementwise("tanh", nn.Tanh)
_elementwise("softmax", lambda: nn.Softmax(dim=1), StackedSoftmax)
_elementwise("log_softmax", lambda: nn.LogSoftmax(dim=1), StackedSoftmax)
