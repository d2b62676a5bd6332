"""Which epoch is kept, and when a run gives up."""

import pytest

from assay.recipes.schema import Stopping
from assay.training.early_stopping import best_epoch, is_out_of_patience
from assay.training.history import Epoch


def history(accuracies: list[float | None], losses: list[float | None] | None = None) -> list[Epoch]:
    losses = losses or [None if a is None else 1 - a for a in accuracies]
    return [
        Epoch(i + 1, 1.0, 0.1, 1.0, 0.5, loss, a, 10.0)
        for i, (a, loss) in enumerate(zip(accuracies, losses, strict=True))
    ]


def test_the_first_best_epoch_is_kept():
    assert best_epoch(Stopping(), history([0.1, 0.7, 0.5, 0.7])) == 2


def test_loss_as_metric_prefers_the_lower():
    assert best_epoch(Stopping(metric="loss"), history([0.9, 0.8, 0.7], [2.0, 1.0, 3.0])) == 2


def test_without_validation_the_last_epoch_is_kept():
    assert best_epoch(Stopping(), history([None, None, None])) == 3


def test_restore_best_can_be_switched_off():
    assert best_epoch(Stopping(restore_best=False), history([0.9, 0.1])) == 2


@pytest.mark.parametrize(
    ("accuracies", "stops"), [([0.5], False), ([0.5, 0.4], False), ([0.5, 0.4, 0.5], True), ([0.5, 0.4, 0.6], False)]
)
def test_patience_counts_epochs_without_a_better_value(accuracies, stops):
    assert is_out_of_patience(Stopping(patience=2), history(accuracies)) is stops


def test_no_patience_never_stops():
    assert not is_out_of_patience(Stopping(), history([0.5] + [0.1] * 50))


def test_patience_works_without_restoring_the_best():
    assert is_out_of_patience(Stopping(patience=2, restore_best=False), history([0.5, 0.4, 0.3]))
