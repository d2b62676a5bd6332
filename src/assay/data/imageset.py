"""The ImageSet: labeled images from any source as one uint8 array, before preprocessing."""

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
    """Images with their labels, class names and source.

    images: uint8 (N, C, H, W), C = 1 (gray) or 3 (RGB); labels: int64 (N,), each in [0, number of classes).
    digest: a hash of the content, if the creator has one; see `fingerprint`.
    Raises DataError if the fields do not fit together.
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
    def shape(self) -> ImageShape:
        """(C, H, W) of one image."""
        channels, height, width = self.images.shape[1:]
        return channels, height, width

    def subset(self, indices: NDArray[np.int64] | Sequence[int]) -> "ImageSet":
        """The images at these indices, in this order. They are copied, or read on demand from a memory map."""
        rows = np.asarray(indices, dtype=np.int64)
        if isinstance(self.images, np.memmap):
            return _MappedSubset(self, rows)
        return ImageSet(self.images[rows], self.labels[rows], self.class_names, self.source)

    def take(self, indices: Tensor) -> Tensor:
        """Copies of the images at these indices, int64 (n,) on the CPU: uint8 (n, C, H, W)."""
        return torch.from_numpy(self.images).index_select(0, indices)

    def with_class_names(self, class_names: tuple[str, ...]) -> "ImageSet":
        """The same images with labels that refer to `class_names`, a superset of the present names in any order."""
        if class_names == self.class_names:
            return self
        positions = np.array([class_names.index(name) for name in self.class_names], np.int64)
        digest = self.digest and hashlib.sha256(repr((self.digest, class_names)).encode()).hexdigest()
        return replace(self, labels=positions[self.labels], class_names=class_names, digest=digest)

    def class_counts(self) -> NDArray[np.int64]:
        """The number of images of each class, int64 (classes,)."""
        return np.bincount(self.labels, minlength=len(self.class_names)).astype(np.int64)

    @cached_property
    def fingerprint(self) -> str:
        """The digest if there is one, else the SHA-256 of shape, pixels and labels, in hexadecimal."""
        if self.digest:
            return self.digest
        digest = hashlib.sha256(repr(self.images.shape).encode())
        digest.update(np.ascontiguousarray(self.images).data)
        digest.update(np.ascontiguousarray(self.labels).data)
        return digest.hexdigest()


class _MappedSubset(ImageSet):
    """Some images of a memory-mapped set. They take no memory until you ask for `images`."""

    whole: ImageSet
    rows: NDArray[np.int64]

    def __init__(self, whole: ImageSet, rows: NDArray[np.int64]) -> None:
        # not ImageSet's own __init__: it would need `images`, which this class reads on demand
        values = {
            "whole": whole, "rows": rows, "labels": whole.labels[rows], "class_names": whole.class_names,
            "source": whole.source, "digest": "",
        }  # fmt: skip
        for name, value in values.items():
            object.__setattr__(self, name, value)  # the dataclass is frozen

    @cached_property
    def images(self) -> NDArray[np.uint8]:
        return np.asarray(self.whole.images)[self.rows]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def shape(self) -> ImageShape:
        return self.whole.shape

    def subset(self, indices: NDArray[np.int64] | Sequence[int]) -> ImageSet:
        return self.whole.subset(self.rows[np.asarray(indices, dtype=np.int64)])

    def take(self, indices: Tensor) -> Tensor:
        return self.whole.take(torch.from_numpy(self.rows)[indices])

    def with_class_names(self, class_names: tuple[str, ...]) -> ImageSet:
        if class_names == self.class_names:
            return self
        return _MappedSubset(self.whole.with_class_names(class_names), self.rows)

    @cached_property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.whole.fingerprint.encode() + self.rows.tobytes()).hexdigest()
