"""What is noteworthy about a variant's runs: diverged, stuck at chance, or still improving at the end."""

from collections.abc import Sequence
from dataclasses import replace

from assay.core.finding import Finding, Severity
from assay.experiments.run import Run
from assay.experiments.run_findings import WORSE_THAN_GUESSING, chance_accuracy, is_at_chance, read_findings


def diagnose_runs(name: str, runs: Sequence[Run], complete_runs: Sequence[Run]) -> tuple[Finding, ...]:
    """The findings about the runs of a variant of that name, the most serious first."""
    diverged_runs = [run for run in runs if run.status.get("diverged")]
    if diverged_runs:
        return (_describe_divergence(name, diverged_runs),)
    worse = [finding for run in complete_runs for finding in read_findings(run) if finding.rule == WORSE_THAN_GUESSING]
    if complete_runs and len(worse) == len(complete_runs):
        return (replace(worse[0], message=f"{name}: {worse[0].message}"),)
    if complete_runs and all(is_stuck(run) for run in complete_runs):
        return (_describe_chance(name, complete_runs),)
    if complete_runs and all(is_still_improving(run) for run in complete_runs):
        return (_describe_improvement(name, complete_runs),)
    return ()


def is_stuck(run: Run) -> bool:
    """Whether a run is no better than always predicting the most frequent class, within the noise of n images."""
    return is_at_chance(run.results["validation"])


def is_still_improving(run: Run) -> bool:
    """Whether the last of several epochs was the best one."""
    return bool(run.status["best_epoch"] == run.recipe.training.epochs > 1)


def _describe_divergence(name: str, runs: Sequence[Run]) -> Finding:
    return Finding(
        "diverged",
        Severity.ERROR,
        f"{name}: {len(runs)} of its runs diverged",
        {"runs": [run.name for run in runs], "reasons": [run.status.get("reason") for run in runs]},
        cause="the loss stopped being a finite number",
        fix="lower the learning rate, add warmup, or set optimizer.clip_norm",
    )


def _describe_chance(name: str, runs: Sequence[Run]) -> Finding:
    return Finding(
        "stuck-at-chance",
        Severity.ERROR,
        f"{name}: no run does better than always predicting the most frequent class",
        {
            "accuracies": [run.results["validation"]["accuracy"] for run in runs],
            "chance": chance_accuracy(runs[0].results["validation"]),
            "n": runs[0].results["validation"]["n"],
        },
        cause="the net has not started to learn",
        fix="try another learning rate, and check the labels and the preprocessing",
    )


def _describe_improvement(name: str, runs: Sequence[Run]) -> Finding:
    epochs = runs[0].recipe.training.epochs
    return Finding(
        "still-improving",
        Severity.WARNING,
        f"{name}: the last epoch was the best one in every run",
        {"best_epochs": [run.status["best_epoch"] for run in runs], "epochs": epochs},
        cause="training ended too early",
        fix=f"set training.epochs above {epochs}",
    )
