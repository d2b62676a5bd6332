"""Effects of cameras and files: contrast, saturation, coarse pixels, JPEG, elastic distortion."""

from collections.abc import Callable
from io import BytesIO

import numpy as np
import torch
from PIL import Image
from torch import Generator, Tensor
from torch.nn.functional import grid_sample

from assay.data.augment.step import uniform
from assay.data.blur import blur, gaussian, radius
from assay.data.corruptions.registry import corruption


@corruption("contrast", "digital")
def contrast(pixels: Tensor, severity: int, generator: Generator) -> Tensor:
    """Pull each channel towards its mean."""
    factor = (0.75, 0.5, 0.4, 0.3, 0.15)[severity - 1]
    mean = pixels.mean((2, 3), keepdim=True)
    return (pixels - mean) * factor + mean


@corruption("saturate", "digital", color_only=True)
def saturate(pixels: Tensor, severity: int, generator: Generator) -> Tensor:
    """Scale and shift the saturation of HSV; gray counts as red without saturation, as in HSV."""
    factor, offset = ((0.3, 0.0), (0.1, 0.0), (1.5, 0.0), (2.0, 0.1), (2.5, 0.2))[severity - 1]
    value, least = pixels.amax(1, keepdim=True), pixels.amin(1, keepdim=True)
    saturation = (value - least) / value.clamp_min(1e-6)
    target = (saturation * factor + offset).clamp(0, 1)
    red = torch.cat([value, value * (1 - target), value * (1 - target)], 1)
    output = value - (value - pixels) * target / saturation.clamp_min(1e-6)
    return torch.where(saturation > 0, output, red)


@corruption("pixelate", "digital")
def pixelate(pixels: Tensor, severity: int, generator: Generator) -> Tensor:
    """Shrink and enlarge with Pillow's box filter."""
    factor = (0.95, 0.9, 0.85, 0.75, 0.65)[severity - 1]

    def shrink_and_enlarge(image: Image.Image) -> Image.Image:
        size = (int(image.width * factor), int(image.height * factor))
        return image.resize(size, Image.Resampling.BOX).resize(image.size, Image.Resampling.BOX)

    return _map_images(pixels, shrink_and_enlarge)


@corruption("jpeg", "digital")
def jpeg(pixels: Tensor, severity: int, generator: Generator) -> Tensor:
    """Compress with Pillow's JPEG, at quality 80 to 40."""
    quality = (80, 65, 58, 50, 40)[severity - 1]

    def compress(image: Image.Image) -> Image.Image:
        file = BytesIO()
        image.save(file, "JPEG", quality=quality)
        return Image.open(file, formats=("JPEG",))

    return _map_images(pixels, compress)


@corruption("elastic", "digital")
def elastic(pixels: Tensor, severity: int, generator: Generator) -> Tensor:
    """Apply a small random affine transform, then smooth random shifts."""
    # reach and smoothness of the shifts, reach of the affine transform
    reach, sigma, skew = (
        (0.0, 0.0, 0.08), (0.05, 0.2, 0.07), (0.08, 0.06, 0.06), (0.1, 0.04, 0.05), (0.1, 0.03, 0.03),
    )[severity - 1]  # fmt: skip
    side = min(pixels.shape[2:])
    n, _, height, width = pixels.shape
    places = torch.stack(torch.meshgrid(torch.arange(width), torch.arange(height), indexing="xy"), 2).float()
    affine = _sample(pixels, _skew(n, height, width, skew * side, generator, places))
    if not reach:
        return affine
    noise = uniform(n * 2 * height * width, -1, 1, generator).view(n, 2, height, width)
    smooth = blur(noise, gaussian(sigma * side, radius(sigma * side, 3)))
    return _sample(affine, places + reach * side * smooth.permute(0, 2, 3, 1))


def _skew(n: int, height: int, width: int, reach: float, generator: Generator, places: Tensor) -> Tensor:
    """The places (x, y) to read, (N, H, W, 2), so that three corners of a square move by up to `reach` pixels."""
    third = min(height, width) // 3
    corners = torch.tensor([[third, third], [third, -third], [-third, -third]]) + torch.tensor(
        [width // 2, height // 2]
    )
    targets = corners + uniform(n * 6, -reach, reach, generator).view(n, 3, 2)
    targets = torch.cat([targets, torch.ones(n, 3, 1)], 2)
    back = torch.linalg.solve(
        targets, corners.float().expand(n, 3, 2)
    )  # (N, 3, 2), from (x, y, 1) to the place it came from
    return torch.cat([places, torch.ones(height, width, 1)], 2).view(1, -1, 3).matmul(back).view(n, height, width, 2)


def _sample(pixels: Tensor, places: Tensor) -> Tensor:
    """Read the pixels at these (x, y), bilinear, reflected at the edges."""
    height, width = pixels.shape[2:]
    grid = 2 * places / torch.tensor([width - 1, height - 1]) - 1
    return grid_sample(pixels, grid, mode="bilinear", padding_mode="reflection", align_corners=True)


def _map_images(pixels: Tensor, change: Callable[[Image.Image], Image.Image]) -> Tensor:
    """Change every image by itself, through 8 bits."""
    values = (pixels * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    is_gray = values.shape[3] == 1
    if is_gray:
        values = values[:, :, :, 0]
    output = torch.from_numpy(np.stack([np.asarray(change(Image.fromarray(image))) for image in values])).float() / 255
    return output[:, None] if is_gray else output.permute(0, 3, 1, 2)
