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
from assay.data.image_checks import check_class_names, check_fits, check_labels, check_pixels

ImageShape = tuple[int, int, int]  # (C, H, W)


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images with their labels, class names and source.

    images: uint8 (N, C, H, W), C = 1 (gray) or 3 (RGB); labels: int64 (N,), each in [0, number of classes).
    Both arrays are contiguous in memory; others are copied. digest: a hash of the content, if the creator has one; see
    `fingerprint`. Raises DataError if the fields do not fit together.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    source: str  # such as "cifar10/train"
    digest: str = ""

    def __post_init__(self) -> None:
        """Check that the fields fit together. Arrays with other strides, such as BGR turned to RGB, are copied."""
        check_class_names(self.class_names, self.source)
        check_pixels(self.images, self.source)
        check_labels(self.labels, len(self.images), self.class_names, self.source)
        object.__setattr__(self, "class_names", tuple(self.class_names))  # the dataclass is frozen
        for name in ("images", "labels"):  # torch takes no negative strides
            array = getattr(self, name)
            if not array.flags.c_contiguous:
                object.__setattr__(self, name, np.ascontiguousarray(array))

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

    def check_fits(self, shape: ImageShape, class_names: tuple[str, ...]) -> None:
        """Check that a net of images of this shape (C, H, W) and these classes can be evaluated on these images.

        Classes may come in another order, or be fewer. Raises UsageError where shape or classes do not fit, DataError
        if there are no images.
        """
        check_fits(self.source, (self.shape, self.class_names), (shape, class_names))
        if not len(self):
            raise DataError(f"{self.source}: there are no images to evaluate on")

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
