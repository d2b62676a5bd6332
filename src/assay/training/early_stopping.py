"""Early stopping: which epoch is the best so far, and whether to stop. Pure functions of the history."""

from collections.abc import Sequence

from assay.recipes.schema import Stopping
from assay.training.history import Epoch


def validation_score(metric: str, row: Epoch) -> float | None:
    """The validation `accuracy` or `loss` of an epoch as a score: higher is better. None without validation."""
    if metric == "accuracy":
        return row.validation_accuracy
    return None if row.validation_loss is None else -row.validation_loss


def best_epoch(stopping: Stopping, history: Sequence[Epoch]) -> int:
    """The epoch, from 1, whose weights to keep: the first with the best score, or the last without validation."""
    scores = [score for row in history if (score := validation_score(stopping.metric, row)) is not None]
    if not scores or len(scores) < len(history) or not stopping.restore_best:
        return len(history)
    return scores.index(max(scores)) + 1


def is_out_of_patience(stopping: Stopping, history: Sequence[Epoch]) -> bool:
    """Whether the last `patience` epochs brought no better score."""
    if stopping.patience is None or not history:
        return False
    best = best_epoch(stopping.model_copy(update={"restore_best": True}), history)
    return len(history) - best >= stopping.patience
