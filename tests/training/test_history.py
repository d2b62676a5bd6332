"""The history comes back from its CSV file exactly, and nothing else passes for one."""

import csv
import io

import pytest

from assay.training.history import Epoch, from_csv, to_csv

ROWS = [
    Epoch(1, 0.1 + 0.2, 0.05, 1 / 3, 0.5, None, None, 1e5),
    Epoch(2, 12.0, 5e-324, 1e308, 1.0, 0.25, 0.75, 123456.789),
]


def test_every_digit_comes_back():
    assert from_csv(to_csv(ROWS)) == ROWS
    assert from_csv(to_csv([])) == []


def test_the_columns_are_named_for_people_and_what_was_not_measured_is_empty():
    header, first, _ = csv.reader(io.StringIO(to_csv(ROWS)))
    assert header == [
        "epoch", "seconds", "lr", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy",
        "images_per_second",
    ]  # fmt: skip
    assert first[5:7] == ["", ""]


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", to_csv(ROWS).replace("seconds,", "", 1), to_csv(ROWS) + "x,y\n"])
def test_anything_else_is_refused(text):
    with pytest.raises((ValueError, TypeError)):
        from_csv(text)
