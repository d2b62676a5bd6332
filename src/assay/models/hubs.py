"""torchvision and timm, in the one place that imports them: their nets, and what they say of preprocessing and weights.

Which name belongs to which library: `pretrained.py`. Both are in the extra `pretrained`.
"""

import sys
from dataclasses import dataclass
from functools import cache
from math import floor
from pathlib import Path
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn

from assay.core.errors import AssayError, MissingExtraError, UsageError, unknown

_CPU_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


@dataclass(frozen=True)
class PretrainedConfig:
    """How a net's library prepares images: shorter side and center square in pixels, mean and std of [0, 1] pixels."""

    resize: int
    crop: int
    interpolation: Literal["bilinear", "bicubic"]
    mean: tuple[float, ...]
    std: tuple[float, ...]


class ModelHub(Protocol):
    """Where architectures, their preprocessing and their weights come from."""

    name: str

    def has(self, net: str) -> bool:
        """Whether it has a net of that name. Raises MissingExtraError where the library is not installed."""

    def names(self) -> list[str]:
        """All its nets."""

    def build(self, net: str, classes: int, arguments: dict[str, Any]) -> nn.Module:
        """The net with fresh weights, for images (N, 3, H, W). Raises UsageError for an argument that it has not."""

    def own(self, net: str) -> PretrainedConfig:
        """Its preprocessing."""

    def url(self, net: str) -> str:
        """Where its weights are published; empty where there are none."""

    def files(self, net: str, arguments: dict[str, Any]) -> tuple[str, ...]:
        """The names that a file of its weights may have, the usual one first."""

    def download(self, net: str, folder: Path) -> dict[str, Tensor]:
        """Its weights, through the library itself, which keeps them. Raises whatever the library does without a net."""


class Torchvision:
    """torchvision.models, without auxiliary heads."""

    name = "torchvision"
    # These two were trained on pixels from -1 to 1, and turn what ImageNet's mean and std have made back into that.
    without_aux: dict[str, dict[str, Any]] = {  # noqa: RUF012
        "googlenet": {"aux_logits": False, "transform_input": True, "init_weights": False},
        "inception_v3": {"aux_logits": False, "transform_input": True, "init_weights": False},
    }

    def has(self, net: str) -> bool:
        """As of Library."""
        return net in self.names()

    def names(self) -> list[str]:
        """As of Library."""
        models = _torchvision().models
        return list(models.list_models(module=models))

    def build(self, net: str, classes: int, arguments: dict[str, Any]) -> nn.Module:
        """As of Library."""
        _no(arguments)
        made = _torchvision().models.get_model(net, num_classes=classes, **self.without_aux.get(net, {}))
        assert isinstance(made, nn.Module)
        return made

    def own(self, net: str) -> PretrainedConfig:
        """As of ModelHub, for the library's default weights."""
        said = self._weights(net).transforms()
        return PretrainedConfig(
            said.resize_size[0], said.crop_size[0], _known(said.interpolation.value), *_numbers(said)
        )

    def url(self, net: str) -> str:
        """As of Library."""
        return str(self._weights(net).url)

    def download(self, net: str, folder: Path) -> dict[str, Tensor]:
        """As of Library; the file goes to `folder` under its own name, whose hash is checked."""
        state = torch.hub.load_state_dict_from_url(
            self.url(net), str(folder), "cpu", progress=False, check_hash=True, weights_only=True
        )
        return dict(state)

    def files(self, net: str, arguments: dict[str, Any]) -> tuple[str, ...]:
        """As of Library."""
        return (self.url(net).rpartition("/")[2], f"{net}.safetensors", f"{net}.pth")

    def _weights(self, net: str) -> Any:
        return _torchvision().models.get_model_weights(net).DEFAULT


class Timm:
    """timm's nets."""

    name = "timm"

    def has(self, net: str) -> bool:
        """As of Library."""
        return bool(_timm().is_model(net))

    def names(self) -> list[str]:
        """As of Library."""
        return list(_timm().list_models())

    def build(self, net: str, classes: int, arguments: dict[str, Any]) -> nn.Module:
        """As of Library."""
        _no(arguments)
        made = _timm().create_model(net, pretrained=False, num_classes=classes)
        assert isinstance(made, nn.Module)
        return made

    def own(self, net: str) -> PretrainedConfig:
        """As of Library; the shorter side is the crop over timm's crop_pct, rounded down as timm does."""
        said = self._said(net)
        side = said.input_size[-1]
        return PretrainedConfig(floor(side / said.crop_pct), side, _known(said.interpolation), *_numbers(said))

    def url(self, net: str) -> str:
        """As of Library."""
        said = self._said(net)
        return f"https://huggingface.co/{said.hf_hub_id}" if said.hf_hub_id else str(said.url or "")

    def download(self, net: str, folder: Path) -> dict[str, Tensor]:
        """As of Library; timm keeps the file in the cache of huggingface_hub."""
        return dict(_timm().create_model(net, pretrained=True).state_dict())

    def files(self, net: str, arguments: dict[str, Any]) -> tuple[str, ...]:
        """As of Library."""
        published = str(self._said(net).url or "").rpartition("/")[2]
        return (f"{net}.safetensors", f"{net}.pth", *([published] if published else []))

    def _said(self, net: str) -> Any:
        return _timm().get_pretrained_cfg(net)


def _no(arguments: dict[str, Any]) -> None:
    if arguments:
        raise UsageError(f"'{min(arguments)}': a library's net takes no arguments", at=("arguments", min(arguments)))


def _numbers(said: Any) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return tuple(map(float, said.mean)), tuple(map(float, said.std))


def _known(interpolation: str) -> Literal["bilinear", "bicubic"]:
    if interpolation not in ("bilinear", "bicubic"):
        raise unknown("interpolation", interpolation, ("bilinear", "bicubic"))
    return "bicubic" if interpolation == "bicubic" else "bilinear"


def installed() -> bool:
    """Whether the extra `pretrained` is there."""
    try:
        _timm()
    except MissingExtraError:
        return False
    return True


@cache
def _torchvision() -> Any:
    return _imported()[0]


@cache
def _timm() -> Any:
    _torchvision()  # timm imports it too
    try:
        import timm
    except ImportError:
        raise MissingExtraError("a net of timm", "pretrained") from None
    return timm


@cache
def _imported() -> tuple[Any, object]:
    """torchvision, and what must live as long as it.

    Its wheel on PyPI is built for CUDA. Beside a CPU torch the import fails, because two operators have no schema;
    declaring them is enough, as no classifier calls them.
    """
    try:
        import torchvision
        import torchvision.models

        return torchvision, None
    except ImportError:
        raise MissingExtraError("a net of torchvision or timm", "pretrained") from None
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise AssayError(f"torchvision and torch do not fit together: {error}") from None
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for schema in _CPU_SCHEMAS:
        library.define(schema)  # type: ignore[no-untyped-call]
    import torchvision
    import torchvision.models

    return torchvision, library
