"""Predictions: the logits of one run for every image of one data set. Metrics, tables and figures are made from these.

Numbers computed from them are in `metrics`, `confusion` and `error_analysis`.
"""

import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from assay.core.errors import DataError
from assay.core.files import atomic_save


@dataclass(frozen=True, eq=False)
class Predictions:
    """Logits, true labels and image indices.

    logits: float32 (N, K), before softmax; labels: int64 (N,), each in [0, K); indices: int64 (N,), position of each
    image in its data set; class_names: K names; data: name of the set, "fashion-mnist/test". Raises DataError when
    these do not fit together, or a logit is not finite.
    """

    logits: NDArray[np.float32]
    labels: NDArray[np.int64]
    indices: NDArray[np.int64]
    class_names: tuple[str, ...]
    data: str

    def __post_init__(self) -> None:
        """Check dtypes and shapes, the range of the labels, and that all logits are finite."""
        n, classes = len(self.labels), len(self.class_names)
        for name, array, dtype, shape in (
            ("labels", self.labels, np.int64, (n,)),
            ("indices", self.indices, np.int64, (n,)),
            ("logits", self.logits, np.float32, (n, classes)),
        ):
            if array.dtype != dtype or array.shape != shape:
                form = f"{np.dtype(dtype)} {shape}, not {array.dtype} {array.shape}"
                raise DataError(f"predictions on {self.data}: {name} must be {form}")
        if n == 0:
            raise DataError(f"predictions on {self.data}: there are no images")
        if not 0 <= self.labels.min() <= self.labels.max() < classes:
            low, high = self.labels.min(), self.labels.max()
            raise DataError(
                f"predictions on {self.data}: labels run from {low} to {high}, but there are {classes} classes"
            )
        finite = np.isfinite(self.logits).all(axis=1)
        if not finite.all():
            first, remainder = self.indices[finite.argmin()], n - finite.sum() - 1
            raise DataError(
                f"predictions on {self.data}: the logits of image {first} are not finite numbers, nor are those of "
                f"{remainder} others; the weights are damaged, or the training diverged"
            )

    def __len__(self) -> int:
        """The number of images."""
        return len(self.labels)

    @cached_property
    def probabilities(self) -> NDArray[np.float64]:
        """Softmax of the logits in double precision, float64 (N, K)."""
        probabilities: NDArray[np.float64] = softmax(self.logits.astype(np.float64), axis=1)
        return probabilities

    @cached_property
    def predicted(self) -> NDArray[np.int64]:
        """Class with the largest logit, the first one on a tie, int64 (N,)."""
        classes: NDArray[np.int64] = self.logits.argmax(axis=1).astype(np.int64)
        return classes

    def save(self, path: Path) -> None:
        """Write an .npz file, whole or not at all. Raises AssayError."""

        def write(temporary: Path) -> None:
            with temporary.open("wb") as file:  # numpy would add a suffix to a name
                np.savez(file, logits=self.logits, labels=self.labels, indices=self.indices,
                         class_names=np.array(self.class_names), data=np.array(self.data))  # fmt: skip

        atomic_save(path, write)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote. Raises DataError when the file is missing, damaged or something else."""
        try:
            arrays = _read(path)
            names = tuple(str(name) for name in arrays["class_names"])
            return cls(arrays["logits"], arrays["labels"], arrays["indices"], names, str(arrays["data"]))
        except FileNotFoundError:
            raise DataError(f"no predictions at {path}; make them with `assay evaluate`") from None
        except DataError as error:
            raise DataError(f"{path}: {error}") from error
        except Exception as error:  # a damaged file fails in as many ways as zip and npy have fields
            raise DataError(
                f"{path} is not a whole predictions file ({error}); make it again with `assay evaluate`"
            ) from error


def _read(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of an .npz file. It must not be compressed, so that a small file cannot unpack to a huge one."""
    with zipfile.ZipFile(path) as archive:
        if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
            raise ValueError("it is compressed, and assay's own are not")
        if archive.testzip() is not None:
            raise ValueError("a checksum does not match")
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in ("logits", "labels", "indices", "class_names", "data")}
