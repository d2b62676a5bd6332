"""A run that ended worse than guessing is said to have; one that only has not learned yet is not."""

import pytest

from assay.core.finding import Severity
from assay.experiments.run import Run
from assay.experiments.run_findings import find_worse_than_guessing, read_findings
from assay.training.history import Epoch

QUIET = ("--threads", 1, "--no-mlflow")


def scores(loss: float, accuracy: float = 0.1) -> dict:
    """An entry of results.json for 1,000 images of ten equally frequent classes."""
    return {
        "data": "toy/validation", "n": 1000, "accuracy": accuracy, "loss": loss, "per_class": [{"n": 100}] * 10,
    }  # fmt: skip


def history(*losses: float) -> list[Epoch]:
    return [Epoch(i, 1.0, 0.1, 2.0, 0.1, loss, 0.1, 100.0) for i, loss in enumerate(losses, 1)]


@pytest.mark.parametrize("losses", [(5e9, 1.1e10), (9e11, 1.1e10), (1.1e10,)], ids=["rising", "falling", "one epoch"])
def test_an_exploded_loss_at_chance_is_worse_than_guessing(recipe, losses):
    finding = find_worse_than_guessing(recipe, history(*losses), scores(1.1e10))
    assert "loss 1.1e+10 on 1,000 images of toy/validation, where guessing has ln 10 = 2.30" in finding.message
    assert "accuracy at chance (10.00 %)" in finding.message
    assert "lower optimizer.lr, now 0.05" in str(finding)
    assert "\n" not in str(finding)


@pytest.mark.parametrize(
    ("losses", "loss", "accuracy"),
    [
        ((2.30, 2.31), 2.31, 0.1),  # a net that has learned nothing: ln 10 = 2.3026
        ((4.0, 3.0), 3.0, 0.1),  # one that starts with a large loss and brings it down
        ((1.0, 9.0), 9.0, 0.6),  # one that is too sure of itself, and right more often than chance
        ((1.0, 0.5), 0.5, 0.8),
    ],
    ids=["untrained", "falling", "overconfident", "good"],
)
def test_other_runs_are_not(recipe, losses, loss, accuracy):
    assert find_worse_than_guessing(recipe, history(*losses), scores(loss, accuracy)) is None


def test_chance_is_that_of_the_most_frequent_class(recipe):
    entry = {**scores(9.0, 0.9), "per_class": [{"n": 900}, {"n": 100}]}
    assert find_worse_than_guessing(recipe, history(1.0, 9.0), entry) is not None


def test_a_learning_rate_of_a_million_is_said_at_the_end_of_the_run(bars_folder, assay):
    changes = ("optimizer.lr=1e6", "optimizer.momentum=0", "model.layers=[flatten, linear 16, relu, linear 3]")
    done = assay("train", "bars.yaml", *changes, *QUIET)
    assert done.code == 0
    (line,) = [line for line in done.out.splitlines() if "worse than guessing" in line]
    assert "lower optimizer.lr, now 1e+06" in line
    (finding,) = read_findings(Run.find("latest"))
    assert (finding.rule, finding.severity) == ("worse-than-guessing", Severity.ERROR)
    assert str(finding) in assay("runs", "show", "latest").out


def test_a_run_that_learned_has_no_finding(bars_run):
    assert read_findings(bars_run) == ()
    assert "findings" not in bars_run.status
