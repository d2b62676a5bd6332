"""The ImageSet: labeled images as one uint8 array, whatever they came from. No decoding, no preprocessing."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from assay.core.errors import DataError

ImageShape = tuple[int, int, int]  # (C, H, W)


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images with labels, class names and where they came from.

    images: uint8 (N, C, H, W), C = 1 (gray) or 3 (RGB); labels: int64 (N,), each in [0, number of classes).
    digest: stands for the content where its maker knows one.
    Raises DataError when these do not fit together.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    source: str  # such as "cifar10/train"
    digest: str = ""

    def __post_init__(self) -> None:
        """Check shapes, dtypes and the range of the labels."""
        if self.images.dtype != np.uint8 or self.images.ndim != 4 or self.images.shape[1] not in (1, 3):
            raise DataError(
                f"{self.source}: images must be uint8 (N, C, H, W) with 1 or 3 channels, "
                f"not {self.images.dtype} {self.images.shape}"
            )
        if self.labels.dtype != np.int64 or self.labels.shape != self.images.shape[:1]:
            raise DataError(
                f"{self.source}: labels must be int64 ({len(self.images)},), "
                f"not {self.labels.dtype} {self.labels.shape}"
            )
        if len(self.labels) and not 0 <= self.labels.min() <= self.labels.max() < len(self.class_names):
            raise DataError(
                f"{self.source}: labels run from {self.labels.min()} to {self.labels.max()}, "
                f"but there are {len(self.class_names)} class names"
            )

    def __len__(self) -> int:
        """The number of images."""
        return len(self.images)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        channels, height, width = self.images.shape[1:]
        return channels, height, width

    def subset(self, indices: NDArray[np.int64] | Sequence[int]) -> "ImageSet":
        """The images at these indices, in this order: copied, or of a memory map read when they are wanted."""
        chosen = np.asarray(indices, dtype=np.int64)
        if isinstance(self.images, np.memmap):
            return _Mapped(self, chosen)
        return ImageSet(self.images[chosen], self.labels[chosen], self.class_names, self.source)

    def take(self, indices: Tensor) -> Tensor:
        """Copies of the images at these indices, int64 (n,) on the CPU: uint8 (n, C, H, W)."""
        return torch.from_numpy(self.images).index_select(0, indices)

    def relabeled(self, class_names: tuple[str, ...]) -> "ImageSet":
        """The same images, labeled by these class names, which hold all of its own in any order."""
        if class_names == self.class_names:
            return self
        places = np.array([class_names.index(name) for name in self.class_names], np.int64)
        digest = self.digest and hashlib.sha256(repr((self.digest, class_names)).encode()).hexdigest()
        return replace(self, labels=places[self.labels], class_names=class_names, digest=digest)

    def class_counts(self) -> NDArray[np.int64]:
        """Images of each class, int64 (classes,)."""
        return np.bincount(self.labels, minlength=len(self.class_names)).astype(np.int64)

    @cached_property
    def fingerprint(self) -> str:
        """The digest if there is one, else SHA-256 over shape, pixels and labels: in hexadecimal."""
        if self.digest:
            return self.digest
        digest = hashlib.sha256(repr(self.images.shape).encode())
        digest.update(np.ascontiguousarray(self.images).data)
        digest.update(np.ascontiguousarray(self.labels).data)
        return digest.hexdigest()


class _Mapped(ImageSet):
    """Some images of a memory-mapped set, which need no memory of their own until somebody asks for `images`."""

    def __init__(self, whole: ImageSet, rows: NDArray[np.int64]) -> None:
        self.__dict__.update(whole=whole, rows=rows, labels=whole.labels[rows], class_names=whole.class_names)
        self.__dict__.update(source=whole.source, digest="")

    whole: ImageSet
    rows: NDArray[np.int64]

    @cached_property
    def images(self) -> NDArray[np.uint8]:
        return np.asarray(self.whole.images)[self.rows]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.whole.shape

    def subset(self, indices: NDArray[np.int64] | Sequence[int]) -> ImageSet:
        return self.whole.subset(self.rows[np.asarray(indices, dtype=np.int64)])

    def take(self, indices: Tensor) -> Tensor:
        return self.whole.take(torch.from_numpy(self.rows)[indices])

    def relabeled(self, class_names: tuple[str, ...]) -> ImageSet:
        return self if class_names == self.class_names else _Mapped(self.whole.relabeled(class_names), self.rows)

    @cached_property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.whole.fingerprint.encode() + self.rows.tobytes()).hexdigest()
