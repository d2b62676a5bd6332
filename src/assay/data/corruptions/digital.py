"""What cameras and files do: contrast, saturation, coarse pixels, JPEG, elastic distortion."""

from collections.abc import Callable
from io import BytesIO

import numpy as np
import torch
from PIL import Image
from torch import Generator, Tensor
from torch.nn.functional import grid_sample

from assay.data.augment.step import uniform
from assay.data.blur import blur, gaussian, radius


def contrast(pixels: Tensor, severity: int, generator: Generator) -> Tensor:
    """Each channel drawn to its mean."""
    factor = (0.75, 0.5, 0.4, 0.3, 0.15)[severity - 1]
    mean = pixels.mean((2, 3), keepdim=True)
    return (pixels - mean) * factor + mean


def saturate(pixels: Tensor, severity: int, generator: Generator) -> Tensor:
    """The saturation of HSV times a factor plus a number; gray counts as a red without saturation, as in HSV."""
    factor, more = ((0.3, 0.0), (0.1, 0.0), (1.5, 0.0), (2.0, 0.1), (2.5, 0.2))[severity - 1]
    value, least = pixels.amax(1, keepdim=True), pixels.amin(1, keepdim=True)
    saturation = (value - least) / value.clamp_min(1e-6)
    wanted = (saturation * factor + more).clamp(0, 1)
    red = torch.cat([value, value * (1 - wanted), value * (1 - wanted)], 1)
    changed = value - (value - pixels) * wanted / saturation.clamp_min(1e-6)
    return torch.where(saturation > 0, changed, red)


def pixelate(pixels: Tensor, severity: int, generator: Generator) -> Tensor:
    """Fewer pixels and back, by Pillow's box filter."""
    factor = (0.95, 0.9, 0.85, 0.75, 0.65)[severity - 1]

    def coarse(image: Image.Image) -> Image.Image:
        size = (int(image.width * factor), int(image.height * factor))
        return image.resize(size, Image.Resampling.BOX).resize(image.size, Image.Resampling.BOX)

    return _each(pixels, coarse)


def jpeg(pixels: Tensor, severity: int, generator: Generator) -> Tensor:
    """Compressed by Pillow's JPEG at that quality."""
    quality = (80, 65, 58, 50, 40)[severity - 1]

    def compressed(image: Image.Image) -> Image.Image:
        file = BytesIO()
        image.save(file, "JPEG", quality=quality)
        return Image.open(file, formats=("JPEG",))

    return _each(pixels, compressed)


def elastic(pixels: Tensor, severity: int, generator: Generator) -> Tensor:
    """A small random affine transform, then smooth random shifts: their reach, smoothness, the affine's reach."""
    reach, sigma, skew = (
        (0.0, 0.0, 0.08), (0.05, 0.2, 0.07), (0.08, 0.06, 0.06), (0.1, 0.04, 0.05), (0.1, 0.03, 0.03),
    )[severity - 1]  # fmt: skip
    side = min(pixels.shape[2:])
    n, _, height, width = pixels.shape
    places = torch.stack(torch.meshgrid(torch.arange(width), torch.arange(height), indexing="xy"), 2).float()
    skewed = _sample(pixels, _skew(n, height, width, skew * side, generator, places))
    if not reach:
        return skewed
    noise = uniform(n * 2 * height * width, -1, 1, generator).view(n, 2, height, width)
    smooth = blur(noise, gaussian(sigma * side, radius(sigma * side, 3)))
    return _sample(skewed, places + reach * side * smooth.permute(0, 2, 3, 1))


def _skew(n: int, height: int, width: int, reach: float, generator: Generator, places: Tensor) -> Tensor:
    """Where each pixel (x, y) is read, (N, H, W, 2), so that three corners of a square move by up to `reach` pixels."""
    third = min(height, width) // 3
    corners = torch.tensor([[third, third], [third, -third], [-third, -third]]) + torch.tensor(
        [width // 2, height // 2]
    )
    moved = corners + uniform(n * 6, -reach, reach, generator).view(n, 3, 2)
    known = torch.cat([moved, torch.ones(n, 3, 1)], 2)
    back = torch.linalg.solve(known, corners.float().expand(n, 3, 2))  # (N, 3, 2): (x, y, 1) to where it came from
    return torch.cat([places, torch.ones(height, width, 1)], 2).view(1, -1, 3).matmul(back).view(n, height, width, 2)


def _sample(pixels: Tensor, places: Tensor) -> Tensor:
    """Read at these (x, y), in pixels, bilinear, reflected at the edge."""
    height, width = pixels.shape[2:]
    grid = 2 * places / torch.tensor([width - 1, height - 1]) - 1
    return grid_sample(pixels, grid, mode="bilinear", padding_mode="reflection", align_corners=True)


def _each(pixels: Tensor, change: Callable[[Image.Image], Image.Image]) -> Tensor:
    """Every image by itself, through 8 bits."""
    values = (pixels * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    one_channel = values.shape[3] == 1
    changed = [np.asarray(change(Image.fromarray(one[:, :, 0] if one_channel else one))) for one in values]
    stacked = torch.from_numpy(np.stack(changed)).float() / 255
    return stacked[:, None] if one_channel else stacked.permute(0, 3, 1, 2)
