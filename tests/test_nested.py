"""A study in MLflow: one parent, the runs as its children, and the same parent when the study goes on."""

from pathlib import Path

import pytest

from assay import verbs
from assay.nested import nested, parent_of
from assay.recipes import read_recipe
from assay.runtime import Runtime
from assay.training.watch import Watch

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own, of deprecations


@pytest.fixture(autouse=True)
def own_store(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr("assay.verbs.draw", lambda *_: None)


def mirrored_runs(runs: Path) -> dict[str, dict]:
    """Status and tags of all runs in the store, by id."""
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{runs / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("toy-study")
    return {
        run.info.run_id: {"name": run.info.run_name, "status": run.info.status, **run.data.tags}
        for run in client.search_runs([experiment.experiment_id])
    }


def test_the_runs_of_a_study_are_children_of_one_parent_that_stays_the_same(bars_folder, tmp_path):
    runs, folder, said = tmp_path / "runs", tmp_path / "runs" / "toy-study", []
    folder.mkdir(parents=True)
    recipe = read_recipe("bars.yaml").override({"training.epochs": 1, "name": "toy-study/bars"})
    for seed in (0, 1):  # the study is stopped after its first run, and started again
        with nested(folder, said.append):
            one = recipe.override({"seed": seed})
            verbs.train(one, runs=runs, runtime=Runtime.choose("cpu", threads=1), watch=Watch())
    found = mirrored_runs(runs)
    parent = found.pop(parent_of(folder))
    assert (parent["name"], parent["status"], len(found)) == ("toy", "FINISHED", 2)
    assert {run["mlflow.parentRunId"] for run in found.values()} == {parent_of(folder)}
    assert said == []


def test_a_study_that_is_not_wanted_in_mlflow_has_no_parent(tmp_path):
    with nested(tmp_path, pytest.fail, wanted=False):
        pass
    assert parent_of(tmp_path) == ""
    assert not list(tmp_path.iterdir())


def test_a_store_that_fails_is_said_once_and_the_study_goes_on(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nosuchscheme://x")
    said: list[str] = []
    with nested(tmp_path / "toy-study", said.append):
        pass
    assert len(said) == 1
    assert "the run folder has everything" in said[0]
