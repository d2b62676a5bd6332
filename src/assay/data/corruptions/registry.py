"""The registry of corruptions: put `@corruption("fog", "weather")` above a function that changes pixels."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Generator, Tensor

from assay.core.registry import Registry

GROUPS = ("noise", "blur", "weather", "digital")

# (pixels float32 (N, C, H, W) in [0, 1], severity, generator) -> pixels, which may leave the range
Change = Callable[[Tensor, int, Generator], Tensor]


@dataclass(frozen=True)
class Corruption:
    """One way to degrade images. color_only: it does nothing to gray images."""

    group: str
    change: Change
    color_only: bool = False


CORRUPTIONS: Registry[Corruption] = Registry("corruption", modules=("assay.data.corruptions.*",))


def corruption(name: str, group: str, color_only: bool = False) -> Callable[[Change], Change]:
    """Decorator that registers a function as the corruption `name` of one of the `GROUPS`."""

    def register(change: Change) -> Change:
        CORRUPTIONS.add(name)(Corruption(group, change, color_only))
        return change

    return register
