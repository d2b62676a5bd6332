"""A folder's images keep their given parts; others are drawn with copies together, the same way every time."""

import csv
import shutil

import numpy as np
import pytest
from PIL import Image

from assay.data.folders.folder import open_folder
from assay.data.preprocess import Preprocess
from assay.recipes.schema import Data


def opened(folder, size=16):
    return open_folder(folder, (3, size, size), 0.05)


def labels_of(result, rows):
    return np.bincount(result.images.labels[rows]).tolist()


def test_without_parts_a_fifth_is_for_testing_and_a_tenth_of_the_rest_for_validation(fill):
    result = opened(fill({"cat": 50, "dog": 100}))
    parts = result.split(Data())
    assert labels_of(result, parts.test) == [10, 20]
    assert labels_of(result, parts.validation) == [4, 8]
    assert sorted([*parts.train, *parts.validation, *parts.test]) == list(range(150))


def test_given_parts_are_kept(fill):
    result = opened(fill({"train/cat": 8, "train/dog": 8, "val/cat": 2, "val/dog": 2, "test/cat": 3, "test/dog": 3}))
    parts = result.split(Data())
    for name, rows in (("train", parts.train), ("validation", parts.validation), ("test", parts.test)):
        assert {result.scan.entries[i].part for i in rows} == {name}


def test_a_missing_part_is_drawn_from_training_images(fill):
    result = opened(fill({"train/cat": 20, "train/dog": 20, "test/cat": 3, "test/dog": 3}))
    parts = result.split(Data(validation=0.25))
    assert {result.scan.entries[i].part for i in parts.validation} == {"train"}
    assert labels_of(result, parts.validation) == [5, 5]
    assert len(parts.test) == 6


def test_the_test_images_depend_on_content_and_split_seed_alone(fill):
    result = opened(fill({"cat": 30, "dog": 30}))
    plain, second = result.split(Data()), result.split(Data(validation=0.3, share=0.5))
    assert np.array_equal(plain.test, second.test)
    assert len(second.train) == len(result.split(Data(validation=0.3)).train) // 2
    assert not np.array_equal(plain.test, result.split(Data(split_seed=1)).test)


def test_copies_stay_on_one_side(fill, picture):
    folder = fill({"cat": 10, "dog": 10})
    for seed in range(10):
        for copy in range(5):
            picture(7000 + seed, 60).save(folder / f"cat/{seed}-{copy}.jpg", quality=95 - copy)
    result = opened(folder)
    groups = result.scan.groups
    for seed in range(5):
        parts = result.split(Data(validation=0.3, split_seed=seed))
        sides = [set(groups[rows].tolist()) for rows in (parts.train, parts.validation, parts.test)]
        assert sum(map(len, sides)) == len(set.union(*sides))
        assert len(parts.test) >= 6


def test_it_comes_back_equal_and_notices_any_change(fill):
    folder = fill({"cat": 3, "dog": 3})
    first = opened(folder).images.fingerprint
    assert opened(folder).images.fingerprint == first
    assert opened(folder, 8).images.fingerprint != first
    shutil.move(folder / "cat/00.png", folder / "dog/zz.png")
    assert opened(folder).images.fingerprint != first


@pytest.mark.parametrize("kind", ["jpg", "png"])
def test_training_and_prediction_see_the_same_pixels(tmp_path, kind):
    wide = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    for i in range(2):
        (tmp_path / f"photos/{i}").mkdir(parents=True)
        large = Image.fromarray(np.roll(wide, i, axis=2)).resize(
            (900, 700), Image.Resampling.BICUBIC
        )  # a draft is used
        large.save(tmp_path / f"photos/{i}/a.{kind}")
    result = opened(tmp_path / "photos", 40)
    for i in range(2):
        output = Preprocess((3, 40, 40)).read_file(tmp_path / f"photos/{i}/a.{kind}")[0].numpy()
        assert np.array_equal(output, result.images.images[i])


def test_a_run_is_told_which_image_is_which(fill, tmp_path):
    folder = fill({"cat": 6, "dog": 6})
    (folder / "cat/two\nlines.png").write_bytes((folder / "cat/00.png").read_bytes())
    result = opened(folder)
    parts = result.split(Data(share=0.5))
    result.write_lists(tmp_path, parts)
    with (tmp_path / "images.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == [entry.path for entry in result.scan.entries]
    assert [int(row["index"]) for row in rows if row["part"] == "test"] == parts.test.tolist()
    assert [int(row["index"]) for row in rows if row["part"] == "train"] == parts.train.tolist()
    assert {row["part"] for row in rows} == {"train", "validation", "test", "unused"}
