"""The mirror in MLflow: it copies a run faithfully, and nothing that MLflow does can harm the run.

MLflow and what it imports warn of deprecations of their own, in the mirror's thread; those are not ours to fail on.
"""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.experiments.tracking.mlflow_client import Mirror

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def warnings_given() -> list[str]:
    return []


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No server of the developer's own; and what the mirror sets is taken back after the test."""
    for name in ("MLFLOW_DISABLE_TELEMETRY", "MLFLOW_LOGGING_LEVEL", "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"):
        monkeypatch.setenv(name, {"MLFLOW_LOGGING_LEVEL": "CRITICAL"}.get(name, "true"))
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture
def silent_server() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(16)
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def mirror(folder: Path, warn) -> Mirror:
    pytest.importorskip("mlflow")
    opened = Mirror.open("fashion/cnn-bn", "cnn-bn-s0", folder, warn)
    assert opened is not None
    return opened


def the_run(folder: Path):
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("fashion/cnn-bn")
    (run,) = client.search_runs([experiment.experiment_id])
    return client, run


def test_a_run_is_mirrored_whole(tmp_path: Path, warnings_given: list[str]):
    folder = tmp_path / "my runs é"
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "curves.png").write_bytes(b"picture")
    (tmp_path / "recipe.yaml").write_text("data: fashion-mnist")
    copy = mirror(folder, warnings_given.append)
    copy.params({"model.layers": "conv " * 3000, "seed": 0, **{f"p{i}": i for i in range(250)}})
    copy.tags({"recipe": "fashion/cnn-bn"})
    for epoch in range(1, 4):
        copy.metrics({"train_loss": 1 / epoch, "validation_loss": None, "nan": float("nan")}, epoch)
    copy.artifacts(tmp_path / "figures")
    copy.artifacts(tmp_path / "recipe.yaml")
    copy.close("FINISHED", timeout_seconds=60)
    assert warnings_given == []
    client, run = the_run(folder)
    assert (run.info.run_name, run.info.status) == ("cnn-bn-s0", "FINISHED")
    assert len(run.data.params) == 252
    assert len(run.data.params["model.layers"]) == 6000
    assert run.data.tags["recipe"] == "fashion/cnn-bn"
    losses = client.get_metric_history(run.info.run_id, "train_loss")
    assert [(one.step, one.value) for one in losses] == [(1, 1.0), (2, 0.5), (3, pytest.approx(1 / 3))]
    assert "validation_loss" not in run.data.metrics
    files = {item.path for where in (None, "figures") for item in client.list_artifacts(run.info.run_id, where)}
    assert files == {"figures", "figures/curves.png", "recipe.yaml"}
    assert next((folder / "mlartifacts").rglob("curves.png")).read_bytes() == b"picture"


@pytest.mark.parametrize("status", ["FAILED", "KILLED"])
def test_the_end_of_the_run_is_mirrored(tmp_path: Path, warnings_given: list[str], status):
    mirror(tmp_path, warnings_given.append).close(status, timeout_seconds=60)
    assert the_run(tmp_path)[1].info.status == status
    assert warnings_given == []


def test_a_refused_connection_is_one_line(tmp_path: Path, warnings_given: list[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    copy = mirror(tmp_path, warnings_given.append)
    copy.params({"seed": 0})
    copy.close("FINISHED", timeout_seconds=60)
    copy.metrics({"train_loss": 1.0}, 1)
    copy.close("FINISHED", timeout_seconds=60)
    assert len(warnings_given) == 1
    assert "no longer mirrored" in warnings_given[0]
    assert "\n" not in warnings_given[0]
    assert not (tmp_path / "mlflow.db").exists()


def test_a_server_that_never_answers_is_given_up(
    tmp_path: Path, warnings_given: list[str], monkeypatch: pytest.MonkeyPatch, silent_server: str
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", silent_server)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "60")
    copy = mirror(tmp_path, warnings_given.append)
    copy.metrics({"train_loss": 1.0}, 1)
    copy.close("FINISHED", timeout_seconds=1)
    assert len(warnings_given) == 1
    assert "did not answer within 1 s" in warnings_given[0]


def test_something_mlflow_refuses_ends_the_mirror_and_not_the_run(tmp_path: Path, warnings_given: list[str]):
    copy = mirror(tmp_path, warnings_given.append)
    copy.artifacts(tmp_path / "missing")
    copy.close("FINISHED", timeout_seconds=60)
    copy.close("FINISHED", timeout_seconds=60)
    assert len(warnings_given) == 1


def test_without_mlflow_there_is_no_mirror_and_no_noise(
    tmp_path: Path, warnings_given: list[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("assay.experiments.tracking.mlflow_client.find_spec", lambda name: None)
    assert Mirror.open("e", "r", tmp_path, warnings_given.append) is None
    assert warnings_given == []
    assert list(tmp_path.iterdir()) == []


def test_processes_that_start_at_once_share_a_new_store_in_silence(tmp_path: Path):
    pytest.importorskip("mlflow")
    script = (
        "import sys; from pathlib import Path; from assay.experiments.tracking.mlflow_client import Mirror\n"
        "copy = Mirror.open('e', sys.argv[2], Path(sys.argv[1]), print); copy.close('FINISHED', 120)"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path), name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        for name in "ab"
    ]
    said = [process.communicate()[0] for process in started]
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    runs = client.search_runs([client.get_experiment_by_name("e").experiment_id])
    assert {run.info.run_name for run in runs} == {"a", "b"}
    assert said == [b"", b""]
