"""Findings about a variant's runs: diverged, stuck at chance, still improving, and nothing."""

from dataclasses import asdict
from types import SimpleNamespace

from assay.core.finding import Finding, Severity
from assay.experiments.run_findings import WORSE_THAN_GUESSING
from assay.studies.diagnosis import diagnose_runs


def run(accuracy=0.9, best_epoch=2, epochs=3, **status):
    """A run on 90 validation images of three equally frequent classes."""
    scores = {"accuracy": accuracy, "n": 90, "per_class": [{"n": 30}] * 3}
    return SimpleNamespace(
        name="toy-s0",
        results={"validation": scores},
        status={"best_epoch": best_epoch, **status},
        recipe=SimpleNamespace(training=SimpleNamespace(epochs=epochs)),
    )


def diagnose(*runs):
    finished = [run for run in runs if not run.status.get("diverged")]
    return diagnose_runs("toy", runs, finished)


def test_good_runs_have_no_finding():
    assert diagnose(run(), run()) == ()


def test_one_diverged_run_is_a_finding_with_its_reason():
    (finding,) = diagnose(run(), run(diverged=True, reason="loss is nan"))
    assert (finding.rule, finding.severity) == ("diverged", Severity.ERROR)
    assert finding.evidence["reasons"] == ["loss is nan"]
    assert "lower the learning rate" in finding.fix


def test_stuck_at_chance_is_within_three_deviations_of_the_most_frequent_class():
    (finding,) = diagnose(run(0.48), run(0.33))  # 1/3 + 3 * sqrt(1/3 * 2/3 / 90) = 0.482
    assert finding.rule == "stuck-at-chance"
    assert finding.evidence["accuracies"] == [0.48, 0.33]
    assert diagnose(run(0.49), run(0.33)) == ()


def test_runs_that_are_all_worse_than_guessing_are_more_than_stuck():
    finding = Finding(WORSE_THAN_GUESSING, Severity.ERROR, "worse than guessing: loss 9e+09")
    lost = run(0.3, findings=[asdict(finding)])
    assert diagnose(lost, lost)[0].message == "toy: worse than guessing: loss 9e+09"
    assert [found.rule for found in diagnose(lost, run(0.3))] == ["stuck-at-chance"]


def test_still_improving_needs_every_run_and_more_than_one_epoch():
    (finding,) = diagnose(run(best_epoch=3), run(best_epoch=3))
    assert (finding.rule, finding.severity) == ("still-improving", Severity.WARNING)
    assert finding.fix == "set training.epochs above 3"
    assert diagnose(run(best_epoch=3), run(best_epoch=2)) == ()
    assert diagnose(run(best_epoch=1, epochs=1)) == ()
