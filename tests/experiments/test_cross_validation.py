"""Cross-validation judges every photograph once, goes on after a stop, and repeats nothing that is done."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import accuracy_score

from assay.cli.show import show_folds
from assay.core.errors import DataError, Interrupted, UsageError
from assay.core.runtime import Runtime
from assay.data.load import LoadedData, load_data
from assay.data.split import Split
from assay.evaluation.predictions import Predictions
from assay.experiments.cross_validation import SilentFolds, cross_validate
from assay.experiments.run import list_runs
from assay.recipes.recipe import Recipe
from assay.training.trainer import Trainer

FP32 = Runtime("cpu", "fp32", threads=1)


@pytest.fixture
def photographs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Fifteen noisy pictures of each of two brightnesses."""
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path / "root"))
    random = np.random.default_rng(0)
    for name, low in (("dark", 0), ("light", 150)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(15):
            pixels = random.integers(low, low + 100, (8, 8, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{i}.png")
    return tmp_path / "photos"


@pytest.fixture
def recipe(photographs: Path) -> Recipe:
    values = {
        "name": "photos/tiny",
        "data": {"name": str(photographs), "size": 8, "validation": 0},
        "model": {"layers": ["flatten", "linear 2"]},
        "optimizer": {"name": "sgd", "lr": 0.05},
        "training": {"epochs": 4, "batch_size": 8},
    }
    return Recipe.build(values)


@pytest.fixture
def reading(recipe: Recipe) -> LoadedData:
    return load_data(recipe.data)


def evaluate_folds(recipe, reading):
    return cross_validate(recipe, reading, runs=Path("runs"), runtime=FP32, mlflow=False)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder of its own, and no pictures of single runs, which take most of the time."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("assay.experiments.finish.save_run_figures", lambda *_: None)


def test_every_photograph_is_judged_once_by_a_net_that_never_saw_it(recipe, reading):
    found = evaluate_folds(recipe, reading)
    assert sorted(found.predictions.indices) == list(range(30))
    assert np.array_equal(found.predictions.labels, reading.images.labels[found.predictions.indices])
    for run in found.runs:
        with np.load(run.folder / "split.npz") as parts:
            assert not set(parts["train"]) & set(parts["test"])
    stored = Predictions.load(found.folder / "predictions.npz")
    correct = sum(run.results["test"]["correct"] for run in found.runs)
    assert accuracy_score(stored.labels, stored.predicted) == correct / 30
    assert (found.folder / "folds-confusion.png").is_file()


@pytest.mark.parametrize("validation", [0, 0.3])
def test_the_closing_sentence_says_that_each_photo_was_evaluated_where_each_was(recipe, validation, capsys):
    """Photos held out for validation in one fold are tested in another."""
    recipe = recipe.override({"training.epochs": 1, "data.validation": validation})
    result = evaluate_folds(recipe, load_data(recipe.data))
    assert len(result.predictions) == result.photos == 30
    show_folds(result, as_json=False)
    assert "each photo is evaluated once" in capsys.readouterr().out


def test_the_closing_sentence_counts_photos_that_no_fold_tests(recipe, photographs, capsys):
    (photographs / "gray").mkdir()
    Image.new("RGB", (8, 8), (128, 128, 128)).save(photographs / "gray" / "0.png")
    recipe = recipe.override({"model.layers": ["flatten", "linear 3"], "training.epochs": 1})
    show_folds(evaluate_folds(recipe, load_data(recipe.data)), as_json=False)
    assert "30 of 31 photos are evaluated once" in capsys.readouterr().out


def test_finished_folds_are_not_trained_again_and_a_stopped_one_resumes(recipe, reading, monkeypatch):
    def step(self, epoch, *arguments):
        if self.recipe.data.fold == 1 and epoch == 1:
            raise Interrupted("Ctrl-C")
        return real(self, epoch, *arguments)

    real = Trainer.step
    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "step", step)
        with pytest.raises(Interrupted):
            evaluate_folds(recipe, reading)
    before = {run.folder: run.status["state"] for run in list_runs()}
    assert sorted(before.values()) == ["finished", "stopped"]
    found = evaluate_folds(recipe, reading)
    assert before.keys() <= {run.folder for run in found.runs}
    assert len(list_runs()) == 5
    assert {len(run.looks) for run in found.runs} == {1}


def test_changed_photographs_are_evaluated_again(recipe, reading, photographs):
    first = evaluate_folds(recipe, reading)
    Image.new("RGB", (8, 8), (200, 10, 10)).save(photographs / "dark" / "0.png")
    second = evaluate_folds(recipe, load_data(recipe.data))
    assert not {run.folder for run in first.runs} & {run.folder for run in second.runs}


def draw_class(folder: Path, count: int, seed: int = 0, distinct: bool = True) -> None:
    """A class of `count` pictures, which are copies of one another unless they are distinct."""
    folder.mkdir(parents=True)
    for i in range(count):
        random = np.random.default_rng(seed + i if distinct else seed)
        Image.fromarray(random.integers(0, 256, (8, 8, 3), np.uint8)).save(folder / f"{i}.png")


def test_one_image_a_class_is_refused_in_one_sentence_before_anything_is_written(recipe, tmp_path):
    for number, name in enumerate(["cat", "dog", "frog", "horse", "ship"]):
        draw_class(tmp_path / "single" / name, 1, seed=number)
    single = recipe.override({"data.name": str(tmp_path / "single"), "model.layers": ["flatten", "linear 5"]})
    with pytest.raises(DataError, match="no class can be tested"):
        evaluate_folds(single, load_data(single.data))
    assert not list_runs()


def test_pictures_all_taken_for_copies_are_refused_before_the_first_fold_is_trained(recipe, tmp_path):
    draw_class(tmp_path / "xrays" / "ill", 40, distinct=False)
    draw_class(tmp_path / "xrays" / "normal", 3, seed=50)
    xrays = recipe.override({"data.name": str(tmp_path / "xrays")})
    with pytest.raises(DataError, match=r"fold \d of 5 has no test image.* 4 without near-duplicates"):
        evaluate_folds(xrays, load_data(xrays.data))
    assert not list_runs()


def test_a_class_of_one_image_is_named_and_the_photos_that_are_tested_are_counted(recipe, tmp_path):
    draw_class(tmp_path / "tiny" / "cat", 5)
    draw_class(tmp_path / "tiny" / "dog", 1, seed=50)
    tiny, lines = recipe.override({"data.name": str(tmp_path / "tiny")}), []
    progress = SilentFolds()
    progress.on_message = lines.append
    found = cross_validate(tiny, load_data(tiny.data), runs=Path("runs"), runtime=FP32, mlflow=False, progress=progress)
    assert lines[0].startswith("warning: 5 of 6 photos are tested, none of dog")
    assert (len(found.predictions), found.photos) == (5, 6)


def test_folds_that_an_older_version_drew_otherwise_are_trained_again(recipe, reading):
    first = evaluate_folds(recipe, reading)
    with np.load(first.runs[0].folder / "split.npz") as parts:
        split = Split(parts["train"], parts["validation"], parts["test"])
    Split(np.sort(np.append(split.train[1:], split.test[0])), split.validation, np.sort(
        np.append(split.test[1:], split.train[0])
    )).save(first.runs[0].folder / "split.npz")  # fmt: skip
    second = evaluate_folds(recipe, reading)
    assert first.runs[0] != second.runs[0]
    assert first.runs[1:] == second.runs[1:]


def test_a_given_test_part_leaves_nothing_to_fold(recipe, photographs):
    (photographs / "test").mkdir()
    for name in ("dark", "light"):
        (photographs / name).rename(photographs / "test" / name)
        (photographs / "train" / name).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(photographs / "train" / name / "0.png")
    with pytest.raises(UsageError, match="its test images are given"):
        evaluate_folds(recipe, load_data(recipe.data))
