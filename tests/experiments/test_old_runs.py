"""Runs and a study stored by version 0.1 open, print, compare, predict and resume; nothing is trained twice."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from assay import compare, evaluate, load, resume
from assay.core.errors import UsageError
from assay.core.runtime import Runtime
from assay.experiments.replicates import find_group
from assay.experiments.run import Run, RunState, list_runs
from assay.recipes.loader import read_recipe
from assay.studies.results import collect_rows
from assay.studies.runner import study
from assay.studies.study import Study

FIXTURES = Path(__file__).parents[1] / "fixtures" / "runs-0.1"
CPU = Runtime("cpu", "fp32", threads=1)
FINISHED, REPLICATE, STOPPED = "bars/bars-54c2896a-s0", "bars/bars-54c2896a-s1", "bars/bars-cc09efea-s2"


@pytest.fixture
def old_runs(bars_folder: Path) -> Path:
    """The runs of version 0.1, copied into a working folder with their data set."""
    shutil.copytree(FIXTURES, bars_folder / "runs")
    return bars_folder / "runs"


@pytest.fixture
def old_recipe(old_runs):
    """The recipe of the finished runs, written anew."""
    changes = {"preprocess.scale": "centered", "preprocess.normalize": "train", "data.share": 0.2}
    return read_recipe("bars.yaml").override(changes)


def test_old_runs_are_listed_with_their_accuracies(old_runs, assay):
    done = assay("runs", "list")
    assert (done.code, done.err) == (0, "")
    assert done.out.count("finished") == 6
    assert done.out.count("stopped") == 1
    assert "damaged" not in done.out


@pytest.mark.parametrize("name", [FINISHED, STOPPED])
def test_an_old_run_is_shown(old_runs, assay, name):
    done = assay("runs", "show", name)
    assert (done.code, done.err) == (0, "")
    assert "optimizer:" in done.out


def test_an_old_recipe_reads_in_american_and_is_the_recipe_of_today(old_runs, old_recipe):
    run = Run.find(FINISHED)
    assert run.recipe == old_recipe
    assert run.recipe.hash == old_recipe.hash
    assert Run.find(STOPPED).recipe.faults == ("unnormalized-test",)
    assert Run.find(STOPPED).recipe.schedule.name == "piecewise"


def test_old_runs_are_found_by_their_recipe_whatever_the_hash_in_their_name(old_runs, old_recipe):
    assert [run.name for run in Run.all_of(old_recipe)] == [FINISHED]
    assert [run.name for run in Run.all_of(old_recipe.override({"seed": 1}))] == [REPLICATE]
    assert Run.all_of(old_recipe.override({"seed": 7})) == []


def test_old_results_keep_their_numbers(old_runs):
    run = Run.find(FINISHED)
    stored = run.results["test"]["accuracy"]
    assert evaluate(run, runtime=CPU)["accuracy"] == stored
    assert [look["by"] for look in run.looks] == ["train", "evaluate"]


def test_an_old_classifier_predicts(old_runs):
    classifier = load(Run.find(FINISHED), runtime=CPU)
    assert classifier.preprocess.scale == "centered"
    assert classifier.class_names == ("left", "middle", "right")
    with torch.no_grad():
        assert classifier.net(classifier.preprocess(torch.zeros(2, 1, 8, 8, dtype=torch.uint8))).shape == (2, 3)


def test_old_replicates_are_a_group_and_compare(old_runs):
    assert [run.name for run in find_group("bars-54c2896a")] == [FINISHED, REPLICATE]
    (comparison,) = compare(FINISHED, REPLICATE)
    assert comparison.n == 200


def test_an_old_stopped_run_resumes_to_its_end(old_runs):
    run = resume(Run.find(STOPPED), runtime=CPU, mlflow=False)
    assert run.state == RunState.FINISHED
    assert len(run.history) == 3
    assert run.results["test"]["n"] == 500
    assert not run.checkpoint.exists()


def test_an_old_finished_run_is_not_trained_again(old_runs):
    with pytest.raises(UsageError, match="is finished"):
        resume(Run.find(FINISHED), runtime=CPU)


def test_an_old_study_is_whole_and_runs_nothing_again(old_runs):
    old_study = Study.open(old_runs / "tiny-study")
    before = {run.name: (run.folder / "status.json").stat().st_mtime_ns for run in list_runs()}
    assert all(trial.has_ended for trial in old_study.trials())
    assert len(collect_rows(old_study)) == 2

    class NoEngine:
        runtime, processes, mlflow = CPU, 1, False

        def run(self, trials):
            raise AssertionError(f"{len(trials)} trials were run again")

    again = study(old_study.spec, engine=NoEngine())
    assert len(again.trials()) == 4
    assert {run.name: (run.folder / "status.json").stat().st_mtime_ns for run in list_runs()} == before


def test_metrics_that_an_old_run_lacks_do_not_damage_it(old_runs, assay):
    run = Run.find(FINISHED)
    results = run.results
    del results["test"]["macro_f1_of_means"]
    (run.folder / "results.json").write_text(json.dumps(results))
    done = assay("runs", "show", FINISHED)
    assert (done.code, done.err) == (0, "")
