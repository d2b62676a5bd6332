"""A scan reports by path what it found: counts, copies, leaks, conflicts, and bad files, of which many end it."""

import csv
import shutil
from pathlib import Path

import pytest
from PIL import Image

from assay.core.errors import DataError
from assay.data.folders.folder import open_folder
from assay.data.folders.summary import summary


def scan(folder, max_bad=0.5):
    return open_folder(folder, (3, 16, 16), max_bad).scan


def paths(result, groups):
    return [[result.entries[i].path for i in places] for places in groups]


def test_classes_parts_and_sizes_are_counted(fill):
    result = scan(fill({"train/cat": 3, "train/dog": 2, "test/cat": 1}))
    assert result.class_names == ("cat", "dog")
    assert result.counts["cat"] == {"train": 3, "test": 1}
    text = "\n".join(summary(result))
    assert "train 5, test 1" in text
    assert "2 classes of 2 to 4 images" in text
    assert "longer side 24 to 24 px" in text
    assert "formats: PNG 6; colors: RGB 6" in text


def test_the_same_picture_in_two_parts_is_a_leak(fill, picture):
    folder = fill({"train/cat": 3, "test/cat": 2})
    shutil.copy(folder / "train/cat/01.png", folder / "test/cat/exact.png")
    picture(5000, 80).save(folder / "train/cat/large.png")
    picture(5000, 60).save(folder / "test/cat/small.jpg", quality=90)
    result = scan(folder)
    assert paths(result, result.leaks) == [
        ["test/cat/exact.png", "train/cat/01.png"], ["test/cat/small.jpg", "train/cat/large.png"],
    ]  # fmt: skip
    assert paths(result, result.exact_copies) == [["test/cat/exact.png", "train/cat/01.png"]]
    assert "LEAK: across the given parts, 2 groups:" in summary(result)


def test_the_same_picture_in_two_classes_is_a_conflict(fill):
    folder = fill({"cat": 2, "dog": 2})
    shutil.copy(folder / "cat/01.png", folder / "dog/x.png")
    result = scan(folder)
    assert paths(result, result.conflicts) == [["cat/01.png", "dog/x.png"]]
    assert result.leaks == []


def test_empty_classes_and_classes_of_one_image_are_said(fill):
    folder = fill({"cat": 3, "dog": 1, "bird": 1})
    (folder / "bird/00.png").write_bytes(b"words")
    (folder / "cow").mkdir()
    result = scan(folder)
    assert result.class_names == ("cat", "dog")
    assert result.empty_classes == ("bird", "cow")
    text = "\n".join(summary(result))
    assert "classes without any good image: bird, cow" in text
    assert "classes of one image, which cannot be evaluated: dog" in text


def test_too_many_bad_files_end_it_with_the_first_and_a_list_of_all(fill):
    folder = fill({"cat": 40, "dog": 40})
    for i in range(25):
        (folder / f"cat/{i:02d}.png").write_bytes(b"words")
    with pytest.raises(
        DataError, match=r"25 of 80 images \(31\.2%\) are bad, more than data.max_bad=0\.05 allows"
    ) as told:
        scan(folder, 0.05)
    message = str(told.value)
    assert "  cat/19.png: not an image" in message
    assert "cat/20.png" not in message
    assert "and 5 more" in message
    (path,) = [line.partition(": ")[2].partition(";")[0] for line in message.splitlines() if line.startswith("all of")]
    with Path(path).open() as file:
        assert [row["path"] for row in csv.DictReader(file)] == [f"cat/{i:02d}.png" for i in range(25)]


def test_as_many_as_allowed_are_left_out(fill):
    folder = fill({"cat": 19, "dog": 1})
    (folder / "cat/00.png").write_bytes(b"")
    result = scan(folder, 0.05)
    assert result.quarantine == (("cat/00.png", "an empty file (0 bytes)"),)
    assert "1 bad, left out (5.0%):" in summary(result)


def test_nothing_but_bad_files_is_an_error(fill):
    folder = fill({"cat": 1})
    (folder / "cat/00.png").write_bytes(b"")
    with pytest.raises(DataError, match="bad"):
        scan(folder, 0.99)


def test_a_missing_image_of_a_table_is_bad(tmp_path):
    Image.new("RGB", (20, 20)).save(tmp_path / "1.png")
    (tmp_path / "list.csv").write_text("path,label\n1.png,cat\n2.png,dog\n")
    assert scan(tmp_path / "list.csv").quarantine == (("2.png", "there is no such file"),)


@pytest.mark.parametrize(
    ("duplicates", "groups"), [("auto", [0, 1, 0, 0]), ("exact", [0, 1, 0, 3]), ("off", [0, 1, 2, 3])]
)
def test_the_recipe_says_which_images_are_grouped(fill, duplicates, groups):
    folder = fill({"cat": 2})
    shutil.copy(folder / "cat/00.png", folder / "cat/copy.png")
    with Image.open(folder / "cat/00.png") as image:
        image.save(folder / "cat/other.png", compress_level=1)
    result = open_folder(folder, (3, 16, 16), 0.5, duplicates=duplicates).scan
    assert result.groups.tolist() == groups
