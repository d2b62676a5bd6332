"""RandAugment (Cubuk et al. 2020): a few operations for each image, drawn from fourteen, all of one magnitude.

The operations and their magnitudes, 0 to 30, are torchvision's; pixels are in [0, 1]. Geometry is bilinear here, and
edge pixels are continued, as everywhere in assay; torchvision takes the nearest pixel, and black beyond the edge.
"""

from collections.abc import Callable

import torch
from torch import Generator, Tensor
from torch.nn.functional import conv2d

from assay.data.augment.affine import transform
from assay.data.augment.step import Step

MOST = 30
# (pixels (N, C, H, W), level from 0 to 1, sign -1 or 1 (N,)) -> pixels
Operation = Callable[[Tensor, float, Tensor], Tensor]


def randaugment(count: int, magnitude: int) -> Step:
    """`count` operations in a row for each image, each drawn anew."""

    def step(pixels: Tensor, indices: Tensor, epoch: int, generator: Generator) -> Tensor:
        for _ in range(count):
            drawn = torch.randint(2 * len(OPERATIONS), (len(pixels),), generator=generator, device=generator.device)
            pixels = _round(pixels, drawn.to(pixels.device), magnitude / MOST)
        return pixels

    return step


def _round(pixels: Tensor, drawn: Tensor, level: float) -> Tensor:
    """One operation for each image; drawn: int64 (N,), twice the operation's number, plus 1 for the other sign."""
    seen = pixels.clone()
    for number, operation in enumerate(OPERATIONS.values()):
        which = (drawn // 2 == number).nonzero()[:, 0]
        if len(which):
            sign = 1.0 - 2.0 * (drawn[which] % 2)
            seen[which] = operation(pixels[which], level, sign)
    return seen


def _blended(pixels: Tensor, other: Tensor, level: float, sign: Tensor) -> Tensor:
    """Towards the other image by 0.9 * level, or away from it."""
    return other.lerp(pixels, (1 + 0.9 * level * sign).view(-1, 1, 1, 1)).clamp(0, 1)


def _gray(pixels: Tensor) -> Tensor:
    """Luma (N, 1, H, W), ITU-R BT.601; of a gray image itself."""
    if pixels.shape[1] == 1:
        return pixels
    red, green, blue = pixels.split(1, 1)  # type: ignore[no-untyped-call]
    luma: Tensor = 0.299 * red + 0.587 * green + 0.114 * blue
    return luma


def _brightness(pixels: Tensor, level: float, sign: Tensor) -> Tensor:
    return _blended(pixels, torch.zeros_like(pixels), level, sign)


def _color(pixels: Tensor, level: float, sign: Tensor) -> Tensor:
    return _blended(pixels, _gray(pixels).expand_as(pixels), level, sign)


def _contrast(pixels: Tensor, level: float, sign: Tensor) -> Tensor:
    return _blended(pixels, _gray(pixels).mean((2, 3), keepdim=True).expand_as(pixels), level, sign)


def _sharpness(pixels: Tensor, level: float, sign: Tensor) -> Tensor:
    """The other image is Pillow's SMOOTH; its outermost pixels are the image's own."""
    channels = pixels.shape[1]
    kernel = pixels.new_tensor([[1, 1, 1], [1, 5, 1], [1, 1, 1]]).div_(13).expand(channels, 1, 3, 3)
    smooth = pixels.clone()
    smooth[:, :, 1:-1, 1:-1] = conv2d(pixels, kernel, groups=channels)
    return _blended(pixels, smooth, level, sign)


def _posterize(pixels: Tensor, level: float, sign: Tensor) -> Tensor:
    """The highest 8 to 4 of a value's 8 bits."""
    step = float(2 ** round(4 * level))
    return ((pixels * 255).round() / step).floor() * step / 255


def _solarize(pixels: Tensor, level: float, sign: Tensor) -> Tensor:
    return (1 - pixels).where(pixels >= 1 - level, pixels)


def _auto_contrast(pixels: Tensor, level: float, sign: Tensor) -> Tensor:
    """Each channel stretched to [0, 1]; one that is all alike stays."""
    low, high = pixels.amin((2, 3), keepdim=True), pixels.amax((2, 3), keepdim=True)
    return ((pixels - low) / (high - low)).where(high > low, pixels)


def _equalize(pixels: Tensor, level: float, sign: Tensor) -> Tensor:
    """Each channel's histogram of 256 values made flat, as Pillow's ImageOps.equalize."""
    values = (pixels * 255).round().long().flatten(2)
    counts = torch.zeros(*values.shape[:2], 256, dtype=torch.int64, device=pixels.device)
    counts.scatter_add_(2, values, torch.ones_like(values))
    last = 255 - (counts.flip(2) > 0).int().argmax(2, keepdim=True)
    step = (values.shape[2] - counts.gather(2, last)) // 255
    before = counts.cumsum(2) - counts
    table = ((before + step // 2) // step.clamp_min(1)).clamp_max(255)
    table = torch.where(step > 0, table, torch.arange(256, device=pixels.device))
    return (table.gather(2, values).to(pixels.dtype) / 255).view(pixels.shape)


def _moved(pixels: Tensor, matrices: Tensor) -> Tensor:
    return transform(pixels, matrices).clamp_(0, 1)


def _matrix(like: Tensor, rows: list[Tensor | float], columns: list[Tensor | float]) -> Tensor:
    """float32 (N, 2, 3) as `transform` takes it: where a pixel is read, from (row, column, 1) about the center."""
    both = [[torch.as_tensor(one, dtype=like.dtype, device=like.device).expand_as(like) for one in line]
            for line in (rows, columns)]  # fmt: skip
    return torch.stack([torch.stack(line, 1) for line in both], 1)


def _shear_x(pixels: Tensor, level: float, sign: Tensor) -> Tensor:
    """By up to 0.3 of a pixel a row, the upper edge staying where it is."""
    slope = 0.3 * level * sign
    return _moved(pixels, _matrix(sign, [1, 0, 0], [slope, 1, slope * pixels.shape[2] / 2]))


def _shear_y(pixels: Tensor, level: float, sign: Tensor) -> Tensor:
    slope = 0.3 * level * sign
    return _moved(pixels, _matrix(sign, [1, slope, slope * pixels.shape[3] / 2], [0, 1, 0]))


def _translate_x(pixels: Tensor, level: float, sign: Tensor) -> Tensor:
    """By up to 150/331 of the width, in whole pixels."""
    return _moved(pixels, _matrix(sign, [1, 0, 0], [0, 1, sign * int(level * 150 / 331 * pixels.shape[3])]))


def _translate_y(pixels: Tensor, level: float, sign: Tensor) -> Tensor:
    return _moved(pixels, _matrix(sign, [1, 0, sign * int(level * 150 / 331 * pixels.shape[2])], [0, 1, 0]))


def _rotate(pixels: Tensor, level: float, sign: Tensor) -> Tensor:
    """By up to 30 degrees."""
    angle = (30 * level * sign).deg2rad()
    return _moved(pixels, _matrix(sign, [angle.cos(), -angle.sin(), 0], [angle.sin(), angle.cos(), 0]))


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
