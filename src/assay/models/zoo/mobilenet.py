"""MobileNet v1 (Howard et al. 2017) at any width, as in Keras: the net of the paper own-photos.

Its keys are those of timm's `mobilenetv1_100`, so that files of that form load. At stride 2 it pads as TensorFlow does,
one row and column at the bottom and right, because the published weights were trained so; timm's net pads both sides.
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
        first = _scale_filters(32, width)
        self.conv_stem = _Conv(3, first, 3, 2)
        self.bn1 = _Norm(first)
        stages, channels = [], first
        for stage in _STAGES:
            blocks = []
            for filters_at_one, stride in stage:
                filters = _scale_filters(filters_at_one, width)
                blocks.append(_Block(channels, filters, stride))
                channels = filters
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
    """Without bias; TensorFlow's "same": at stride 2 an even size is padded only at the bottom and right."""

    def __init__(self, channels: int, filters: int, kernel: int, stride: int, groups: int = 1) -> None:
        uneven = stride == 2
        super().__init__(channels, filters, kernel, stride, 0 if uneven else kernel // 2, groups=groups, bias=False)
        self.uneven = uneven

    def forward(self, x: Tensor) -> Tensor:
        if self.uneven:  # an odd size is padded by one on either side
            down, right = (1 - side % 2 for side in x.shape[2:])
            x = functional.pad(x, (1 - right, 1, 1 - down, 1))
        return super().forward(x)


class _Norm(nn.BatchNorm2d):
    """Batch norm with Keras's eps and momentum, then ReLU6."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-3, momentum=0.01)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu6(super().forward(x))


def _scale_filters(at_one: int, width: float) -> int:
    return max(8, int(at_one * width))


class MobileNetHub:
    """The hub of the one net `mobilenet_v1`; see ModelHub."""

    name = "assay"

    def has(self, net: str) -> bool:
        """See ModelHub."""
        return net in self.names()

    def names(self) -> list[str]:
        """See ModelHub."""
        return ["mobilenet_v1"]

    def build(self, net: str, classes: int, arguments: dict[str, Any]) -> nn.Module:
        """See ModelHub. The one argument is `width`, a factor on the number of filters."""
        width, extra_names = arguments.get("width", 1.0), sorted(arguments.keys() - {"width"})
        if extra_names:
            raise UsageError(f"unknown argument '{extra_names[0]}'; known: width", at=("arguments", extra_names[0]))
        if isinstance(width, bool) or not isinstance(width, (int, float)) or not 0 < width <= 4:
            raise UsageError(f"width: a share of the filters, such as 0.75 (given: {width})", at=("arguments", "width"))
        return MobileNetV1(classes, float(width))

    def config(self, net: str) -> PretrainedConfig:
        """Keras's preprocessing: pixels in [-1, 1]; 224 of 256 pixels, bilinear."""
        return PretrainedConfig(256, 224, "bilinear", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))

    def url(self, net: str) -> str:
        """Empty: Keras publishes the weights in another format."""
        return ""

    def file_names(self, net: str, arguments: dict[str, Any]) -> tuple[str, ...]:
        """See ModelHub: `mobilenetv1_075.safetensors`."""
        return (f"mobilenetv1_{round(100 * arguments.get('width', 1.0)):03}.safetensors",)

    def unused_prefixes(self, net: str) -> tuple[str, ...]:
        """See ModelHub."""
        return ()

    def download(self, net: str, folder: Path) -> dict[str, Tensor]:
        """Never called: there is no address."""
        raise FileNotFoundError(net)
