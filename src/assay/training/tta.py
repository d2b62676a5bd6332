"""Test-time augmentation: the logits of several views of an image, averaged; reported beside the plain figure."""

from collections.abc import Iterator

from torch import Tensor, nn
from torch.nn.functional import pad


def view_logits(net: nn.Module, pixels: Tensor, views: int) -> Tensor:
    """Logits (N, K) of preprocessed pixels (N, C, H, W): the weighted mean over 1, 2 or 6 views (Jordan 2024).

    Of six, the unshifted pair weighs a half, and the two shifted pairs, reflected at the edge, a quarter each.
    """
    total: Tensor | None = None
    for view, weight in _weighted(pixels, views):
        part = net(view) * weight
        total = part if total is None else total + part
    assert total is not None
    return total


def _weighted(pixels: Tensor, views: int) -> Iterator[tuple[Tensor, float]]:
    if views == 1:
        yield pixels, 1.0
        return
    shifted = _shifted(pixels) if views == 6 else []
    for image, weight in [(pixels, 0.5 if shifted else 1.0), *((image, 0.25) for image in shifted)]:
        yield image, weight / 2
        yield image.flip(3), weight / 2


def _shifted(pixels: Tensor) -> list[Tensor]:
    height, width = pixels.shape[2:]
    padded = pad(pixels, (1, 1, 1, 1), "reflect")
    return [padded[:, :, 0:height, 0:width], padded[:, :, 2 : height + 2, 2 : width + 2]]
