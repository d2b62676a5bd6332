"""Runs on different images are neither replicates nor compared; a moved folder and old runs are."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from torch import nn

import assay
from assay import Run, compare, resume
from assay.core.errors import DataError, UsageError
from assay.core.runtime import Runtime
from assay.data.imageset import ImageSet
from assay.experiments.replicates import find_group, read_group
from assay.experiments.run_identity import check_own_test, replicate_hash, scored_identity, training_identity
from assay.recipes.recipe import Recipe

FP32 = Runtime("cpu", "fp32", threads=1)


@pytest.fixture(autouse=True)
def without_figures(monkeypatch) -> None:
    """Drawing takes most of the time of such short trainings."""
    monkeypatch.setattr("assay.experiments.finish.save_run_figures", lambda *_: None)


@pytest.fixture
def quick(recipe) -> Recipe:
    """One epoch of a linear net."""
    return recipe.override({"model.layers": ["flatten", "linear 3"], "training.epochs": 1, "augment": []})


@pytest.fixture
def train(quick, images, test_images, tmp_path):
    """Train on own images, with other pixels or another seed if asked."""

    def call(seed: int = 0, lr: float = 0.05, images: ImageSet = images, test: ImageSet = test_images, **more) -> Run:
        recipe = quick.override({"seed": seed, "optimizer.lr": lr})
        return assay.train(recipe, images=images, test=test, runs=tmp_path / "runs", runtime=FP32, mlflow=False, **more)

    return call


def with_other_pixels(images: ImageSet) -> ImageSet:
    return ImageSet(images.images ^ 1, images.labels, images.class_names, images.source)


def forget(run: Run) -> None:
    """Take the fingerprints out of a run, as of a version that stored none."""
    config = run.read_json("config.json")
    kept = {key: value for key, value in config.items() if not key.startswith(("data_f", "data_c", "test_f"))}
    (run.folder / "config.json").write_text(json.dumps(kept))


def test_seeds_on_other_pixels_are_no_replicates(train, images):
    runs = [train(seed=0), train(seed=1, images=with_other_pixels(images))]
    with pytest.raises(DataError, match=r"s0 and .*s1 are not replicates: they were trained on different images"):
        read_group(runs, "validation")


def test_seeds_tested_on_other_pixels_are_no_replicates(train, test_images):
    runs = [train(seed=0), train(seed=1, test=with_other_pixels(test_images))]
    with pytest.raises(DataError, match="they were tested on different images"):
        read_group(runs, "validation")


def test_recipes_on_other_pixels_do_not_pair_up(train, images):
    runs = [train(), train(lr=0.1, images=with_other_pixels(images))]
    with pytest.raises(DataError, match=r"were evaluated on different images, both called bars/validation"):
        compare(*runs)


def test_recipes_trained_on_other_pixels_and_tested_on_the_same_are_compared_on_test_images(train, images):
    runs = [train(), train(lr=0.1, images=with_other_pixels(images))]
    (comparison,) = compare(*runs, on="test")
    assert comparison.n == 100


def test_recipes_tested_on_other_pixels_do_not_pair_up_and_no_look_is_counted(train, test_images):
    runs = [train(), train(lr=0.1, test=with_other_pixels(test_images))]
    with pytest.raises(DataError, match="both called bars/test"):
        compare(*runs, on="test")
    assert [len(run.looks) for run in runs] == [1, 1]


def test_runs_without_a_fingerprint_stay_comparable(train, images):
    runs = [train(seed=0), train(seed=1, images=with_other_pixels(images)), train(lr=0.1)]
    forget(runs[1])
    assert read_group(runs[:2], "validation").seeds == (0, 1)
    assert compare(runs[1], runs[2])[0].n == 20


def test_two_own_modules_of_one_class_name_are_no_replicates(train):
    narrow, wide = (nn.Sequential(nn.Flatten(), nn.Linear(64, n), nn.Linear(n, 3)) for n in (4, 5))
    runs = [train(seed=0, model=narrow), train(seed=1, model=wide)]
    assert runs[0].recipe.model.name == runs[1].recipe.model.name == "Sequential"
    assert runs[0].recipe.hash != runs[1].recipe.hash
    with pytest.raises(UsageError, match="are not replicates: their recipes differ in more than the seed"):
        read_group(runs, "validation")
    with pytest.raises(UsageError, match="'bars' fits runs of 2 recipes"):
        find_group("bars", runs[0].folder.parents[1])


def test_a_run_is_resumed_with_its_own_test_images(train, images, test_images):
    run = train()
    run.set_status(state="stopped")
    with pytest.raises(DataError, match=r"are not those that .* was set up with"):
        resume(run, images=images, test=with_other_pixels(test_images), runtime=FP32, mlflow=False)
    with pytest.raises(DataError, match="was set up with your own test images; give them again"):
        check_own_test(run, None)


@pytest.fixture
def train_folder(quick, bars_photos, tmp_path, monkeypatch):
    """Train on a folder of photos."""
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path / "data"))

    def call(folder: Path = bars_photos, **changes) -> Run:
        data = {"data.name": str(folder), "data.size": 8, "data.validation": 0.3}
        recipe = quick.override({**data, **{key.replace("_", ".", 1): value for key, value in changes.items()}})
        return assay.train(recipe, runs=tmp_path / "runs", runtime=FP32, mlflow=False)

    return call


def brighten(path: Path) -> None:
    """Replace a photo by one of another content."""
    from PIL import Image

    pixels = np.asarray(Image.open(path))
    Image.fromarray(255 - pixels).save(path)


def test_a_folder_whose_photos_were_replaced_between_seeds_gives_no_replicates(train_folder, bars_photos):
    first = train_folder()
    brighten(next(bars_photos.glob("left/*.png")))
    with pytest.raises(DataError, match=r"mine \(fingerprint .* differ in pictures, labels or their order"):
        read_group([first, train_folder(seed=1)], "validation")


def test_a_folder_that_moved_gives_replicates_and_is_compared(train_folder, bars_photos):
    first = train_folder()
    moved = bars_photos.with_name("elsewhere")
    shutil.move(bars_photos, moved)
    second, third = train_folder(moved, seed=1), train_folder(moved, optimizer_lr=0.1)
    assert training_identity(first) == training_identity(second)
    assert replicate_hash(first) == replicate_hash(second) != replicate_hash(third)
    assert read_group([first, second], "validation").seeds == (0, 1)
    assert compare(first, third, on="test")[0].n == len(find_test(first))


def find_test(run: Run) -> np.ndarray:
    return np.load(run.folder / "split.npz")["test"]


def test_one_folder_at_two_sizes_is_compared(train_folder):
    small, large = train_folder(), train_folder(data_size=16)
    assert small.read_json("config.json")["data_fingerprint"] != large.read_json("config.json")["data_fingerprint"]
    assert compare(small, large)[0].n > 0


def test_another_folder_at_another_size_is_refused(train_folder, bars_photos):
    small = train_folder()
    brighten(next(bars_photos.glob("left/*.png")))
    with pytest.raises(DataError, match="were evaluated on different images"):
        compare(small, train_folder(data_size=16))


def test_the_test_set_of_a_named_data_set_needs_no_fingerprint(bars_run):
    assert scored_identity(bars_run, "test").matches(training_identity(bars_run)) is None
    assert scored_identity(bars_run, "validation").fingerprint
