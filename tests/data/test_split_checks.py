"""What a split lacks is named, and a folder without test images is refused in one sentence."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from assay.core.errors import DataError
from assay.data.folders.folder import open_folder
from assay.data.load import LoadedData, split_images
from assay.data.location import with_absolute_path
from assay.data.split import Split
from assay.data.split_checks import check_test_images, describe_folds, describe_gaps
from assay.recipes.schema import Data

from ..conftest import bars


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path / "root"))


def folder_of(path: Path, counts: dict[str, list[int]]) -> Path:
    """A folder with pictures in each class, one for each number; equal numbers are copies."""
    for name, seeds in counts.items():
        (path / name).mkdir(parents=True)
        for i, seed in enumerate(seeds):
            pixels = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8)
            image = Image.fromarray(pixels).resize((24, 24), Image.Resampling.BICUBIC)
            image.save(path / name / f"{i:02}.png")
    return path


def loaded(path: Path, **keys: object) -> tuple[LoadedData, Data]:
    data = with_absolute_path(Data.model_validate({"name": str(path), "size": 16, **keys}))
    folder = open_folder(path, (3, 16, 16), 0.05)
    return LoadedData(folder.images, folder.split(data), folder), data


def test_nothing_is_said_of_a_whole_split(tmp_path):
    assert not describe_gaps(*loaded(folder_of(tmp_path / "photos", {"a": [*range(30)], "b": [*range(50, 80)]})))


def test_a_test_set_without_a_class_and_far_smaller_than_asked_is_one_line(tmp_path):
    # x-rays that are all taken for copies of each other, but for a few
    read = loaded(folder_of(tmp_path / "photos", {"a": [*range(8)], "b": [99] * 40}), validation=0)
    lines = describe_gaps(*read)
    assert len(lines) == 1
    assert re.search(r"the test set, fold 1 of 5, has [12] of about 10 images, none of b; near-duplicates", lines[0])


def test_validation_images_without_a_class_are_named(images):
    data = Data(validation=0.05)
    read = split_images(data, images)
    lacking = read.split.validation[images.labels[read.split.validation] != 2]
    split = Split(np.setdiff1d(np.arange(len(images)), lacking), lacking)
    (line,) = describe_gaps(LoadedData(images, split), data)
    assert line.endswith("images, none of right")


def test_a_validation_share_that_rounds_to_no_image_is_named():
    read = split_images(Data(validation=0.01), bars(20))
    assert describe_gaps(read, Data(validation=0.01)) == [
        "warning: the validation set is empty: 0.2 images were asked for"
    ]


def test_without_a_wish_for_validation_there_is_no_word_about_it():
    assert not describe_gaps(split_images(Data(validation=0), bars(20)), Data(validation=0))


def test_a_class_that_a_given_test_part_lacks_is_named(tmp_path):
    counts = {"train/a": [*range(10)], "train/b": [*range(20, 30)], "test/a": [50, 51]}
    assert describe_gaps(*loaded(folder_of(tmp_path / "photos", counts), validation=0)) == [
        "warning: the test set has 2 images, none of b"
    ]


def test_one_image_of_each_class_is_refused(tmp_path):
    read = loaded(folder_of(tmp_path / "photos", {name: [i] for i, name in enumerate("abcde")}))
    with pytest.raises(DataError, match="no class can be tested, because each has a single image"):
        check_test_images(*read)


def test_an_empty_fold_is_refused_by_its_number(tmp_path):
    path = folder_of(tmp_path / "photos", {"a": [1, 2], "b": [3, 4]})
    for number in range(5):
        read = loaded(path, fold=number)
        if not len(read[0].split.test):
            with pytest.raises(DataError, match=f"fold {number + 1} of 5 has no test image.*4 without near-dup"):
                check_test_images(*read)
            break
    else:
        pytest.fail("four images do not fill five folds")


def test_photos_in_no_fold_are_counted_and_their_class_is_named(tmp_path):
    path = folder_of(tmp_path / "photos", {"cat": [1, 2, 3, 4, 5], "dog": [6]})
    folds = [loaded(path, fold=number)[0].split.test for number in range(5)]
    lines = describe_folds(loaded(path)[0], folds)
    assert len(lines) == 1
    assert lines[0].startswith("warning: 5 of 6 photos are tested, none of dog: a class with a single image or group")


def test_folds_of_unequal_size_are_named(tmp_path):
    path = folder_of(tmp_path / "photos", {"a": [*range(10), *[99] * 30], "b": [*range(100, 110)]})
    folds = [loaded(path, fold=number)[0].split.test for number in range(5)]
    sizes = sorted(map(len, folds))
    assert f"the folds have {sizes[0]} to {sizes[-1]} test images" in describe_folds(loaded(path)[0], folds)[0]
