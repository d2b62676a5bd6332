"""A run that is stopped or killed, whenever, leaves whole files, goes on, and ends as an undisturbed one would."""

import json
import signal
import subprocess

import pytest
from safetensors import safe_open

from assay.data.split import Split
from assay.evaluation.predictions import Predictions
from assay.experiments.run import Run, list_runs

# Long enough not to be over before a signal that is sent after an early epoch.
LONG = ("train", "bars.yaml", "training.epochs=40", "--threads", 1, "--no-mlflow")


def lines_until(process: subprocess.Popen[str], start: str) -> str:
    """Read what the process says until a line starts so; returns what was read."""
    said = ""
    for line in process.stderr:
        said += line
        if line.startswith(start):
            return said
    raise AssertionError(f"the process ended before it said '{start}': {said}")


def check_whole(run: Run) -> None:
    """Every file of the run that has its name, not a temporary one, is whole."""
    assert run.recipe
    for path in run.folder.glob("[!.]*.json"):
        assert json.loads(path.read_text())
    if (weights := run.folder / "model.safetensors").exists():
        with safe_open(weights, "pt") as file:
            assert list(file.keys())
    for path in (run.folder / "predictions").glob("[!.]*.npz"):
        Predictions.load(path)
    if (split := run.folder / "split.npz").exists():
        Split.load(split)
    assert [row.epoch for row in run.history] == list(range(1, len(run.history) + 1))
    assert run.looks is not None


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Run:
    """Filled by the first test that needs it: the same recipe, from start to end in this process."""
    return Run(tmp_path_factory.mktemp("undisturbed"))


@pytest.fixture
def whole(bars_folder, undisturbed, assay) -> Run:
    runs = undisturbed.folder
    if not list_runs(runs):
        assert assay(*LONG, "--runs", runs).code == 0
    return list_runs(runs)[0]


def same_numbers(run: Run, other: Run) -> None:
    """The very same weights, and so the same accuracies and losses."""
    assert (run.folder / "model.safetensors").read_bytes() == (other.folder / "model.safetensors").read_bytes()
    for name in ("validation", "test"):
        mine, theirs = run.results[name], other.results[name]
        assert (mine["accuracy"], mine["loss"]) == (theirs["accuracy"], theirs["loss"])
    assert [(r.train_loss, r.validation_loss) for r in run.history] == [
        (r.train_loss, r.validation_loss) for r in other.history
    ]


def test_ctrl_c_saves_and_resume_ends_as_if_nothing_had_happened(bars_folder, whole, start_assay, assay):
    process = start_assay(*LONG)
    said = lines_until(process, "epoch 2/")
    process.send_signal(signal.SIGINT)
    out, rest = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    (run,) = list_runs()
    assert f"resume with: assay train --resume {run.folder}" in rest
    assert "Traceback" not in said + rest
    assert (run.status["state"], run.checkpoint.is_file(), run.looks) == ("stopped", True, [])
    check_whole(run)
    done = assay("train", "--resume", run.folder, "--threads", 1, "--no-mlflow")
    assert done.code == 0
    assert "resuming after" in done.err
    assert run.status["state"] == "finished"
    same_numbers(run, whole)


def test_a_second_ctrl_c_stops_at_once_and_leaves_a_readable_folder(bars_folder, start_assay, assay):
    process = start_assay(*LONG)
    lines_until(process, "epoch 1/")
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode in (130, -signal.SIGINT)
    assert "Traceback" not in said
    (run,) = list_runs()
    check_whole(run)
    assert run.status["state"] in ("stopped", "running")  # whichever file it was at
    assert assay("runs", "show", "latest").code == 0


def test_ctrl_c_before_training_says_so_and_no_more(bars_folder, start_assay):
    process = start_assay(*LONG)
    lines_until(process, "on cpu")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert [run.looks for run in list_runs()] in ([], [[]])


@pytest.mark.parametrize("moment", ["run:", "epoch 3/", "epoch 40/"])
def test_a_kill_leaves_whole_files_and_resume_finishes(bars_folder, whole, start_assay, assay, moment):
    process = start_assay(*LONG)
    lines_until(process, moment)
    process.kill()
    assert process.wait(60) == -signal.SIGKILL
    (run,) = list_runs()
    check_whole(run)
    if run.status.get("state") != "finished":  # a busy machine may kill late
        assert assay("train", "--resume", "latest", "--threads", 1, "--no-mlflow").code == 0
    assert run.status["state"] == "finished"
    assert not list(run.folder.rglob(".part-*"))
    same_numbers(run, whole)


@pytest.mark.parametrize("damage", [lambda content: content[: len(content) // 2], lambda content: b""])
def test_a_damaged_checkpoint_is_named(bars_run, assay, damage):
    bars_run.set_status(state="stopped")
    bars_run.checkpoint.parent.mkdir(exist_ok=True)
    bars_run.checkpoint.write_bytes(damage(b"PK\x03\x04" + bytes(1000)))
    done = assay("train", "--resume", "latest", "--threads", 1, "--no-mlflow")
    assert done.code == 1
    assert "checkpoint/state.pt: cannot resume from this checkpoint" in done.err
    assert "Traceback" not in done.err
