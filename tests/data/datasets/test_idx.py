"""The IDX format, against arrays written by hand."""

import numpy as np
import pytest

from assay.core.errors import DataError
from assay.data.datasets.idx import parse

HEADER = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3])


def test_elements_come_row_by_row():
    array = parse(HEADER + bytes(range(6)), 2)
    assert np.array_equal(array, [[0, 1, 2], [3, 4, 5]])
    assert array.dtype == np.uint8
    assert array.flags.writeable


@pytest.mark.parametrize(
    "content",
    [b"", HEADER[:7], b"\x1f\x8b" + HEADER, bytes([0, 0, 13, 2]) + HEADER[4:], HEADER + bytes(5), HEADER + bytes(7)],
    ids=["empty", "half a header", "gzip", "floats", "too short", "too long"],
)
def test_what_is_not_idx_is_refused(content):
    with pytest.raises(DataError, match="IDX file"):
        parse(content, 2)


def test_the_number_of_dimensions_must_be_the_expected_one():
    with pytest.raises(DataError, match="in 3 dimensions"):
        parse(HEADER + bytes(6), 3)
