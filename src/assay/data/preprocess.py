"""Preprocess: the one definition of how a pixel reaches the net, the same in every phase. No augmentation."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from assay.core.errors import DataError, UsageError
from assay.data.decode import Shape as Shape
from assay.data.decode import fit, read_picture
from assay.data.imageset import ImageSet
from assay.recipes.schema import MeanStd, Preprocessing

# scaled = gain * pixel + offset, for a pixel in [0, 1]
_SCALES: dict[str, tuple[float, float]] = {"unit": (1.0, 0.0), "centered": (1.0, -0.5), "signed": (2.0, -1.0)}


@dataclass(frozen=True)
class Preprocess:
    """Resize, crop, scale, normalize, in this order; a plain value that is stored with the run.

    source_shape is that of the images it was made for; mean and std, one number a channel, are in units of the scaled
    pixels and absent when the recipe does not normalize. color: gray images become three equal channels.
    """

    source_shape: Shape
    resize: int | None = None
    crop: int | None = None
    scale: Literal["unit", "centered", "signed"] = "unit"
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    color: bool = False

    @classmethod
    def fit(cls, spec: Preprocessing, images: ImageSet, *, color: bool = False) -> "Preprocess":
        """What the recipe asks for, with "train" resolved to the mean and standard deviation of these images.

        color: for a net that takes nothing else. Raises UsageError for a crop larger than the image, a wrong number of
        constants, or a channel that never varies.
        """
        plain = replace(cls.sized(spec, images.shape), color=color and images.shape[0] == 1)
        plain._check_crop()
        if spec.normalize == "none":
            return plain
        if isinstance(spec.normalize, MeanStd):
            mean, std = spec.normalize.mean, spec.normalize.std
        else:
            mean, std = plain._statistics(images)
        for name, values in (("mean", mean), ("std", std)):
            if len(values) != plain.shape[0]:
                raise UsageError(
                    f"{len(values)} values for images of {plain.shape[0]} channel(s)", at=("normalize", name)
                )
        return replace(plain, mean=mean, std=std)

    @classmethod
    def sized(cls, spec: Preprocessing, shape: Shape) -> "Preprocess":
        """All of it but mean and std, for images of that shape. Raises UsageError for "net" without a net's numbers."""
        if isinstance(spec.resize, str) or isinstance(spec.crop, str) or spec.normalize == "net":
            raise UsageError("'net' is for a pretrained net, given by its name")
        return cls(shape, spec.resize, spec.crop, spec.scale, interpolation=spec.interpolation)

    @property
    def shape(self) -> Shape:
        """(C, H, W) that reaches the net."""
        height, width = (self.crop, self.crop) if self.crop else self._resized()
        return 3 if self.color else self.source_shape[0], height, width

    def __call__(self, batch: Tensor) -> Tensor:
        """uint8 (N, C, H, W) to what the net sees: float32 (N, *shape)."""
        return self.normalize(self.pixels(batch))

    def pixels(self, batch: Tensor) -> Tensor:
        """Resize and crop: uint8 (N, C, H, W) to float32 (N, *shape) in [0, 1]. Augmentation happens on these."""
        pixels = batch.to(torch.float32).div_(255)
        size = self._resized()
        if size != tuple(pixels.shape[2:]):
            pixels = functional.interpolate(pixels, size, mode=self.interpolation, antialias=True).clamp_(0, 1)
        if pixels.shape[1] != self.shape[0]:
            pixels = pixels.expand(-1, self.shape[0], -1, -1)
        if not self.crop:
            return pixels
        top, left = (round((side - self.crop) / 2) for side in size)  # odd margins as torchvision and timm halve them
        return pixels[:, :, top : top + self.crop, left : left + self.crop]

    def normalize(self, pixels: Tensor) -> Tensor:
        """Scale and normalize: float32 in [0, 1] to float32, (gain * pixel + offset - mean) / std in one pass."""
        gain, offset = _SCALES[self.scale]
        if self.mean is None or self.std is None:
            return pixels if self.scale == "unit" else pixels * gain + offset
        gains = [gain / std for std in self.std]
        offsets = [(offset - mean) / std for mean, std in zip(self.mean, self.std, strict=True)]
        return pixels * _per_channel(gains, pixels) + _per_channel(offsets, pixels)

    def picture(self, image: Image.Image) -> Tensor:
        """Any picture, turned into what a source would have given: uint8 (1, *source_shape).

        See `decode.fit`. Raises DataError for pixels that are not colors.
        """
        return torch.from_numpy(fit(image, self.source_shape))[None]

    def file(self, path: Path) -> Tensor:
        """The same of an image file, decoded as those of a folder are: uint8 (1, *source_shape). Raises DataError."""
        return torch.from_numpy(read_picture(path, self.source_shape).pixels)[None]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The Preprocess that `to_dict` wrote down, also after a trip through JSON. Raises DataError."""
        plain: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
        try:
            return cls(**plain)
        except TypeError as error:
            raise DataError(f"not a stored preprocess: {error}") from error

    def _resized(self) -> tuple[int, int]:
        """(H, W) once the shorter side is `resize` pixels."""
        height, width = self.source_shape[1:]
        if not self.resize:
            return height, width
        factor = self.resize / min(height, width)
        return round(height * factor), round(width * factor)

    def _check_crop(self) -> None:
        height, width = self._resized()
        if self.crop and self.crop > min(height, width):
            raise UsageError(f"a crop of {self.crop} px does not fit into {height} x {width} px", at=("crop",))

    def _statistics(self, images: ImageSet) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and (population) standard deviation of each channel of the scaled images, summed in float64."""
        total = torch.zeros(2, self.shape[0], dtype=torch.float64)
        count = len(images) * self.shape[1] * self.shape[2]
        for indices in torch.arange(len(images)).split(1000):  # type: ignore[no-untyped-call]
            scaled = self.normalize(self.pixels(images.take(indices))).double()
            total += torch.stack([scaled.sum((0, 2, 3)), scaled.square().sum((0, 2, 3))])
        mean, mean_square = total / max(1, count)
        std = (mean_square - mean.square()).clamp_min(0).sqrt()
        for channel, value in enumerate(std.tolist()):
            if value < 1e-6:  # a gray level is 4e-3, so this is rounding and no picture
                raise UsageError(
                    f"channel {channel} of {images.source} never varies, so it has no std", at=("normalize",)
                )
        return tuple(mean.tolist()), tuple(std.tolist())


def _per_channel(values: list[float], like: Tensor) -> Tensor:
    return torch.tensor(values, dtype=torch.float32, device=like.device).view(1, -1, 1, 1)
