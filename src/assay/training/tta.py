"""Test-time augmentation: the logits of several views of an image, averaged."""

from collections.abc import Iterator

from torch import Tensor, nn
from torch.nn.functional import pad


def view_logits(net: nn.Module, pixels: Tensor, views: int) -> Tensor:
    """Logits (N, K) of preprocessed pixels (N, C, H, W): the weighted mean over 1, 2 or 6 views (Jordan 2024).

    1: the image. 2: the image and its mirror image. 6: those two with half the weight, and two pairs shifted by one
    pixel and reflected at the edge with a quarter each.
    """
    total: Tensor | None = None
    for view, weight in _weighted_views(pixels, views):
        logits = net(view) * weight
        total = logits if total is None else total + logits
    assert total is not None
    return total


def _weighted_views(pixels: Tensor, views: int) -> Iterator[tuple[Tensor, float]]:
    if views == 1:
        yield pixels, 1.0
        return
    pairs = [(pixels, 1.0)]
    if views == 6:
        pairs = [(pixels, 0.5), *((image, 0.25) for image in _shift_both_ways(pixels))]
    for image, weight in pairs:
        yield image, weight / 2
        yield image.flip(3), weight / 2


def _shift_both_ways(pixels: Tensor) -> list[Tensor]:
    height, width = pixels.shape[2:]
    canvas = pad(pixels, (1, 1, 1, 1), "reflect")
    return [canvas[:, :, 0:height, 0:width], canvas[:, :, 2 : height + 2, 2 : width + 2]]
