"""What assay asks of a source of pretrained nets. torchvision: `torchvision_hub.py`; timm: `timm_hub.py`.

Which name belongs to which hub: `pretrained.py`. torchvision and timm are in the extra `pretrained`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from torch import Tensor, nn

from assay.core.errors import UsageError, unknown


@dataclass(frozen=True)
class PretrainedConfig:
    """How a hub prepares images for a net.

    resize: shorter side in pixels. crop: center square in pixels. mean, std: per channel, of pixels in [0, 1].
    """

    resize: int
    crop: int
    interpolation: Literal["bilinear", "bicubic"]
    mean: tuple[float, ...]
    std: tuple[float, ...]


class ModelHub(Protocol):
    """A source of architectures, their preprocessing and their weights."""

    name: str

    def has(self, net: str) -> bool:
        """Whether the hub has a net of that name. Raises MissingExtraError where its library is not installed."""

    def names(self) -> list[str]:
        """The names of all its nets."""

    def build(self, net: str, classes: int, arguments: dict[str, Any]) -> nn.Module:
        """The net with fresh weights, for images (N, 3, H, W). Raises UsageError for an argument it does not have."""

    def config(self, net: str) -> PretrainedConfig:
        """The preprocessing that its published weights were trained with."""

    def url(self, net: str) -> str:
        """Where its weights are published; empty if they are not."""

    def file_names(self, net: str, arguments: dict[str, Any]) -> tuple[str, ...]:
        """The names that a file of its weights may have, the usual one first."""

    def unused_prefixes(self, net: str) -> tuple[str, ...]:
        """Beginnings of keys in the published weights for parts that `build` leaves out."""

    def download(self, net: str, folder: Path) -> dict[str, Tensor]:
        """Its weights, downloaded and cached by the library itself. Raises whatever that raises without a network."""


def refuse_arguments(arguments: dict[str, Any]) -> None:
    """Raise UsageError if there are any."""
    if arguments:
        raise UsageError(f"'{min(arguments)}': a library's net takes no arguments", at=("arguments", min(arguments)))


def mean_and_std(config: Any) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Both as floats, from a library's own object."""
    return tuple(map(float, config.mean)), tuple(map(float, config.std))


def check_interpolation(name: str) -> Literal["bilinear", "bicubic"]:
    """The name, if assay has such an interpolation. Raises UsageError."""
    if name not in ("bilinear", "bicubic"):
        raise unknown("interpolation", name, ("bilinear", "bicubic"))
    return "bicubic" if name == "bicubic" else "bilinear"
