"""A study in MLflow: one parent, the runs as its children, and the same parent when the study goes on."""

import time
from pathlib import Path
from threading import Event

import pytest

from assay.core.runtime import Runtime
from assay.experiments import train as verbs
from assay.experiments.tracking.mlflow_client import Mirror
from assay.experiments.tracking.study_parent import mirror_study, parent_of
from assay.recipes.loader import read_recipe
from assay.training.callbacks import Callback

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own, of deprecations


@pytest.fixture(autouse=True)
def own_store(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr("assay.experiments.finish.save_run_figures", lambda *_: None)


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
        with mirror_study(folder, said.append):
            one = recipe.override({"seed": seed})
            verbs.train(one, runs=runs, runtime=Runtime.choose("cpu", threads=1), callback=Callback())
    found = mirrored_runs(runs)
    parent = found.pop(parent_of(folder))
    assert (parent["name"], parent["status"], len(found)) == ("toy", "FINISHED", 2)
    assert {run["mlflow.parentRunId"] for run in found.values()} == {parent_of(folder)}
    assert said == []


def test_a_store_that_is_slow_holds_up_no_study_and_the_runs_get_their_parent_in_the_end(
    bars_folder, tmp_path, monkeypatch
):
    class Late(Callback):
        def on_epoch_end(self, row, is_best) -> None:
            answered.set()
            while not parent_of(folder):
                time.sleep(0.01)

    runs, folder, answered, real = tmp_path / "runs", tmp_path / "runs" / "toy-study", Event(), Mirror.wait_for_id
    folder.mkdir(parents=True)
    recipe = read_recipe("bars.yaml").override({"training.epochs": 1, "name": "toy-study/bars"})
    monkeypatch.setattr("assay.experiments.tracking.study_parent.PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(Mirror, "wait_for_id", lambda self, seconds: answered.wait() and real(self, seconds))
    with mirror_study(folder, pytest.fail):
        assert parent_of(folder) == ""
        verbs.train(recipe, runs=runs, runtime=Runtime.choose("cpu", threads=1), callback=Late())
    found = mirrored_runs(runs)
    assert found.pop(parent_of(folder))["status"] == "FINISHED"
    assert [run["mlflow.parentRunId"] for run in found.values()] == [parent_of(folder)]


def test_a_study_that_is_not_wanted_in_mlflow_has_no_parent(tmp_path):
    with mirror_study(tmp_path, pytest.fail, enabled=False):
        pass
    assert parent_of(tmp_path) == ""
    assert not list(tmp_path.iterdir())


def test_a_store_that_fails_is_said_once_and_the_study_goes_on(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nosuchscheme://x")
    said: list[str] = []
    with mirror_study(tmp_path / "toy-study", said.append):
        pass
    assert len(said) == 1
    assert "the run folder has everything" in said[0]
