"""Cross-validation judges every photograph once, goes on after a stop, and repeats nothing that is done."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import accuracy_score

from assay.core.errors import Interrupted, UsageError
from assay.core.runtime import Runtime
from assay.data.load import LoadedData, load_data
from assay.evaluation.predictions import Predictions
from assay.experiments.cross_validation import cross_validate
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


def test_a_given_test_part_leaves_nothing_to_fold(recipe, photographs):
    (photographs / "test").mkdir()
    for name in ("dark", "light"):
        (photographs / name).rename(photographs / "test" / name)
        (photographs / "train" / name).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(photographs / "train" / name / "0.png")
    with pytest.raises(UsageError, match="its test images are given"):
        evaluate_folds(recipe, load_data(recipe.data))
