"""The stacked engine: which runs fit together, and that each is then what it would have been alone."""

import csv
import signal
import threading
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from assay.core.errors import AssayError
from assay.core.runtime import Runtime
from assay.evaluation.predictions import Predictions
from assay.experiments.run import Run, list_runs
from assay.models.pretrained import build_pretrained
from assay.recipes.schema import Model
from assay.studies.engines import stacked
from assay.studies.engines.stacked import DefaultEngine, StackedEngine, group_stacks, train_stack
from assay.studies.runner import study
from assay.studies.spec import StudySpec
from assay.studies.study import Study

from ..conftest import InThisProcess

FP32 = Runtime("cpu", "fp32", threads=1)
RATES = {"optimizer.lr": [0.05, 0.01], "optimizer.weight_decay": [0, 0.01]}


class StackedHere(StackedEngine):
    """The engine without its workers."""

    def run(self, members):
        for chain in self.make_chains(members):
            yield from zip(chain, self.train(chain), strict=True)


def here() -> StackedHere:
    return StackedHere(FP32, 1, mlflow=False)


@pytest.fixture
def grid(spec) -> StudySpec:
    """Rates by seeds: eight runs of one shape, with batch norm, dropout and augmentation, on fewer images."""
    changes = {"training.epochs": 2, "data.share": 0.3, "schedule": "cosine"}
    return spec.replace({"changes": changes, "plan": {"name": "grid", "over": RATES}})


def grouped(spec: StudySpec, **more) -> list[int]:
    return sorted(map(len, group_stacks(Study.locate(spec).trials(), **more)))


def test_runs_that_differ_in_seed_and_rates_are_one_stack(grid):
    assert grouped(grid) == [8]
    momentum = {"name": "grid", "over": {"optimizer.momentum": [0, 0.5], **RATES}}
    assert grouped(grid.replace({"plan": momentum})) == [16]


def test_a_stack_has_no_more_nets_than_it_may(grid):
    assert grouped(grid, max_size=3) == [2, 3, 3]


def test_it_is_spread_over_the_processes(grid):
    members = Study.locate(grid).trials()
    assert [len(chain) for chain in StackedEngine(FP32, 2).make_chains(members)] == [4, 4]


@pytest.mark.parametrize(
    "over",
    [
        {"training.epochs": [1, 2]}, {"training.batch_size": [10, 20]}, {"optimizer.nesterov": [True, False]},
        {"model.layers": [["flatten", "linear 3"], ["flatten", "linear 4", "linear 3"]]}, {"augment": [[], ["flip"]]},
        {"data.share": [0.3, 0.4]}, {"schedule": ["linear", "cosine"]}, {"loss.label_smoothing": [0, 0.1]},
    ],
    ids=lambda over: next(iter(over)),
)  # fmt: skip
def test_what_differs_otherwise_is_in_another_stack(grid, over):
    assert grouped(grid.replace({"plan": {"name": "grid", "over": over}})) == [2, 2]


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": {"name": "muon", "lr": 0.1, "bias_lr": 0.5, "head_lr": 0.5}}, {"schedule": "plateau"},
        {"stopping.patience": 2}, {"faults": ["no-shuffle"]},
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_stacked_runs_alone(spec, changes):
    alone = spec.replace({"changes": changes, "plan": {"name": "grid", "over": {"data.share": [0.5]}}})
    assert grouped(alone) == [1, 1]


def test_runs_that_begin_with_anothers_weights_stay_behind_it(spec):
    steps = {"plain": {}, "shared": {"faults": ["shared-weights"]}, "again": {"optimizer.lr": 0.02}}
    members = Study.locate(spec.replace({"plan": {"name": "ladder", "against": "base", "steps": steps}})).trials()
    names = sorted(sorted(one.variant.name for one in chain) for chain in group_stacks(members))
    assert names == [["again", "again", "base", "base"], ["plain", "shared"], ["plain", "shared"]]


def test_a_run_with_a_checkpoint_goes_on_by_itself(grid):
    found = Study.create(grid)
    begun = found.trials()[3]
    run = Run.create(begun.recipe, found.folder.parent)
    run.checkpoint.parent.mkdir()
    run.checkpoint.write_bytes(b"")
    assert [len(chain) for chain in group_stacks(found.trials())] == [7, 1]


def figures(run: Run) -> torch.Tensor:
    rows = csv.DictReader((run.folder / "history.csv").read_text().splitlines())
    names = ("epoch", "lr", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
    return torch.tensor([[float(row[name]) for name in names] for row in rows], dtype=torch.float64)


def check_equal(found: Run, expected: Run) -> None:
    """The same within float noise, and the same kinds of files."""
    torch.testing.assert_close(figures(found), figures(expected), rtol=1e-4, atol=1e-5)
    theirs = expected.read_weights()
    for name, tensor in found.read_weights().items():
        torch.testing.assert_close(tensor, theirs.pop(name), rtol=1e-3, atol=1e-4)
    assert not theirs
    for part in ("validation", "test"):
        mine, other = (Predictions.load(one.folder / "predictions" / f"{part}.npz") for one in (found, expected))
        torch.testing.assert_close(torch.tensor(mine.logits), torch.tensor(other.logits), rtol=1e-3, atol=1e-3)
        assert (mine.indices == other.indices).all()
    assert found.read_json("config.json") == expected.read_json("config.json")
    assert found.recipe.hash == expected.recipe.hash
    assert found.status["best_epoch"] == expected.status["best_epoch"]
    assert [look["data"] for look in found.looks] == [look["data"] for look in expected.looks] == ["bars/test"]
    assert files(found) == files(expected)


def files(run: Run) -> set[str]:
    return {str(path.relative_to(run.folder)) for path in run.folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("rates", "changes"),
    [
        # No bias before batch norm: its gradient is nothing but noise, which Adam blows up, in single runs too.
        ({"optimizer.lr": [0.01, 0.002]},
         {"optimizer": {"name": "adam", "lr": 0.01, "l2": {"conv": 0.01}},
          "model.layers": ["conv 4 3x3 nobias", "batchnorm", "relu", "dropout 0.3", "flatten", "linear 3"]}),
        (RATES, {"optimizer.clip_norm": 0.5, "optimizer.l2": {"linear": 0.01}, "test_views": 2}),
        ({"optimizer.momentum": [0.9, 0.5]},
         {"augment": ["alternating-flip", "window 6 epochs 1"],
          "model.layers": ["whitening 2x2", "gelu", "conv 8 3x3 nobias dirac", "maxpool 2", "batchnorm nogain", "gelu",
                           "globalmaxpool", "dropout 0.3", "linear 3 nobias unit", "scale 0.1"]}),
        ({"optimizer.lr": [0.05, 0.01]},
         {"model.layers": ["flatten", "linear 3"], "training.batch_size": 101, "schedule": "one-cycle"}),
        ({"optimizer.lr": [0.05, 0.01]},
         {"model.layers": ["flatten", "linear 3"], "augment": ["randaugment 1 9", "mixup 0.5", "cutmix 1"],
          "loss.label_smoothing": 0.1}),
    ],
    ids=["adam", "clipped", "fast", "linear", "mixed"],
)  # fmt: skip
def test_each_run_of_a_stack_equals_its_single_run(grid, monkeypatch, rates, changes):
    monkeypatch.setattr(
        "assay.experiments.finish.save_run_figures", lambda *_: None
    )  # figures take longer than these runs
    base = grid.replace({"changes": {**grid.changes, **changes}, "plan": {"name": "grid", "over": rates}})
    alone = study(base.replace({"name": "one"}), engine=InThisProcess(runtime=FP32))
    together = study(base.replace({"name": "other"}), engine=here())
    pairs = list(zip(together.trials(), alone.trials(), strict=True))
    for mine, theirs in pairs:
        check_equal(Run.open(mine.folder), Run.open(theirs.folder))
    learnt = {float(figures(Run.open(one.folder))[-1, 2]) for one, _ in pairs}
    assert len(learnt) == len(pairs) >= 4  # the members themselves are far apart


@pytest.fixture
def heads(grid, tmp_path, monkeypatch) -> StudySpec:
    """Rates by seeds: four heads with dropout on the features of a small MobileNet."""
    monkeypatch.setenv("ASSAY_WEIGHTS", str(tmp_path))
    model = {"name": "mobilenet_v1", "arguments": {"width": 0.25}, "weights": "w.safetensors", "train_only": "head"}
    changes = {**grid.changes, "model": {**model, "dropout": 0.3}, "preprocess": {"resize": 32}, "augment": []}
    net = build_pretrained(Model(**model), 1000, 7)
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)  # signals do not die away
    save_file(net.state_dict(), tmp_path / "w.safetensors")
    return grid.replace({"changes": changes, "plan": {"name": "grid", "over": {"optimizer.lr": [0.5, 0.1]}}})


def test_heads_on_kept_features_are_one_stack_and_equal_their_single_runs(heads, monkeypatch):
    monkeypatch.setattr("assay.experiments.finish.save_run_figures", lambda *_: None)
    assert grouped(heads) == [4]
    alone = study(heads.replace({"name": "one"}), engine=InThisProcess(runtime=FP32))
    together = study(heads.replace({"name": "other"}), engine=here())
    for mine, theirs in zip(together.trials(), alone.trials(), strict=True):
        check_equal(Run.open(mine.folder), Run.open(theirs.folder))


def test_the_usual_engine_stacks_heads_and_nothing_else(heads, grid):
    members = [*Study.locate(heads).trials(), *Study.locate(grid).trials()]
    assert sorted(len(chain) for chain in DefaultEngine(FP32, 1).make_chains(members)) == [*[1] * 8, 4]


@pytest.mark.parametrize(
    "changes",
    [
        {"model.train_only": "last-conv"}, {"model.unfreeze": {1: "all"}}, {"model.frozen_batch_norm": False},
        {"augment": ["flip"]}, {"model.weights": "none"},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_head_on_kept_features_is_not_stacked(heads, changes):
    assert grouped(heads.replace({"changes": {**heads.changes, **changes}})) == [1] * 4


def test_heads_of_a_net_that_cannot_be_cut_run_one_after_another(heads, monkeypatch):
    monkeypatch.setattr("assay.experiments.finish.save_run_figures", lambda *_: None)
    monkeypatch.setattr("assay.experiments.setup_trainer.split_model", lambda *_: None)
    found = study(heads.replace({"replicates": 1}), engine=here())
    assert [one.run.status["state"] for one in found.trials()] == ["finished"] * 2


def test_a_member_that_diverges_is_told_and_the_others_do_not_feel_it(grid):
    over = {"name": "grid", "over": {"optimizer.lr": [0.05, 1e30, 0.02]}}
    one, other = (grid.replace({"name": name, "plan": over, "replicates": 1}) for name in ("one", "other"))
    alone, together = study(one, engine=InThisProcess(runtime=FP32)), study(other, engine=here())
    first, wild, last = (Run.open(member.folder) for member in together.trials())
    theirs = [Run.open(member.folder) for member in alone.trials()]
    check_equal(first, theirs[0])
    check_equal(last, theirs[2])
    assert wild.status["state"] == "failed"
    assert wild.status["diverged"]
    assert wild.status["reason"] == theirs[1].status["reason"]
    assert all(tensor.isfinite().all() for tensor in wild.read_weights().values())
    assert (wild.looks, wild.history) == ([], [])


def test_a_stack_that_was_stopped_starts_again_and_repeats_no_finished_run(grid, monkeypatch):
    monkeypatch.setattr("assay.experiments.finish.save_run_figures", lambda *_: None)
    found = Study.create(grid)
    members = found.trials()
    assert train_stack(members[:2], FP32, mlflow=False) == [None, None]
    before = [files_as_they_are(one.folder) for one in members[:2]]
    with monkeypatch.context() as patch:
        patch.setattr(stacked.StackedTrainer, "train_epoch", stop_in_the_second(stacked.StackedTrainer.train_epoch))
        with pytest.raises(KeyboardInterrupt):
            train_stack(members[2:], FP32, mlflow=False)
    stopped = [Run.open(one.folder) for one in members[2:]]
    assert {run.status["state"] for run in stopped} == {"stopped"}
    assert {len(run.history) for run in stopped} == {1}
    again = study(grid, engine=here())
    assert [files_as_they_are(one.folder) for one in members[:2]] == before
    whole = study(grid.replace({"name": "whole"}), engine=here())
    for mine, theirs in zip(again.trials(), whole.trials(), strict=True):
        check_equal(Run.open(mine.folder), Run.open(theirs.folder))


def files_as_they_are(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def stop_in_the_second(epoch):
    def stopping(self, stop_requested):
        if self.trainers[0].state.history:
            raise KeyboardInterrupt
        epoch(self, stop_requested)

    return stopping


def test_ctrl_c_stops_a_stack_after_the_step_under_way_and_begins_no_other(grid, monkeypatch):
    members = Study.create(grid).trials()
    monkeypatch.setattr(stacked, "stop_event", threading.Event())
    monkeypatch.setattr(stacked.StackedTrainer, "drop_diverged", lambda *_: signal.raise_signal(signal.SIGINT))
    engine = here()
    first = engine.train(members[:4])
    assert len(set(first)) == 1
    assert "stopped in epoch 1, after step 1 of" in first[0]
    assert {one.run.status["state"] for one in members[:4]} == {"stopped"}
    assert engine.train(members[4:]) == ["not started"] * 4


def test_what_stops_the_whole_stack_is_said_of_each(grid, monkeypatch):
    def refuse(*_) -> None:
        raise AssayError("no room")

    members = Study.create(grid).trials()
    monkeypatch.setattr("assay.experiments.run.Run.write_history", refuse)
    assert train_stack(members, FP32, mlflow=False) == ["no room"] * 8
    assert {one.run.status["state"] for one in members} == {"failed"}
    assert not any(one.has_ended for one in members)


def test_a_stacked_study_that_is_killed_ends_complete_when_it_is_started_again(bars_folder, start_assay):
    (bars_folder / "rates.yaml").write_text(
        "base: bars.yaml\nchanges: {training.epochs: 4, data.share: 0.3}\nreplicates: 2\n"
        "plan: {name: grid, over: {optimizer.lr: [0.05, 0.01]}}\n"
    )
    words = ("study", "rates.yaml", "--engine", "stacked", "--processes", 2, "--no-mlflow", "--format", "csv")
    process = start_assay(*words)
    while not list(Path("runs").glob("*/*/history.csv")):
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.wait()
    process = start_assay(*words)
    out, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert len(out.splitlines()) == 3
    runs = list_runs()
    assert [run.status["state"] for run in runs] == ["finished"] * 4
    assert {len(run.history) for run in runs} == {4}


def test_an_unknown_engine_is_said(bars_folder, assay):
    done = assay("study", "kth", "--dry-run", "--engine", "staked")
    assert done.code == 2
    assert "unknown engine 'staked'; did you mean stacked?" in done.err
