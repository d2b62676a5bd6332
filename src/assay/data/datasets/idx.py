"""The IDX format of MNIST and similar sets (LeCun, Cortes, Burges, http://yann.lecun.com/exdb/mnist/)."""

import math
import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import DataError
from assay.data.datasets.dataset import Arrays

_UINT8 = 0x08  # the only element type that these data sets use


def decode(contents: Sequence[bytes]) -> Arrays:
    """Turn (images file, labels file) into uint8 (N, 1, H, W) and int64 (N,). Raises DataError for anything but IDX."""
    images, labels = parse(contents[0], 3), parse(contents[1], 1)
    return images[:, None], labels.astype(np.int64)


def parse(content: bytes, dimensions: int) -> NDArray[np.uint8]:
    """Read an IDX file: two zero bytes, type, number of dimensions, big-endian uint32 sizes, elements."""
    header = 4 + 4 * dimensions
    if len(content) < header or content[:4] != bytes((0, 0, _UINT8, dimensions)):
        raise DataError(f"not an IDX file of bytes in {dimensions} dimensions")
    shape = struct.unpack(f">{dimensions}I", content[4:header])
    if len(content) - header != math.prod(shape):
        raise DataError(
            f"an IDX file that says {shape} must hold {math.prod(shape):,} bytes, not {len(content) - header:,}"
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape).copy()  # writable, as torch requires
