"""Images that a run has trained on are known again in other sets: counted, and left out of a second figure."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import accuracy_score

from assay.core.runtime import Runtime
from assay.data.datasets.catalog import load_dataset
from assay.data.imageset import ImageSet
from assay.data.split import Split
from assay.evaluation.overlap import Overlap
from assay.evaluation.predictions import Predictions
from assay.experiments.evaluate import evaluate, evaluate_corrupted
from assay.experiments.photo_shift import measure_shift
from assay.experiments.replicates import read_group
from assay.experiments.run import Run
from assay.experiments.train import train
from assay.recipes.recipe import Recipe
from assay.report.tables.domain_shift import domain_shift_tables
from assay.report.tables.robustness import robustness_table

RUNTIME = Runtime("cpu", "fp32", 1)


@pytest.fixture(autouse=True)
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """They take most of the time."""
    monkeypatch.setattr("assay.experiments.finish.save_run_figures", lambda *_: None)


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Forty photos of noise in two classes, no two alike."""
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path / "data"))
    generator = np.random.default_rng(0)
    for name in ("dark", "bright"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(20):
            levels = generator.integers(0, 150, (24, 30, 3)) + (100 if name == "bright" else 0)
            Image.fromarray(levels.astype(np.uint8)).save(tmp_path / "photos" / name / f"{i:02}.png")
    return tmp_path / "photos"


def tiny_recipe(data: object) -> Recipe:
    return Recipe.build(
        {
            "name": "tests/photos",
            "data": data,
            "model": {"layers": ["conv 2 3x3", "relu", "flatten", "linear 2"]},
            "optimizer": {"name": "sgd", "lr": 0.01},
            "training": {"epochs": 1, "batch_size": 8},
        }
    )


@pytest.fixture
def run(photos: Path, tmp_path: Path) -> Run:
    recipe = tiny_recipe({"name": str(photos), "size": 16, "validation": 0.2})
    return train(recipe, runs=tmp_path / "runs", runtime=RUNTIME, mlflow=False)


def files_of(run: Run, part: str) -> list[str]:
    rows = [line.split(",") for line in (run.folder / "images.csv").read_text().splitlines()[1:]]
    return [row[3] for row in rows if row[1] == part]


def copy_files(photos: Path, files: list[str], target: Path) -> Path:
    for i, file in enumerate(files):
        path = target / Path(file).parent / f"copy-{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(photos / file, path)
    return target


def overlap_of(entry: dict) -> Overlap:
    return Overlap.from_dict(entry["overlap"])


def test_copies_of_training_and_validation_photos_are_counted(run, photos, tmp_path):
    files = [*files_of(run, "train")[:5], *files_of(run, "validation")[:2], *files_of(run, "test")[:6]]
    overlap = overlap_of(evaluate(run, str(copy_files(photos, files, tmp_path / "copies")), runtime=RUNTIME))
    assert (overlap.n, overlap.train, overlap.validation, overlap.new_images.n) == (13, 5, 2, 6)


def test_the_second_figure_is_that_of_the_other_photos_alone(run, photos, tmp_path):
    both = copy_files(photos, files_of(run, "train") + files_of(run, "test"), tmp_path / "both")
    alone = copy_files(photos, files_of(run, "test"), tmp_path / "alone")
    expected = evaluate(run, str(alone), runtime=RUNTIME)
    rest = overlap_of(evaluate(run, str(both), runtime=RUNTIME)).new_images
    assert (rest.n, rest.correct, list(rest.interval)) == (expected["n"], expected["correct"], expected["interval"])


def test_the_returned_entry_is_the_stored_one(run, photos, tmp_path):
    entry = evaluate(run, str(copy_files(photos, files_of(run, "test"), tmp_path / "copies")), runtime=RUNTIME)
    assert list(run.results.values())[-1] == entry


def test_new_photos_are_known_to_be_new(run, photos, tmp_path):
    copies = copy_files(photos, files_of(run, "test"), tmp_path / "copies")
    overlap = overlap_of(evaluate(run, str(copies), runtime=RUNTIME))
    assert (overlap.used, overlap.tag, overlap.notes) == (0, "", [])


def test_a_saved_again_copy_with_the_same_pixels_is_known(run, photos, tmp_path):
    folder = copy_files(photos, files_of(run, "train"), tmp_path / "copies")
    for path in folder.rglob("*.png"):
        with Image.open(path) as image:
            image.load()
        image.save(path.with_suffix(".bmp"))
        path.unlink()
    overlap = overlap_of(evaluate(run, str(folder), runtime=RUNTIME))
    assert overlap.train == overlap.n == len(files_of(run, "train"))
    assert overlap.new_images is None


def test_near_duplicates_are_counted_on_their_own(run, photos, tmp_path):
    """Brighter copies of training photos beside the run's own test photos."""
    files = [*files_of(run, "train")[:6], *files_of(run, "test")]
    folder = copy_files(photos, files, tmp_path / "copies")
    for path in [path for i in range(6) for path in folder.rglob(f"copy-{i}.png")]:
        with Image.open(path) as image:
            brighter = np.asarray(image).astype(int) + 5
        Image.fromarray(brighter.clip(0, 255).astype(np.uint8)).save(path)
    overlap = overlap_of(evaluate(run, str(folder), runtime=RUNTIME))
    assert (overlap.train, overlap.near, overlap.new_images.n) == (0, 6, len(files_of(run, "test")))


def test_near_duplicates_that_cannot_be_looked_for_are_said(run, photos, tmp_path):
    folder = copy_files(photos, files_of(run, "train"), tmp_path / "copies")
    shutil.rmtree(photos)
    overlap = overlap_of(evaluate(run, str(folder), runtime=RUNTIME))
    assert overlap.near is None
    assert overlap.notes[-1].startswith("near-duplicates of training images were not looked for")


def test_copies_are_known_when_the_photos_themselves_are_gone(run, photos, tmp_path):
    folder = copy_files(photos, files_of(run, "train"), tmp_path / "copies")
    shutil.rmtree(photos)
    assert overlap_of(evaluate(run, str(folder), runtime=RUNTIME)).train == len(files_of(run, "train"))


def test_an_old_run_without_hashes_reads_its_photos_again(run, photos, tmp_path):
    (run.folder / "pixel_hashes.npy").unlink()
    folder = copy_files(photos, files_of(run, "train"), tmp_path / "copies")
    assert overlap_of(evaluate(run, str(folder), runtime=RUNTIME)).train == len(files_of(run, "train"))


def test_an_old_run_whose_photos_are_gone_says_that_nothing_was_compared(run, photos, tmp_path):
    (run.folder / "pixel_hashes.npy").unlink()
    folder = copy_files(photos, files_of(run, "train"), tmp_path / "copies")
    shutil.rmtree(photos)
    overlap = overlap_of(evaluate(run, str(folder), runtime=RUNTIME))
    assert "not compared with the training images" in overlap.notes[0]
    assert overlap.new_images is None


def test_a_moved_folder_is_the_runs_own_data(run, photos, tmp_path):
    first = run.results["test"]
    photos.rename(tmp_path / "moved")
    entry = evaluate(run, str(tmp_path / "moved"), runtime=RUNTIME)
    assert (entry["data"], entry["n"], entry["accuracy"]) == (run.test_set, first["n"], first["accuracy"])
    assert entry["look"] == 2
    stored = [Predictions.load(run.folder / "predictions" / f"{name}.npz").indices for name in ("test", "test-2")]
    np.testing.assert_array_equal(*stored)


def test_a_moved_folder_is_asked_for(run, photos, tmp_path):
    photos.rename(tmp_path / "moved")
    with pytest.raises(Exception, match="if it was moved, give its new place"):
        evaluate(run, runtime=RUNTIME)


def test_shift_names_the_training_photos_too(run, photos):
    result, _ = measure_shift(run, photos, runtime=RUNTIME)
    counts = [len(files_of(run, part)) for part in ("train", "validation", "test")]
    assert [result.overlap.train, result.overlap.validation, result.overlap.new_images.n] == counts
    tag = f"[USED IN TRAINING: {counts[0] + counts[1]} of 40 images]"
    assert domain_shift_tables(result, "csv").count(tag) == 1
    assert domain_shift_tables(result, "text").count(tag) == 2


def test_corrupted_copies_name_the_training_photos_too(run, photos, tmp_path, monkeypatch):
    monkeypatch.setattr("assay.evaluation.robustness.corruption_names", lambda channels: ["jpeg"])
    folder = copy_files(photos, files_of(run, "train"), tmp_path / "copies")
    result, label = evaluate_corrupted(run, str(folder), runtime=RUNTIME)
    assert result.overlap.train == result.n
    assert run.read_json(f"{label}.json")["overlap"]["train"] == result.n
    assert robustness_table(result, "text").count("[USED IN TRAINING: ") == 2


def test_own_training_arrays_given_as_test_images_are_known(tmp_path):
    generator = np.random.default_rng(1)
    pixels = generator.integers(0, 255, (40, 1, 8, 8), dtype=np.uint8)
    images = ImageSet(pixels, np.arange(40) % 2, ("even", "odd"), "mine")
    test = ImageSet(np.concatenate([pixels[:3], 255 - pixels[:5]]), np.arange(8) % 2, ("even", "odd"), "mine")
    recipe = tiny_recipe({"name": "mine", "validation": 0.2})
    run = train(recipe, images=images, test=test, runs=tmp_path, runtime=RUNTIME, mlflow=False)
    overlap, split = overlap_of(run.results["test"]), Split.load(run.folder / "split.npz")
    assert overlap.used == 3
    assert overlap.train == sum(i in split.train for i in range(3))
    assert read_group([run], "test").name == f"{run.name} [USED IN TRAINING: 3 of 8 images]"
    predictions = Predictions.load(run.folder / "predictions" / "test.npz")
    assert overlap.new_images.accuracy == accuracy_score(predictions.labels[3:], predictions.predicted[3:])


def test_training_images_of_a_named_set_are_known_in_own_arrays(bars_run):
    entry = evaluate(bars_run, "exported", images=load_dataset("bars", "train").subset(range(50)), runtime=RUNTIME)
    assert overlap_of(entry).used == 50


def test_the_published_test_set_of_a_named_set_is_not_compared(bars_run):
    assert "overlap" not in bars_run.results["test"]
