"""timm as a hub, and the one place that imports it."""

from functools import cache
from math import floor
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from assay.core.errors import MissingExtraError
from assay.models.hubs import PretrainedConfig, check_interpolation, mean_and_std, refuse_arguments
from assay.models.torchvision_hub import import_torchvision


class TimmHub:
    """timm's nets."""

    name = "timm"

    def has(self, net: str) -> bool:
        """See ModelHub."""
        return bool(import_timm().is_model(net))

    def names(self) -> list[str]:
        """See ModelHub."""
        return list(import_timm().list_models())

    def build(self, net: str, classes: int, arguments: dict[str, Any]) -> nn.Module:
        """See ModelHub."""
        refuse_arguments(arguments)
        module = import_timm().create_model(net, pretrained=False, num_classes=classes)
        assert isinstance(module, nn.Module)
        return module

    def config(self, net: str) -> PretrainedConfig:
        """See ModelHub. The shorter side is the crop over timm's crop_pct, rounded down as timm does."""
        config = self._config(net)
        side = config.input_size[-1]
        interpolation = check_interpolation(config.interpolation)
        mean, std = mean_and_std(config)
        return PretrainedConfig(floor(side / config.crop_pct), side, interpolation, mean, std)

    def url(self, net: str) -> str:
        """See ModelHub."""
        config = self._config(net)
        return f"https://huggingface.co/{config.hf_hub_id}" if config.hf_hub_id else str(config.url or "")

    def file_names(self, net: str, arguments: dict[str, Any]) -> tuple[str, ...]:
        """See ModelHub."""
        file_name = str(self._config(net).url or "").rpartition("/")[2]
        return (f"{net}.safetensors", f"{net}.pth", *([file_name] if file_name else []))

    def unused_prefixes(self, net: str) -> tuple[str, ...]:
        """See ModelHub."""
        return ()

    def download(self, net: str, folder: Path) -> dict[str, Tensor]:
        """See ModelHub. timm keeps the file in the cache of huggingface_hub."""
        return dict(import_timm().create_model(net, pretrained=True).state_dict())

    def _config(self, net: str) -> Any:
        return import_timm().get_pretrained_cfg(net)


@cache
def import_timm() -> Any:
    """The package timm. Raises MissingExtraError where it is not installed."""
    import_torchvision()  # timm imports it too, and a CPU torch needs the repair first
    try:
        import timm
    except ImportError:
        raise MissingExtraError("a net of timm", "pretrained") from None
    return timm


def has_timm() -> bool:
    """Whether the extra `pretrained` is installed."""
    try:
        import_timm()
    except MissingExtraError:
        return False
    return True
