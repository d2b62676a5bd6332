"""RandAugment (Cubuk et al. 2020): a few operations per image, drawn from fourteen, all of one magnitude.

The operations and their magnitudes, 0 to 30, are torchvision's; pixels are in [0, 1]. Geometry is bilinear and repeats
edge pixels, as everywhere in assay; torchvision takes the nearest pixel, and black beyond the edge.
"""

from collections.abc import Callable

import torch
from torch import Generator, Tensor
from torch.nn.functional import conv2d

from assay.data.augment.affine import transform
from assay.data.augment.registry import augmentation
from assay.data.augment.step import Step
from assay.data.luma import LUMA

MAX_MAGNITUDE = 30
# (pixels (N, C, H, W), level from 0 to 1, sign -1 or 1 (N,)) -> pixels
Operation = Callable[[Tensor, float, Tensor], Tensor]


def randaugment(count: int, magnitude: int) -> Step:
    """Apply `count` operations to each image in turn, each drawn independently."""

    def step(pixels: Tensor, indices: Tensor, epoch: int, generator: Generator) -> Tensor:
        for _ in range(count):
            draws = torch.randint(2 * len(OPERATIONS), (len(pixels),), generator=generator, device=generator.device)
            pixels = _apply(pixels, draws.to(pixels.device), magnitude / MAX_MAGNITUDE)
        return pixels

    return step


def _apply(pixels: Tensor, draws: Tensor, level: float) -> Tensor:
    """Apply one operation to each image. draws: int64 (N,), twice the operation's number, plus 1 for the minus sign."""
    output = pixels.clone()
    for number, operation in enumerate(OPERATIONS.values()):
        rows = (draws // 2 == number).nonzero()[:, 0]
        if len(rows):
            sign = 1.0 - 2.0 * (draws[rows] % 2)
            output[rows] = operation(pixels[rows], level, sign)
    return output


def _blend(pixels: Tensor, target: Tensor, level: float, sign: Tensor) -> Tensor:
    """Move towards the target image by 0.9 * level, or away from it."""
    return target.lerp(pixels, (1 + 0.9 * level * sign).view(-1, 1, 1, 1)).clamp(0, 1)


def _gray(pixels: Tensor) -> Tensor:
    """Luma (N, 1, H, W); a gray image is returned as it is."""
    if pixels.shape[1] == 1:
        return pixels
    red, green, blue = pixels.split(1, 1)  # type: ignore[no-untyped-call]
    luma: Tensor = LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue
    return luma


def _brightness(pixels: Tensor, level: float, sign: Tensor) -> Tensor:
    return _blend(pixels, torch.zeros_like(pixels), level, sign)


def _color(pixels: Tensor, level: float, sign: Tensor) -> Tensor:
    return _blend(pixels, _gray(pixels).expand_as(pixels), level, sign)


def _contrast(pixels: Tensor, level: float, sign: Tensor) -> Tensor:
    return _blend(pixels, _gray(pixels).mean((2, 3), keepdim=True).expand_as(pixels), level, sign)


def _sharpness(pixels: Tensor, level: float, sign: Tensor) -> Tensor:
    """The target image is Pillow's SMOOTH, which leaves the outermost pixels unchanged."""
    channels = pixels.shape[1]
    kernel = pixels.new_tensor([[1, 1, 1], [1, 5, 1], [1, 1, 1]]).div_(13).expand(channels, 1, 3, 3)
    smooth = pixels.clone()
    smooth[:, :, 1:-1, 1:-1] = conv2d(pixels, kernel, groups=channels)
    return _blend(pixels, smooth, level, sign)


def _posterize(pixels: Tensor, level: float, sign: Tensor) -> Tensor:
    """Keep the highest 8 to 4 of a value's 8 bits."""
    step = float(2 ** round(4 * level))
    return ((pixels * 255).round() / step).floor() * step / 255


def _solarize(pixels: Tensor, level: float, sign: Tensor) -> Tensor:
    return (1 - pixels).where(pixels >= 1 - level, pixels)


def _auto_contrast(pixels: Tensor, level: float, sign: Tensor) -> Tensor:
    """Stretch each channel to [0, 1]; a constant channel stays."""
    low, high = pixels.amin((2, 3), keepdim=True), pixels.amax((2, 3), keepdim=True)
    return ((pixels - low) / (high - low)).where(high > low, pixels)


def _equalize(pixels: Tensor, level: float, sign: Tensor) -> Tensor:
    """Flatten each channel's histogram of 256 values, as Pillow's ImageOps.equalize does."""
    values = (pixels * 255).round().long().flatten(2)
    counts = torch.zeros(*values.shape[:2], 256, dtype=torch.int64, device=pixels.device)
    counts.scatter_add_(2, values, torch.ones_like(values))
    last = 255 - (counts.flip(2) > 0).int().argmax(2, keepdim=True)
    step = (values.shape[2] - counts.gather(2, last)) // 255
    before = counts.cumsum(2) - counts
    table = ((before + step // 2) // step.clamp_min(1)).clamp_max(255)
    table = torch.where(step > 0, table, torch.arange(256, device=pixels.device))
    return (table.gather(2, values).to(pixels.dtype) / 255).view(pixels.shape)


def _resample(pixels: Tensor, matrices: Tensor) -> Tensor:
    return transform(pixels, matrices).clamp_(0, 1)


def _matrix(like: Tensor, rows: list[Tensor | float], columns: list[Tensor | float]) -> Tensor:
    """float32 (N, 2, 3) for `transform`: maps (row, column, 1) about the center to the place that is read."""

    def stack(line: list[Tensor | float]) -> Tensor:
        return torch.stack([torch.as_tensor(x, dtype=like.dtype, device=like.device).expand_as(like) for x in line], 1)

    return torch.stack([stack(rows), stack(columns)], 1)


def _shear_x(pixels: Tensor, level: float, sign: Tensor) -> Tensor:
    """Shift each row by up to 0.3 px more than the row above it; the upper edge stays in place."""
    slope = 0.3 * level * sign
    return _resample(pixels, _matrix(sign, [1, 0, 0], [slope, 1, slope * pixels.shape[2] / 2]))


def _shear_y(pixels: Tensor, level: float, sign: Tensor) -> Tensor:
    slope = 0.3 * level * sign
    return _resample(pixels, _matrix(sign, [1, slope, slope * pixels.shape[3] / 2], [0, 1, 0]))


def _translate_x(pixels: Tensor, level: float, sign: Tensor) -> Tensor:
    """Shift by up to 150/331 of the width, in whole pixels."""
    return _resample(pixels, _matrix(sign, [1, 0, 0], [0, 1, sign * int(level * 150 / 331 * pixels.shape[3])]))


def _translate_y(pixels: Tensor, level: float, sign: Tensor) -> Tensor:
    return _resample(pixels, _matrix(sign, [1, 0, sign * int(level * 150 / 331 * pixels.shape[2])], [0, 1, 0]))


def _rotate(pixels: Tensor, level: float, sign: Tensor) -> Tensor:
    """Rotate by up to 30 degrees."""
    angle = (30 * level * sign).deg2rad()
    return _resample(pixels, _matrix(sign, [angle.cos(), -angle.sin(), 0], [angle.sin(), angle.cos(), 0]))


OPERATIONS: dict[str, Operation] = {
    "identity": lambda pixels, level, sign: pixels,
    "shear-x": _shear_x,
    "shear-y": _shear_y,
    "translate-x": _translate_x,
    "translate-y": _translate_y,
    "rotate": _rotate,
    "brightness": _brightness,
    "color": _color,
    "contrast": _contrast,
    "sharpness": _sharpness,
    "posterize": _posterize,
    "solarize": _solarize,
    "auto-contrast": _auto_contrast,
    "equalize": _equalize,
}


@augmentation("randaugment", form=f"randaugment COUNT MAGNITUDE, from 0 to {MAX_MAGNITUDE}")
def _build_randaugment(count: str, magnitude: str) -> Step:
    if int(count) < 1 or not 0 <= int(magnitude) <= MAX_MAGNITUDE:
        raise ValueError(count, magnitude)
    return randaugment(int(count), int(magnitude))
