"""A thousand images, three in a hundred bad: the run goes to its end, and each bad file stands in its list."""

import csv
import shutil

import numpy as np
import pytest
from PIL import Image

from assay.experiments.run import Run

QUIET = ("--threads", 1, "--no-mlflow")
RECIPE = """\
data: {name: photos, size: 8}
preprocess: {scale: centered}
model: {layers: [flatten, linear 2]}
training: {epochs: 2, batch_size: 100}
"""


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """A working folder with `photos`: 500 dark images called night, 500 bright ones called day; `photos.yaml`."""
    generator = np.random.default_rng(0)
    for name, low in (("night", 0), ("day", 156)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(500):
            pixels = generator.integers(low, low + 100, (10, 10, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / f"photos/{name}/{i:03d}.png")
    (tmp_path / "photos.yaml").write_text(RECIPE)
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path / "root"))
    monkeypatch.setenv("ASSAY_RUNS", "runs")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "photos"


def spoil(photos):
    bad = {}
    for i in range(30):
        path = photos / ("night", "day")[i % 2] / f"{i:03d}.png"
        content = path.read_bytes()
        path.write_bytes((b"", b"words", content[:60])[i % 3])
        bad[path.relative_to(photos).as_posix()] = path
    return bad


def test_three_in_a_hundred_bad_images_change_nothing_but_the_list(photos, assay):
    bad = spoil(photos)
    done = assay("train", "photos.yaml", *QUIET)
    assert done.code == 0
    assert "30 bad, left out (3.0%)" in done.err
    run = Run.find("latest")
    assert run.status["state"] == "finished"
    with (run.folder / "quarantine.csv").open() as file:
        assert {row["path"] for row in csv.DictReader(file)} == bad.keys()
    with (run.folder / "images.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 970
    assert not {row["path"] for row in rows} & bad.keys()
    assert run.results["test"]["n"] == 194
    assert run.results["test"]["accuracy"] > 0.95


def test_six_in_a_hundred_end_it_before_anything_is_written(photos, assay):
    for i in range(60):
        (photos / f"day/{400 + i}.png").write_bytes(b"")
    done = assay("train", "photos.yaml", *QUIET)
    assert done.code == 1
    assert "60 of 1,000 images (6.0%) are bad" in done.err
    assert not (photos.parent / "runs").exists()
    assert assay("train", "photos.yaml", "data.max_bad=0.1", *QUIET).code == 0


def test_a_finished_run_judges_the_same_and_other_folders(photos, assay):
    assert assay("train", "photos.yaml", *QUIET).code == 0
    own, again = Run.find("latest"), assay("evaluate", "latest", "--threads", 1)
    assert again.code == 0
    assert own.results["test-2"]["accuracy"] == own.results["test"]["accuracy"]
    shutil.copytree(photos, "other")
    shutil.rmtree("other/night")
    (photos.parent / "other/day").rename(photos.parent / "other/noon")
    done = assay("evaluate", "latest", "--data", "other", "--threads", 1)
    assert done.code == 2
    assert "the classes of" in done.err
    assert "new: noon; missing: day, night" in done.err
    (photos.parent / "other/noon").rename(photos.parent / "other/day")  # a class of its own is enough
    assert assay("evaluate", "latest", "--data", "other", "--threads", 1).code == 0
    assert own.results["other-test"]["n"] == 500


def test_a_folder_that_changed_is_not_judged_as_if_it_had_not(photos, assay):
    assert assay("train", "photos.yaml", *QUIET).code == 0
    (photos / "day/000.png").rename(photos / "day/zzz.png")
    for data in ("test", "validation"):
        done = assay("evaluate", "latest", "--data", data, "--threads", 1)
        assert done.code == 1
        assert "are not those that" in done.err


def test_a_picture_of_the_folder_is_predicted_as_it_was_trained_on(photos, assay):
    assert assay("train", "photos.yaml", *QUIET).code == 0
    done = assay("predict", "latest", photos / "day/001.png")
    assert done.code == 0
    assert "day" in done.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["data.name=./absent"], "data.name=./absent: data.name: there is no folder or table"),
        (["data.name=cifar10", "data.size=8"], "data.size: a size is for folders of photos; cifar10 has its own"),
        (["data.max_bad=2"], "data.max_bad=2: data.max_bad: input should be less than 1"),
    ],
)
def test_a_wrong_word_about_a_folder_is_quoted(photos, assay, words, told):
    done = assay("train", "photos.yaml", *words, *QUIET)
    assert done.code == 2
    assert told in done.err


def test_one_class_is_not_enough(photos, assay):
    shutil.rmtree(photos / "night")
    done = assay("train", "photos.yaml", *QUIET)
    assert done.code == 1
    assert "all images are of one class, day; two are needed" in done.err
