"""What is wrong with a finished run, from its history and its results: for status.json, `runs show` and studies."""

from collections.abc import Mapping, Sequence
from math import log, sqrt
from typing import Any

from assay.core.finding import Finding, Severity
from assay.core.numbers import percent
from assay.experiments.fault_injection import Faults
from assay.experiments.run import Run
from assay.recipes.recipe import Recipe
from assay.training.history import Epoch

WORSE_THAN_GUESSING = "worse-than-guessing"  # the rule's name

CHANCE_DEVIATIONS = 3  # standard deviations above the accuracy of always predicting the most frequent class
LOSS_MARGIN = 1.05  # a net that has learned nothing yet has a loss of ln K, give or take less than this
FAR_ABOVE = 10.0  # times ln K: a loss that no longer says anything by falling


def read_findings(run: Run) -> tuple[Finding, ...]:
    """What was wrong with a run at its end, if anything, as its status.json has it."""
    return tuple(Finding.from_dict(values) for values in run.status.get("findings", ()))


def list_warnings(run: Run) -> list[str]:
    """What to show in red with a run's results, one line each: its injected faults and its findings."""
    faults = Faults(run.recipe).warning
    return [*([faults] if faults else []), *map(str, read_findings(run))]


def is_at_chance(scores: Mapping[str, Any]) -> bool:
    """Whether an entry of results.json is no better than always predicting the most frequent class, within noise."""
    chance, n = chance_accuracy(scores), scores["n"]
    return bool(scores["accuracy"] <= chance + CHANCE_DEVIATIONS * sqrt(chance * (1 - chance) / n))


def chance_accuracy(scores: Mapping[str, Any]) -> float:
    """The accuracy of always predicting the most frequent class of these images."""
    return float(max(label["n"] for label in scores["per_class"]) / scores["n"])


def find_worse_than_guessing(recipe: Recipe, history: Sequence[Epoch], scores: Mapping[str, Any]) -> Finding | None:
    """A finding if a run ended with accuracy at chance and a loss above that of guessing, which it did not bring down.

    The loss of guessing, with equal probabilities for K classes, is ln K. scores: the run's entry of results.json for
    its validation images, or for its test images if it has no others.
    """
    classes, loss = len(scores["per_class"]), float(scores["loss"])
    guess = log(classes)
    losses = [row.train_loss if row.validation_loss is None else row.validation_loss for row in history]
    has_risen = len(losses) < 2 or losses[-1] > min(losses[:-1]) or loss > FAR_ABOVE * guess
    if not (is_at_chance(scores) and loss > LOSS_MARGIN * guess and has_risen):
        return None
    message = (
        f"worse than guessing: loss {loss:.4g} on {scores['n']:,} images of {scores['data']}, where guessing has "
        f"ln {classes} = {guess:.2f}, and accuracy at chance ({percent(scores['accuracy'])})"
    )
    evidence = {"loss": loss, "guess": guess, "accuracy": scores["accuracy"], "n": scores["n"], "losses": losses}
    return Finding(
        WORSE_THAN_GUESSING,
        Severity.ERROR,
        message,
        evidence,
        cause="most often the learning rate is too high",
        fix=f"lower optimizer.lr, now {recipe.optimizer.lr:g}, add a warm-up, or set optimizer.clip_norm",
    )
