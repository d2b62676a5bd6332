"""Which epoch was the best so far, and whether to give up: pure functions of the history."""

from collections.abc import Sequence

from assay.recipes.schema import Stopping
from assay.training.history import Epoch


def best_epoch(stopping: Stopping, history: Sequence[Epoch]) -> int:
    """The epoch (from 1) whose weights to keep: the first best by validation, or the last without validation."""
    scores = [_score(stopping, row) for row in history]
    if not history or scores[-1] is None or not stopping.restore_best:
        return len(history)
    return max(range(len(scores)), key=lambda i: scores[i] or 0.0) + 1


def should_stop(stopping: Stopping, history: Sequence[Epoch]) -> bool:
    """Whether `patience` epochs have passed without a better value."""
    if stopping.patience is None or not history:
        return False
    best = best_epoch(stopping.model_copy(update={"restore_best": True}), history)
    return len(history) - best >= stopping.patience


def _score(stopping: Stopping, row: Epoch) -> float | None:
    """Higher is better."""
    if stopping.metric == "accuracy":
        return row.validation_accuracy
    return None if row.validation_loss is None else -row.validation_loss
