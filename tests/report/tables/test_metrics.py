"""Tables of metrics as they come out on a terminal."""

from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console
from rich.table import Table

from assay.evaluation.metrics import Metrics, compute_metrics
from assay.evaluation.overlap import Overlap, Subset
from assay.evaluation.predictions import Predictions
from assay.report.tables.metrics import accuracy_cell, metrics_table, overlap_notes, per_class_table


def measured(n: int, correct: int, classes: int = 10, data: str = "toy/test") -> Metrics:
    labels = np.arange(n) % (classes - 1)
    answers = np.where(np.arange(n) < correct, labels, (labels + 1) % (classes - 1))
    names = tuple(f"[class {i}]" for i in range(classes))
    return compute_metrics(Predictions(np.eye(classes, dtype=np.float32)[answers], labels, np.arange(n), names, data))


def printed(table: Table) -> str:
    console = Console(width=140, force_terminal=False)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def test_metrics_stand_beside_each_other_for_each_set():
    text = printed(metrics_table([measured(100, 90, data="toy/validation"), measured(200, 150)]))
    assert "toy/validation" in text
    assert "90.00 % [82.56, 94.48]" in text
    assert "75.00 % [68.57, 80.49]" in text
    assert next(row for row in text.splitlines() if "images (n)" in row).split("│")[2:4] == [
        "                    100 ",
        "                    200 ",
    ]
    assert "top-5 accuracy" in text
    assert text.count("macro F1") == 2


def test_a_metric_that_one_set_lacks_is_a_dash():
    rows = printed(metrics_table([measured(10, 5, classes=3), measured(10, 5)])).splitlines()
    assert "–" in next(row for row in rows if "top-3" in row)


def test_every_class_has_a_row_and_an_absent_one_has_dashes():
    rows = printed(per_class_table(measured(90, 80))).splitlines()
    assert sum("[class " in row for row in rows) == 10
    assert next(row for row in rows if "[class 9]" in row).count("–") == 3


@pytest.fixture
def overlapping() -> Metrics:
    """Sixty images: 40 were used in training, and 12 of the other 20 are right."""
    rest = Subset.of(np.arange(20) < 12)
    return replace(measured(60, 52), overlap=Overlap(60, train=40, new_images=rest))


def colored(overlapping, **options) -> str:
    console = Console(width=140, force_terminal=True, highlight=False, **options)
    with console.capture() as capture:
        console.print(metrics_table([overlapping]))
        console.print(accuracy_cell(overlapping))
        console.print(*overlap_notes([overlapping]))
    return capture.get()


def test_training_images_among_the_scored_ones_are_named_in_red(overlapping):
    text = colored(overlapping, color_system="standard")
    assert text.count("\x1b[1;31m[USED IN TRAINING: 40 of 60 images]") == 3


def test_there_is_no_red_where_color_is_not_wanted(overlapping, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    text = colored(overlapping)
    assert "31m" not in text
    assert text.count("[USED IN TRAINING: 40 of 60 images]") == 3


def test_the_accuracy_on_new_images_has_a_row_of_its_own(overlapping):
    rows = printed(metrics_table([overlapping, measured(10, 5)])).splitlines()
    row = next(row for row in rows if "accuracy on new images" in row)
    assert "60.00 % [38.66, 78.12] (n = 20)" in row
    assert "–" in row
