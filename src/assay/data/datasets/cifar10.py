"""CIFAR-10: 32 x 32 color photos (Krizhevsky 2009), as Python pickles or in the binary edition.

Both editions hold the same images in the same order. The MD5s of the binary files were computed from the verified
Python files (label byte, then pixels, record by record).
"""

import io
import pickle
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import DataError
from assay.data.datasets.dataset import Arrays, DownloadMirror, Edition, File, NamedDataset
from assay.data.datasets.registry import dataset

_SHAPE = (3, 32, 32)
_PIXELS = 3 * 32 * 32


def decode_pickles(contents: Sequence[bytes]) -> Arrays:
    """Decode the Python edition: uint8 (N, 3, 32, 32) and int64 (N,). Raises DataError for any other pickle."""
    batches = [unpickle(content) for content in contents]
    images = np.concatenate([batch[b"data"] for batch in batches]).reshape(-1, *_SHAPE)
    return images, np.concatenate([np.asarray(batch[b"labels"], np.int64) for batch in batches])


def decode_records(contents: Sequence[bytes]) -> Arrays:
    """Decode the binary edition: records of one label byte and 3072 pixel bytes (red, green, blue planes)."""
    records = np.concatenate([np.frombuffer(content, np.uint8).reshape(-1, 1 + _PIXELS) for content in contents])
    return np.ascontiguousarray(records[:, 1:]).reshape(-1, *_SHAPE), records[:, 0].astype(np.int64)


def unpickle(content: bytes) -> Any:
    """Load a CIFAR pickle. Raises DataError if it asks for any code besides the three names that CIFAR needs."""
    try:
        return _Unpickler(io.BytesIO(content), encoding="bytes").load()
    except DataError:
        raise
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise DataError(f"not a readable CIFAR pickle: {error}") from error


class _Unpickler(pickle.Unpickler):
    """Resolves three names, each to a narrow stand-in of ours, and refuses all others."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _STAND_INS:
            raise DataError(f"the pickle asks for {module}.{name}, which no CIFAR file needs; it was not run")
        return _STAND_INS[module, name]


def _empty_array(*_: object) -> NDArray[np.uint8]:
    """Stands in for numpy's `_reconstruct`; the pickle then fills the array through its state."""
    return np.empty(0, np.uint8)


def _uint8(*code: object) -> np.dtype[np.uint8]:
    """Stands in for `numpy.dtype`; CIFAR's arrays are bytes, so nothing else is allowed."""
    if code[0] != b"u1":
        raise DataError(f"the pickle holds an array of {code[0]!r}, not of bytes")
    return np.dtype(np.uint8, copy=True)  # a copy, because the pickle then sets its state


_STAND_INS: dict[tuple[str, str], Callable[..., Any] | str] = {
    ("numpy.core.multiarray", "_reconstruct"): _empty_array,
    ("numpy", "ndarray"): "ndarray",  # only passed to _reconstruct, so a string is enough
    ("numpy", "dtype"): _uint8,
}

CIFAR10 = dataset(
    NamedDataset(
        name="cifar10",
        class_names=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        shape=_SHAPE,
        counts={"train": 50_000, "test": 10_000},
        editions=(
            Edition(
                folders=("cifar-10-batches-py",),
                files={
                    "train": (
                        File("data_batch_1", 31_035_704, "c99cafc152244af753f735de768cd75f"),
                        File("data_batch_2", 31_035_320, "d4bba439e000b95fd0a9bffe97cbabec"),
                        File("data_batch_3", 31_035_999, "54ebc095f3ab1f0389bbae665268c751"),
                        File("data_batch_4", 31_035_696, "634d18415352ddfa80567beed471001a"),
                        File("data_batch_5", 31_035_623, "482c414d41f54cd18b22e5b47cb7c3cb"),
                    ),
                    "test": (File("test_batch", 31_035_526, "40351d587109b95175f43aff81a1287e"),),
                },
                decode=decode_pickles,
            ),
            Edition(
                folders=("cifar-10-batches-bin",),
                files={
                    "train": (
                        File("data_batch_1.bin", 30_730_000, "5dd7e06a14cb22eb9f671a540d1b7c25"),
                        File("data_batch_2.bin", 30_730_000, "5ea93a67294ea407fff1d09f752e9692"),
                        File("data_batch_3.bin", 30_730_000, "942cd6a4bcdd0dd3c604fbe906cb4421"),
                        File("data_batch_4.bin", 30_730_000, "ae636b3ba5c66a11e91e8cb52e771fcb"),
                        File("data_batch_5.bin", 30_730_000, "53f37980c15c3d472c316c40844f3f0d"),
                    ),
                    "test": (File("test_batch.bin", 30_730_000, "803d5f7f4d78ea53de84dbe85f74fb6d"),),
                },
                decode=decode_records,
            ),
        ),
        mirror=DownloadMirror(
            "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
            archive_size=170_498_071,
            archive_md5="c58f30108f718f92721af3b95e74349a",
        ),
    )
)
