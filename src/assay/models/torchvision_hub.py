"""torchvision.models as a hub, and the one place that imports torchvision."""

import sys
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from assay.core.errors import AssayError, MissingExtraError
from assay.models.hubs import PretrainedConfig, check_interpolation, mean_and_std, refuse_arguments

# A bare name in this list means torchvision's net; tests hold each to torchvision's own results.
BARE_NAMES = (
    "alexnet", "googlenet", "inception_v3", "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small", "resnet18",
    "resnet34", "resnet50", "vgg16", "vgg19",
)  # fmt: skip

_AUXILIARY_HEADS = {"googlenet": ("aux1.", "aux2."), "inception_v3": ("AuxLogits.",)}  # used in training alone
# The two were trained on pixels in [-1, 1]; transform_input converts from ImageNet's mean and std.
_WITHOUT_AUXILIARY_HEADS = {"aux_logits": False, "transform_input": True, "init_weights": False}

# The operators that torchvision's CUDA wheel misses beside a CPU torch.
_MISSING_OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


class TorchvisionHub:
    """torchvision.models, without auxiliary heads, and the default weights of each net."""

    name = "torchvision"

    def has(self, net: str) -> bool:
        """See ModelHub."""
        return net in self.names()

    def names(self) -> list[str]:
        """See ModelHub."""
        models = import_torchvision().models
        return list(models.list_models(module=models))

    def build(self, net: str, classes: int, arguments: dict[str, Any]) -> nn.Module:
        """See ModelHub."""
        refuse_arguments(arguments)
        options = _WITHOUT_AUXILIARY_HEADS if net in _AUXILIARY_HEADS else {}
        module = import_torchvision().models.get_model(net, num_classes=classes, **options)
        assert isinstance(module, nn.Module)
        return module

    def config(self, net: str) -> PretrainedConfig:
        """See ModelHub."""
        transform = self._weights(net).transforms()
        interpolation = check_interpolation(transform.interpolation.value)
        mean, std = mean_and_std(transform)
        return PretrainedConfig(transform.resize_size[0], transform.crop_size[0], interpolation, mean, std)

    def url(self, net: str) -> str:
        """See ModelHub."""
        return str(self._weights(net).url)

    def file_names(self, net: str, arguments: dict[str, Any]) -> tuple[str, ...]:
        """See ModelHub."""
        return (self.url(net).rpartition("/")[2], f"{net}.safetensors", f"{net}.pth")

    def unused_prefixes(self, net: str) -> tuple[str, ...]:
        """See ModelHub."""
        return _AUXILIARY_HEADS.get(net, ())

    def download(self, net: str, folder: Path) -> dict[str, Tensor]:
        """See ModelHub. The file goes to `folder` under its published name; its hash is checked."""
        state = torch.hub.load_state_dict_from_url(
            self.url(net), str(folder), "cpu", progress=False, check_hash=True, weights_only=True
        )
        return dict(state)

    def _weights(self, net: str) -> Any:
        return import_torchvision().models.get_model_weights(net).DEFAULT


@cache
def import_torchvision() -> Any:
    """The package torchvision, repaired for a CPU torch where that is needed. Raises MissingExtraError or AssayError.

    The wheel on PyPI is built for CUDA, and its import fails beside a CPU torch. See `_declare_missing_operators`.
    """
    try:
        import torchvision
        import torchvision.models
    except ImportError:
        raise MissingExtraError("a net of torchvision or timm", "pretrained") from None
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise AssayError(f"torchvision and torch do not fit together: {error}") from None
        _declare_missing_operators()
        import torchvision
        import torchvision.models
    return torchvision


@cache  # keeps the library alive, and with it what it declares
def _declare_missing_operators() -> torch.library.Library:
    """Process-wide: declare two operators without code, so that torchvision's CUDA wheel imports beside a CPU torch.

    No classifier calls them. What a failed import left in sys.modules is removed.
    """
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for schema in _MISSING_OPERATORS:
        library.define(schema)  # type: ignore[no-untyped-call]
    return library
