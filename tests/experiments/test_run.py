"""A run folder: its name is never reused, its files come back as they went in, damage is named."""

import json
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from assay.core.errors import DataError, UsageError
from assay.experiments.run import Run, list_runs, runs_folder
from assay.recipes.recipe import Recipe
from assay.training.checkpoint import weights_hash
from assay.training.history import Epoch


@pytest.fixture
def run(recipe, tmp_path) -> Run:
    return Run.create(recipe, tmp_path / "runs")


def test_the_folder_says_experiment_name_hash_and_seed(recipe, run, tmp_path):
    assert run.folder == tmp_path / "runs" / "tests" / f"bars-{recipe.hash}-s0"
    assert run.name == f"tests/bars-{recipe.hash}-s0"
    assert run.recipe == recipe


@pytest.mark.parametrize(
    ("name", "folder"), [("best", "best/best-"), ("a/b/best", "a-b/best-"), ("kth/3.2", "kth/3.2-")]
)
def test_a_name_of_any_depth_becomes_two_folders(recipe, tmp_path, name, folder):
    made = Run.create(recipe.override({"name": name}), tmp_path).folder
    assert made.relative_to(tmp_path).as_posix().startswith(folder)
    assert len(made.relative_to(tmp_path).parts) == 2


def test_a_name_is_never_given_twice_even_to_threads(recipe, tmp_path):
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda _: Run.create(recipe, tmp_path).folder.name, range(24)))
    stem = f"bars-{recipe.hash}-s0"
    assert sorted(folders) == sorted([stem, *(f"{stem}-{i}" for i in range(2, 25))])


def test_runs_are_kept_in_assay_runs_or_here(monkeypatch, tmp_path):
    monkeypatch.setenv("ASSAY_RUNS", str(tmp_path))
    assert runs_folder() == tmp_path
    monkeypatch.delenv("ASSAY_RUNS")
    assert str(runs_folder()) == "runs"


def test_weights_come_back_bit_for_bit(run):
    weights = {"a": torch.randn(3, 2).T, "b.c": torch.tensor(7), "h": torch.ones(2, dtype=torch.bfloat16)}
    run.write_weights(weights)
    again = run.read_weights()
    assert again.keys() == weights.keys()
    assert all(torch.equal(again[name], weights[name]) and again[name].dtype == weights[name].dtype for name in weights)
    assert weights_hash(again) == weights_hash(weights)


def test_the_hash_of_weights_sees_names_numbers_and_nothing_of_the_layout():
    tensor = torch.arange(24.0).reshape(1, 2, 3, 4)
    one = weights_hash({"a": tensor})
    assert weights_hash({"a": tensor.contiguous(memory_format=torch.channels_last)}) == one
    assert weights_hash({"b": tensor}) != one
    assert weights_hash({"a": tensor.nextafter(torch.tensor(1e9))}) != one


def test_looks_are_counted_by_set_and_none_is_lost_among_threads(run):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: run.count_look(f"set{i % 2}/test", "evaluate"), range(40)))
    assert len(run.looks) == 40
    assert run.count_look("set0/test", "train") == 21
    assert run.looks[-1]["by"] == "train"


def test_status_changes_key_by_key(run):
    assert run.status == {}
    run.set_status(state="running", epochs=1)
    run.set_status(state="finished")
    assert run.status == {"state": "finished", "epochs": 1}


def test_the_history_comes_back(run):
    rows = [Epoch(1, 0.1 + 0.2, 0.05, 1 / 3, 0.5, None, None, 1e5), Epoch(2, 1.0, 0.05, 1e-9, 1.0, 0.25, 0.75, 1e5)]
    assert run.history == []
    run.write_history(rows)
    assert run.history == rows


@pytest.mark.parametrize("file", ["status.json", "results.json", "config.json", "environment.json"])
@pytest.mark.parametrize("content", [b"", b'{"a": ', b"[1, 2]", b"3", b"\xff\xfe"])
def test_a_damaged_json_file_is_named(run, file, content):
    (run.folder / file).write_bytes(content)
    with pytest.raises(DataError, match=rf"{file} is damaged: "):
        run.read_json(file)


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"\xff" * 8 + b[8:]])
def test_damaged_weights_are_named(run, damage):
    run.write_weights({"a": torch.randn(100)})
    path = run.folder / "model.safetensors"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=r"model\.safetensors is damaged: "):
        run.read_weights()


def test_missing_weights_say_how_to_go_on(run):
    with pytest.raises(DataError, match=r"has no weights yet .*assay train --resume "):
        run.read_weights()


@pytest.mark.parametrize("file", ["history.csv", "looks.jsonl"])
@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b'{"half": ', b"a,b\n1,2\n", b"epoch,seconds\nx,y\n", b"7\n"])
def test_a_damaged_history_or_looks_file_is_named(run, file, content):
    (run.folder / file).write_bytes(content)
    with pytest.raises(DataError, match=rf"{file.replace('.', '[.]')} is damaged: "):
        _ = run.history if file == "history.csv" else run.looks


def test_a_folder_that_is_no_run_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match=r"is not a run folder \(it has no recipe\.yaml\); see: assay runs list"):
        Run.open(tmp_path)


@pytest.fixture
def three(recipe: Recipe, tmp_path) -> dict[str, Run]:
    runs = {name: Run.create(recipe.override({"name": name}), tmp_path) for name in ("a/net", "a/wide-net", "b/wide")}
    now = time.time()
    for age, run in enumerate(runs.values()):
        os.utime(run.folder / "recipe.yaml", (now - age, now - age))
    return runs


@pytest.mark.parametrize(
    ("name", "found"), [("a/net", "a/net"), ("net", "a/net"), ("wide-", None), ("b/", "b/wide"), ("latest", "a/net")]
)
def test_a_run_is_found_by_the_start_of_its_name(three, tmp_path, name, found):
    if found:
        assert Run.find(name, tmp_path) == three[found]
    else:
        with pytest.raises(UsageError, match="fits 2 runs: a/wide-net-"):
            Run.find(name, tmp_path)


def test_a_run_is_found_by_its_folder_and_whole_name(three, tmp_path):
    run = three["b/wide"]
    assert Run.find(str(run.folder), tmp_path / "elsewhere") == Run.find(run.name, tmp_path) == run


def test_a_name_that_starts_another_is_still_found(recipe, tmp_path):
    first, second = Run.create(recipe, tmp_path), Run.create(recipe, tmp_path)
    assert second.name == f"{first.name}-2"
    assert Run.find(first.name, tmp_path) == first
    assert Run.find(first.folder.name, tmp_path) == first


def test_list_gives_all_runs_and_nothing_else(three, tmp_path):
    (tmp_path / "notes").mkdir()
    shutil.rmtree(three["a/net"].folder)
    assert {run.name for run in list_runs(tmp_path)} == {three["a/wide-net"].name, three["b/wide"].name}
    assert list_runs(tmp_path / "absent") == []


def test_a_run_folder_may_be_moved(run, tmp_path):
    run.set_status(state="finished")
    moved = shutil.move(run.folder, tmp_path / "elsewhere")
    assert Run.open(moved).status == {"state": "finished"}
    assert json.loads((tmp_path / "elsewhere" / "status.json").read_text())
