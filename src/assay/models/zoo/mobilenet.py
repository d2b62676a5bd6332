"""MobileNet v1 (Howard et al. 2017) at any width, as Keras has it: the net of the report own-photos.

Its keys are timm's of `mobilenetv1_100`, so that files of that form load. The padding at stride 2 is TensorFlow's, one
row and column at the bottom and right, which is what its published weights were trained with.
"""

from collections import OrderedDict
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from assay.core.errors import UsageError
from assay.models.hubs import PretrainedConfig

# (filters at width 1, stride) of the depthwise-separable blocks, in stages
_STAGES = (
    ((64, 1),), ((128, 2), (128, 1)), ((256, 2), (256, 1)),
    ((512, 2), (512, 1), (512, 1), (512, 1), (512, 1), (512, 1)), ((1024, 2), (1024, 1)),
)  # fmt: skip


class MobileNetV1(nn.Module):
    """Images (N, 3, H, W) in [-1, 1] to logits (N, classes); H and W even at every stride, as 128 and 224 are."""

    def __init__(self, classes: int, width: float) -> None:
        super().__init__()
        first = _filters(32, width)
        self.conv_stem = _Conv(3, first, 3, 2)
        self.bn1 = _Norm(first)
        stages, channels = [], first
        for stage in _STAGES:
            blocks = []
            for filters, stride in stage:
                blocks.append(_Block(channels, out := _filters(filters, width), stride))
                channels = out
            stages.append(nn.Sequential(*blocks))
        self.blocks = nn.Sequential(*stages)
        self.global_pool = nn.Sequential(OrderedDict(pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten()))
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Images to logits."""
        x = self.blocks(self.bn1(self.conv_stem(x)))
        logits: Tensor = self.classifier(self.global_pool(x))
        return logits


class _Block(nn.Module):
    """A depthwise 3x3 convolution, then a pointwise one, each with batch norm and ReLU6."""

    def __init__(self, channels: int, filters: int, stride: int) -> None:
        super().__init__()
        self.conv_dw = _Conv(channels, channels, 3, stride, groups=channels)
        self.bn1 = _Norm(channels)
        self.conv_pw = _Conv(channels, filters, 1, 1)
        self.bn2 = _Norm(filters)

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn1(self.conv_dw(x))
        out: Tensor = self.bn2(self.conv_pw(x))
        return out


class _Conv(nn.Conv2d):
    """Without bias; "same" as TensorFlow means it: at stride 2 an even size is padded at the bottom and right alone."""

    def __init__(self, channels: int, filters: int, kernel: int, stride: int, groups: int = 1) -> None:
        even = stride == 2
        super().__init__(channels, filters, kernel, stride, 0 if even else kernel // 2, groups=groups, bias=False)
        self.even = even

    def forward(self, x: Tensor) -> Tensor:
        if self.even:  # a size that is odd gets one on either side
            down, right = (1 - side % 2 for side in x.shape[2:])
            x = functional.pad(x, (1 - right, 1, 1 - down, 1))
        return super().forward(x)


class _Norm(nn.BatchNorm2d):
    """Batch norm with Keras's eps and momentum, then ReLU6."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-3, momentum=0.01)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu6(super().forward(x))


def _filters(at_one: int, width: float) -> int:
    return max(8, int(at_one * width))


class MobileNet:
    """The library, in the sense of `libraries.py`, of the one net `mobilenet_v1`."""

    name = "assay"

    def has(self, net: str) -> bool:
        """As of Library."""
        return net in self.names()

    def names(self) -> list[str]:
        """As of Library."""
        return ["mobilenet_v1"]

    def build(self, net: str, classes: int, arguments: dict[str, Any]) -> nn.Module:
        """As of Library; the one argument is `width`, the share of the filters."""
        width, others = arguments.get("width", 1.0), sorted(arguments.keys() - {"width"})
        if others:
            raise UsageError(f"unknown argument '{others[0]}'; known: width", at=("arguments", others[0]))
        if isinstance(width, bool) or not isinstance(width, (int, float)) or not 0 < width <= 4:
            raise UsageError(f"width: a share of the filters, such as 0.75 (given: {width})", at=("arguments", "width"))
        return MobileNetV1(classes, float(width))

    def own(self, net: str) -> PretrainedConfig:
        """Keras's preprocessing: pixels to [-1, 1]; 224 of 256 pixels, bilinear."""
        return PretrainedConfig(256, 224, "bilinear", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))

    def url(self, net: str) -> str:
        """None: Keras publishes its weights in another format."""
        return ""

    def files(self, net: str, arguments: dict[str, Any]) -> tuple[str, ...]:
        """As of ModelHub: `mobilenetv1_075.safetensors`."""
        return (f"mobilenetv1_{round(100 * arguments.get('width', 1.0)):03}.safetensors",)

    def download(self, net: str, folder: Path) -> dict[str, Tensor]:
        """Never called: there is no address."""
        raise FileNotFoundError(net)
