"""Two processes that torchrun starts train as one does, by gloo on this machine; what one of them meets ends both."""

import csv
import os
import signal
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from assay.data.sampler import cut_batches
from assay.evaluation.predictions import Predictions
from assay.experiments.run import Run, list_runs
from assay.training.distributed import SINGLE_PROCESS, ProcessGroup, join_process_group

# Batch norm and augmentation, and no dropout. Of 1,800 images the last batch has an odd number.
WORDS = (
    "model.layers=[conv 4 3x3, relu, batchnorm, flatten, linear 8, batchnorm, relu, linear 3]",
    "optimizer.clip_norm=1.0", "--threads", 1, "--precision", "fp32", "--no-mlflow",
)  # fmt: skip
TORCHRUN = (
    sys.executable, "-m", "torch.distributed.run",
    "--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0", "--local-addr", "127.0.0.1", "--no-python",
)  # fmt: skip


@pytest.fixture
def torchrun(start_assay, monkeypatch):
    """Start `assay` with the bars as several processes."""
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "lo")

    def start(*words: object, processes: int = 2):
        return start_assay(*words, before=(*TORCHRUN, f"--nproc-per-node={processes}"), start_new_session=True)

    return start


def ended(process, code: int = 0) -> str:
    _, said = process.communicate(timeout=240)
    assert (process.returncode == 0) == (code == 0), said
    return said


def workers(pid: int) -> list[int]:
    """The processes that train, the first of them first."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    ranks = {}
    for child in map(int, children):
        settings = Path(f"/proc/{child}/environ").read_bytes().split(b"\0")
        ranks.update({int(one[5:]): child for one in settings if one.startswith(b"RANK=")})
    return [ranks[rank] for rank in sorted(ranks)]


def until(process, there) -> None:
    while not there():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)


def figures(run: Run) -> list[list[float]]:
    rows = csv.DictReader((run.folder / "history.csv").read_text().splitlines())
    names = ("lr", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
    return [[float(row[name]) for name in names] for row in rows]


def check_equal(found: Run, expected: Run) -> None:
    """The same within float noise: history, weights, predictions; one look at the test set."""
    torch.testing.assert_close(torch.tensor(figures(found)), torch.tensor(figures(expected)), rtol=1e-4, atol=1e-5)
    theirs = expected.read_weights()
    for name, tensor in found.read_weights().items():
        torch.testing.assert_close(tensor, theirs[name], rtol=1e-3, atol=1e-4)
    for part in ("validation", "test"):
        mine, other = (Predictions.load(one.folder / "predictions" / f"{part}.npz") for one in (found, expected))
        torch.testing.assert_close(torch.tensor(mine.logits), torch.tensor(other.logits), rtol=1e-3, atol=1e-3)
    assert [look["by"] for look in found.looks] == ["train"]
    assert found.status["state"] == "finished"


@pytest.mark.parametrize(("processes", "batch_size"), [(2, 101), (3, 62)])  # of 3, one has no image of the last two
def test_several_processes_give_the_result_of_one_and_write_one_run(
    bars_folder, assay, torchrun, processes, batch_size
):
    words = ("train", "bars.yaml", *WORDS, f"training.batch_size={batch_size}")
    assert assay(*words, "--runs", "one").code == 0
    said = ended(torchrun(*words, "--runs", "several", processes=processes))
    (one,), (two,) = list_runs(Path("one")), list_runs(Path("several"))
    check_equal(two, one)
    assert said.count("epoch 1/2") == 1  # only the first process talks
    hashes = [run.read_json("config.json")["initial_weights"] for run in (one, two)]
    assert hashes[0] == hashes[1]
    assert two.read_json("environment.json")["processes"] == processes


def test_a_stop_of_one_process_stops_both_and_the_run_goes_on_as_if_nothing_had_been(bars_folder, assay, torchrun):
    words = ("train", "bars.yaml", *WORDS, "training.epochs=12")
    assert assay(*words, "--runs", "whole").code == 0
    process = torchrun(*words)
    until(process, lambda: list(Path("runs").glob("*/*/history.csv")))
    os.kill(workers(process.pid)[1], signal.SIGINT)
    ended(process, code=1)
    (run,), (whole,) = list_runs(), list_runs(Path("whole"))
    assert run.status["state"] == "stopped"
    assert 0 < len(run.history) < 12
    ended(torchrun("train", "--resume", run.folder, "--threads", 1, "--precision", "fp32", "--no-mlflow"))
    check_equal(run, whole)


def test_a_process_that_dies_ends_the_other(bars_folder, torchrun):
    process = torchrun("train", "bars.yaml", *WORDS, "training.epochs=1000")
    until(process, lambda: list(Path("runs").glob("*/*/history.csv")))
    both = workers(process.pid)
    os.kill(both[1], signal.SIGKILL)
    ended(process, code=1)
    assert not Path(f"/proc/{both[0]}").exists()
    (run,) = list_runs()
    assert run.status["state"] in ("running", "failed")  # as it was when it was ended
    assert run.looks == []


def test_torchrun_is_for_training_only(bars_folder, assay, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    done = assay("study", "steps.yaml")
    assert done.code == 2
    assert "torchrun is for training: start assay study without it" in done.err


def test_without_torchrun_nothing_changes(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    net, batch, loss = nn.BatchNorm1d(3), torch.rand(5, 3), torch.tensor(2.0)
    assert join_process_group("cpu") == SINGLE_PROCESS
    assert SINGLE_PROCESS.synchronize(net) is net
    assert type(net) is nn.BatchNorm1d
    assert SINGLE_PROCESS.shard(batch) is batch
    assert SINGLE_PROCESS.scale_loss(loss, 5, 5) is loss
    assert SINGLE_PROCESS.all_reduce(net, loss) is loss
    assert SINGLE_PROCESS.seed_suffix == ()
    assert (
        SINGLE_PROCESS.reduce_mean(0.1, 3),
        SINGLE_PROCESS.reduce_any(True),
        SINGLE_PROCESS.reduce_any(False),
        SINGLE_PROCESS.broadcast("x"),
    ) == (0.1, True, False, "x")


@pytest.mark.parametrize("size", [2, 3, 8])
def test_the_slices_are_the_batch_and_their_losses_add_up_to_its_mean(size):
    process_group = [ProcessGroup(rank, size) for rank in range(size)]
    for batch in cut_batches(torch.arange(203), 20):
        slices = [one.shard(batch) for one in process_group]
        assert torch.equal(torch.cat(slices), batch)
        assert max(map(len, slices)) - min(map(len, slices)) <= 1
        parts = [
            one.scale_loss(part.double().mean(), len(part), len(batch))
            for one, part in zip(process_group, slices, strict=True)
        ]
        assert torch.stack(parts).sum().item() == pytest.approx(batch.double().mean().item())


def test_each_process_has_dropout_of_its_own():
    assert len({ProcessGroup(rank, 4).seed_suffix for rank in range(4)}) == 4
