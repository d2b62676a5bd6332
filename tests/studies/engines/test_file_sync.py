"""The keeper: a run trained elsewhere arrives whole, and goes on from what had arrived when its worker dies."""

import pytest

from assay.core.errors import AssayError
from assay.core.runtime import Runtime
from assay.studies.engines.file_sync import FolderServer, fetch_trial, train_and_sync
from assay.studies.engines.local import train_trial
from assay.studies.study import Study

RUNTIME = Runtime.choose("cpu", threads=1)


@pytest.fixture
def found(spec):
    return Study.create(spec.replace({"changes": {"training.epochs": 3}}))


@pytest.fixture
def member(found):
    return found.trials()[0]


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def die(row):
    raise RuntimeError("killed")  # no AssayError: nothing of ours would catch it


def test_a_run_trained_elsewhere_arrives_as_if_trained_here(found, member, tmp_path):
    desk = FolderServer(found.folder)
    assert train_and_sync(fetch_trial(member, desk, tmp_path / "node"), desk, RUNTIME) is None
    elsewhere = member.folder.rename(tmp_path / "elsewhere")
    train_trial(member, RUNTIME, mlflow=False)
    assert contents(elsewhere).keys() == contents(member.folder).keys()
    for name in ("recipe.yaml", "config.json", "model.safetensors", "split.npz", "predictions/test.npz"):
        assert contents(elsewhere)[name] == contents(member.folder)[name], name


def test_a_run_whose_worker_died_goes_on_elsewhere_from_its_last_epoch(found, member, tmp_path, monkeypatch):
    monkeypatch.setattr("assay.experiments.finish.SAVE_EVERY_SECONDS", 0)
    desk, told = FolderServer(found.folder), []
    with pytest.raises(RuntimeError, match="killed"):
        train_and_sync(fetch_trial(member, desk, tmp_path / "one"), desk, RUNTIME, die)
    assert len(member.run.history) == 1
    assert not member.has_ended
    train_and_sync(fetch_trial(member, desk, tmp_path / "other"), desk, RUNTIME, told.append)
    assert [row.epoch for row in told] == [2, 3]
    assert member.has_ended
    assert not member.run.checkpoint.exists()
    assert [look["data"] for look in member.run.looks] == ["bars/test"]


def test_an_epoch_is_told_only_after_its_files_have_arrived(found, member, tmp_path):
    desk, arrived = FolderServer(found.folder), []
    train_and_sync(
        fetch_trial(member, desk, tmp_path / "node"), desk, RUNTIME,
        lambda row: arrived.append((row.epoch, len(member.run.history))),
    )  # fmt: skip
    assert arrived == [(1, 1), (2, 2), (3, 3)]


def test_a_run_that_has_ended_is_not_trained_again(found, member, tmp_path):
    desk, told = FolderServer(found.folder), []
    train_trial(member, RUNTIME, mlflow=False)
    assert train_and_sync(fetch_trial(member, desk, tmp_path / "node"), desk, RUNTIME, told.append) is None
    assert told == []


def test_weights_to_begin_with_come_along(spec, tmp_path):
    found = Study.create(spec.replace({"changes": {**spec.changes, "faults": ["shared-weights"]}}))
    desk, (first, second, *_) = FolderServer(found.folder), found.trials()
    train_trial(first, RUNTIME, mlflow=False)
    here = fetch_trial(second, desk, tmp_path / "node")
    assert (here.start / "model.safetensors").read_bytes() == (first.folder / "model.safetensors").read_bytes()


def test_the_status_arrives_last(tmp_path):
    (tmp_path / "run" / "results.json").mkdir(parents=True)  # so that it cannot be written
    with pytest.raises(AssayError, match=r"results\.json"):
        FolderServer(tmp_path).store("run", {"status.json": b"{}", "results.json": b"{}"}, [])
    assert not (tmp_path / "run" / "status.json").exists()


def test_what_is_gone_on_the_worker_goes_in_the_study_folder(tmp_path):
    desk = FolderServer(tmp_path)
    desk.store("run", {"checkpoint/state.pt": b"1", "history.csv": b"2"}, [])
    desk.store("run", {}, ["checkpoint/state.pt"])
    assert desk.fetch("run") == {"history.csv": b"2"}
