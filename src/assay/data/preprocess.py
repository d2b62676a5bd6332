"""Preprocess: the only definition of how a pixel reaches the net, the same in every phase. No augmentation."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from assay.core.errors import DataError, UsageError
from assay.data.decode import fit, read_image
from assay.data.imageset import ImageSet, ImageShape
from assay.recipes.schema import MeanStd, Preprocessing

# scaled = gain * pixel + offset, for a pixel in [0, 1]
_SCALES: dict[str, tuple[float, float]] = {"unit": (1.0, 0.0), "centered": (1.0, -0.5), "signed": (2.0, -1.0)}

_AMERICAN = {"colour": "color", "centred": "centered"}  # what version 0.1 stored


@dataclass(frozen=True)
class Preprocess:
    """Resize, crop, scale and normalize, in this order. A plain value that is stored with the run.

    source_shape: (C, H, W) of the images it was made for. mean, std: one number per channel, in units of the scaled
    pixels, or None if the recipe does not normalize. color: gray images become three equal channels.
    """

    source_shape: ImageShape
    resize: int | None = None
    crop: int | None = None
    scale: Literal["unit", "centered", "signed"] = "unit"
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    color: bool = False

    @classmethod
    def fit(cls, spec: Preprocessing, images: ImageSet, *, color: bool = False) -> "Preprocess":
        """The recipe's preprocessing, with "train" resolved to the mean and standard deviation of these images.

        color: make gray images RGB, for a net that needs it. Raises UsageError for a crop larger than the image, a
        wrong number of constants, or a constant channel.
        """
        plain = replace(cls.for_shape(spec, images.shape), color=color and images.shape[0] == 1)
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
    def for_shape(cls, spec: Preprocessing, shape: ImageShape) -> "Preprocess":
        """Everything but mean and std, for images of this shape. Raises UsageError if "net" is not yet resolved."""
        if isinstance(spec.resize, str) or isinstance(spec.crop, str) or spec.normalize == "net":
            raise UsageError("'net' is for a pretrained net, given by its name")
        return cls(shape, spec.resize, spec.crop, spec.scale, interpolation=spec.interpolation)

    @property
    def shape(self) -> ImageShape:
        """The shape (C, H, W) that reaches the net."""
        height, width = (self.crop, self.crop) if self.crop else self._size_before_crop()
        return 3 if self.color else self.source_shape[0], height, width

    def __call__(self, batch: Tensor) -> Tensor:
        """Turn uint8 (N, C, H, W) into the input of the net, float32 (N, *shape)."""
        return self.normalize(self.pixels(batch))

    def pixels(self, batch: Tensor) -> Tensor:
        """Resize and crop uint8 (N, C, H, W) to float32 (N, *shape) in [0, 1], the input of augmentation."""
        pixels = batch.to(torch.float32).div_(255)
        size = self._size_before_crop()
        if size != tuple(pixels.shape[2:]):
            pixels = functional.interpolate(pixels, size, mode=self.interpolation, antialias=True).clamp_(0, 1)
        if pixels.shape[1] != self.shape[0]:
            pixels = pixels.expand(-1, self.shape[0], -1, -1)
        if not self.crop:
            return pixels
        top, left = (round((side - self.crop) / 2) for side in size)  # halves odd margins like torchvision and timm
        return pixels[:, :, top : top + self.crop, left : left + self.crop]

    def normalize(self, pixels: Tensor) -> Tensor:
        """Scale and normalize float32 in [0, 1] in one pass: (gain * pixel + offset - mean) / std."""
        gain, offset = _SCALES[self.scale]
        if self.mean is None or self.std is None:
            return pixels if self.scale == "unit" else pixels * gain + offset
        gains = [gain / std for std in self.std]
        offsets = [(offset - mean) / std for mean, std in zip(self.mean, self.std, strict=True)]
        return pixels * _per_channel(gains, pixels) + _per_channel(offsets, pixels)

    def read_pil(self, image: Image.Image) -> Tensor:
        """Fit any PIL image to the shape of the data set, uint8 (1, *source_shape).

        See `decode.fit`. Raises DataError for pixels that are not colors.
        """
        return torch.from_numpy(fit(image, self.source_shape))[None]

    def read_file(self, path: Path) -> Tensor:
        """Decode an image file like those of a folder, uint8 (1, *source_shape). Raises DataError."""
        return torch.from_numpy(read_image(path, self.source_shape).pixels)[None]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The inverse of `to_dict`, also after a trip through JSON. Raises DataError.

        Reads the British words of version 0.1 too.
        """
        plain: dict[str, Any] = {_AMERICAN.get(key, key): _plain_value(value) for key, value in values.items()}
        try:
            return cls(**plain)
        except TypeError as error:
            raise DataError(f"not a stored preprocess: {error}") from error

    def _size_before_crop(self) -> tuple[int, int]:
        """(H, W) after the shorter side is resized to `resize` pixels."""
        height, width = self.source_shape[1:]
        if not self.resize:
            return height, width
        factor = self.resize / min(height, width)
        return round(height * factor), round(width * factor)

    def _check_crop(self) -> None:
        height, width = self._size_before_crop()
        if self.crop and self.crop > min(height, width):
            raise UsageError(f"a crop of {self.crop} px does not fit into {height} x {width} px", at=("crop",))

    def _statistics(self, images: ImageSet) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and population standard deviation of each channel of the scaled images, summed in float64."""
        total = torch.zeros(2, self.shape[0], dtype=torch.float64)
        count = len(images) * self.shape[1] * self.shape[2]
        for indices in torch.arange(len(images)).split(1000):  # type: ignore[no-untyped-call]
            pixels = self.normalize(self.pixels(images.take(indices))).double()
            total += torch.stack([pixels.sum((0, 2, 3)), pixels.square().sum((0, 2, 3))])
        mean, mean_square = total / max(1, count)
        std = (mean_square - mean.square()).clamp_min(0).sqrt()
        for channel, value in enumerate(std.tolist()):
            if value < 1e-6:  # a gray level is 4e-3, so this is rounding error
                raise UsageError(
                    f"channel {channel} of {images.source} never varies, so it has no std", at=("normalize",)
                )
        return tuple(mean.tolist()), tuple(std.tolist())


def _plain_value(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    return _AMERICAN.get(value, value) if isinstance(value, str) else value


def _per_channel(values: list[float], like: Tensor) -> Tensor:
    return torch.tensor(values, dtype=torch.float32, device=like.device).view(1, -1, 1, 1)
