"""The nets of the papers, by name.

They are the nets that the papers intended, without their mistakes (a softmax before the cross-entropy, an activation on
the logits). The tests assert every parameter count that a paper states. How to add a net: `registry.py`.
"""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from assay.models.zoo.registry import COLOR, GRAY, net

Rate = Annotated[float, Field(ge=0, lt=1)]
Triple = tuple[PositiveInt, PositiveInt, PositiveInt]


def _lines_if(condition: object, *lines: str) -> list[str]:
    return list(lines) if condition else []


@net("kth", COLOR)
def kth(
    classes: int,
    filters: Triple = (24, 48, 96),
    kernels: Triple = (5, 3, 3),
    hidden: tuple[PositiveInt, ...] = (512,),
    activation: str = "relu",
    dropout: Rate = 0.0,
    batch_norm: bool = False,
) -> list[str]:
    """Paper kth: three convolutions (no activation after the third), linear layers.

    `activation` is a line, `leaky_relu 0.01`. Batch norm follows the activations, dropout the first hidden layer.
    """
    convs = [f"conv {f} {k}x{k}" for f, k in zip(filters, kernels, strict=True)]
    norm = _lines_if(batch_norm, "batchnorm")
    lines: list[str] = []
    for conv in convs[:2]:
        lines += [conv, activation, *norm, "maxpool 2"]
    lines += [convs[2], "maxpool 2", "flatten"]
    for i, features in enumerate(hidden):
        lines += [f"linear {features}", activation, *norm, *_lines_if(dropout and i == 0, f"dropout {dropout:g}")]
    return [*lines, f"linear {classes}"]


@net("two-conv", COLOR)
def two_conv(classes: int) -> list[str]:
    """Paper mlflow-grid: two convolutions, three linear layers (PyTorch tutorial)."""
    return [
        *("conv 6 5x5", "relu", "maxpool 2"),
        *("conv 16 5x5", "relu", "maxpool 2"),
        *("flatten", "linear 120", "relu", "linear 84", "relu", f"linear {classes}"),
    ]


@net("three-conv", COLOR)
def three_conv(classes: int, dropout: Rate = 0.25) -> list[str]:
    """Paper mlflow-grid: three convolutions with ReLU, four linear layers with GELU.

    The paper does not state the dropout rate.
    """
    convs = [line for filters in (32, 64, 64) for line in (f"conv {filters} 3x3", "relu", "maxpool 2")]
    return [
        *(*convs, "flatten"),
        *("linear 128", "gelu", f"dropout {dropout:g}"),
        *("linear 96", "gelu", f"dropout {dropout:g}"),
        *("linear 84", "gelu", f"linear {classes}"),
    ]


@net("five-conv", COLOR)
def five_conv(classes: int, dropout: Rate = 0.25) -> list[str]:
    """Paper mlflow-grid: five convolutions with batch norm, four linear layers with GELU.

    The paper does not state the dropout rate.
    """
    return [
        *(*_block(32), *_block(64), "maxpool 2"),
        *(*_block(128), "maxpool 2"),
        *(*_block(256), *_block(256), "maxpool 2"),
        *("flatten", f"dropout {dropout:g}"),
        *("linear 512", "gelu", f"dropout {dropout:g}"),
        *("linear 128", "gelu", f"dropout {dropout:g}"),
        *("linear 84", "gelu", f"linear {classes}"),
    ]


def _block(filters: int) -> list[str]:
    return [f"conv {filters} 3x3 same", "batchnorm", "relu"]


@net("cerberus", COLOR)
def cerberus(classes: int, dropout: Rate = 0.5) -> list[str]:
    """Paper mlflow-grid: three blocks of four convolutions, two linear layers.

    Batch norm follows the ReLU. The paper does not state the dropout rate.
    """
    lines: list[str] = []
    for filters in (64, 128, 256):
        lines += [f"conv {filters} 3x3 same", "relu", "batchnorm"] * 4 + ["maxpool 2"]
    return [*lines, "flatten", "linear 128", "relu", f"dropout {dropout:g}", f"linear {classes}"]


@net("grid", COLOR)
def grid(
    classes: int,
    variant: Literal["relu", "relu-bn", "leaky-bn", "leaky-bn-dropout"] = "relu",
    hidden: tuple[PositiveInt, PositiveInt] = (120, 84),
) -> list[str]:
    """Paper mlflow-grid: the grid of runs; three convolutions, three linear layers.

    The paper does not state the sizes of the linear layers; these are the ones of its first net.
    """
    norm = _lines_if("bn" in variant, "batchnorm")
    lines: list[str] = []
    for filters in (32, 64, 128):
        lines += [f"conv {filters} 3x3 same", *norm, "relu", "maxpool 2"]
    activation = "leaky_relu 0.01" if variant.startswith("leaky") else "relu"
    drop = _lines_if(variant.endswith("dropout"), "dropout 0.2")
    lines.append("flatten")
    for features in hidden:
        lines += [f"linear {features}", activation, *drop]
    return [*lines, f"linear {classes}"]


@net("cited-4conv", COLOR)
def cited_4conv(classes: int, dropout: Rate = 0.25) -> list[str]:
    """Cited by mlflow-grid: four convolutions and three large linear layers.

    The paper gives only the count, 9,074,218 parameters. This is a widely copied public net with exactly that count
    (J. Cheng-Peng, PyTorch-CNN-on-CIFAR10), with its dropout.
    """
    drop = f"dropout {dropout:g}"
    return [
        *("conv 48 3x3 same", "relu", "conv 96 3x3 same", "relu", "maxpool 2", drop),
        *("conv 192 3x3 same", "relu", "conv 256 3x3 same", "relu", "maxpool 2", drop),
        *("flatten", "linear 512", "relu", "linear 64", "relu", drop, f"linear {classes}"),
    ]


@net("cited-14conv", COLOR)
def cited_14conv(classes: int) -> list[str]:
    """Cited by mlflow-grid: fourteen convolutions of 28 filters 5x5.

    The paper says no more. Our reading: same padding and ReLU, a pool after the 5th and the 10th, global average
    pooling, one linear layer, and batch norm, because fourteen plain layers do not start to learn from usual weights.
    """
    lines: list[str] = []
    for i in range(1, 15):
        lines += ["conv 28 5x5 same", "batchnorm", "relu", *_lines_if(i in (5, 10), "maxpool 2")]
    return [*lines, "globalavgpool", f"linear {classes}"]


@net("mlp", GRAY)
def mlp(classes: int, dropout: Rate = 0.2) -> list[str]:
    """Paper fashion: two hidden layers with ReLU and dropout; its loss is nll."""
    return [
        *("flatten", "linear 256", "relu", f"dropout {dropout:g}"),
        *("linear 128", "relu", f"dropout {dropout:g}", f"linear {classes}", "log_softmax"),
    ]


@net("cnn", GRAY)
def cnn(classes: int) -> list[str]:
    """Paper fashion: two convolutions and one linear layer; its loss is nll."""
    return [*_fashion(), f"linear {classes}", "log_softmax"]


@net("cnn-bn", GRAY)
def cnn_bn(classes: int) -> list[str]:
    """Paper fashion: the cnn with a batch norm after each convolution; its loss is nll."""
    return [*_fashion("batchnorm"), f"linear {classes}", "log_softmax"]


@net("tuned", GRAY)
def tuned(classes: int, l1: PositiveInt = 64) -> list[str]:
    """Paper fashion: cnn-bn with one more linear layer of l1 units; its loss is nll.

    The hidden layer has a ReLU as intended; the paper's had none.
    """
    return [*_fashion("batchnorm"), f"linear {l1}", "relu", f"linear {classes}", "log_softmax"]


def _fashion(*norm: str) -> list[str]:
    blocks = [(f"conv {filters} 5x5", *norm, "maxpool 2", "relu") for filters in (10, 20)]
    return [*(line for block in blocks for line in block), "flatten"]


@net("base", COLOR)
def base(classes: int) -> list[str]:
    """Paper own-photos: one convolution with batch norm, one hidden layer of 512 units.

    Nearly all weights are in the hidden layer. Keras prints 16,783,882, because it also counts the 64 running
    statistics of the batch norm.
    """
    return [
        *("conv 32 3x3 same", "batchnorm", "relu", "flatten"),
        *("linear 512", "relu", "dropout 0.5", f"linear {classes}"),
    ]


@net("imp", COLOR)
def imp(classes: int) -> list[str]:
    """Paper own-photos: five convolutions with ELU and dropout, one linear layer."""
    return [
        *("conv 32 3x3 same", "elu", "conv 32 3x3 same", "elu", "maxpool 2", "dropout 0.1"),
        *("conv 64 3x3 same", "elu", "maxpool 2", "dropout 0.2"),
        *("conv 128 3x3 same", "elu", "conv 256 3x3 same", "elu", "maxpool 2", "dropout 0.3"),
        *("flatten", f"linear {classes}"),
    ]
