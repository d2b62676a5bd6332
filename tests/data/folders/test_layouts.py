"""Every layout gives each image its class and part, and what is odd about the names is said."""

import json
import unicodedata

import pytest

from assay.core.errors import DataError, UsageError
from assay.data.folders.layouts import find_images


def triples(path):
    return [(entry.path, entry.label, entry.part) for entry in find_images(path).entries]


def touch(folder, *paths):
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"x")
    return folder


def test_folders_are_classes(tmp_path):
    touch(tmp_path, "dog/2.jpg", "dog/deep/1.PNG", "cat/a b.jpeg")
    assert triples(tmp_path) == [
        ("cat/a b.jpeg", "cat", None),
        ("dog/2.jpg", "dog", None),
        ("dog/deep/1.PNG", "dog", None),
    ]
    assert find_images(tmp_path).layout == "class/image"


@pytest.mark.parametrize("word", ["val", "valid", "validation", "Val"])
def test_folders_of_parts_hold_folders_of_classes(tmp_path, word):
    touch(tmp_path, "train/cat/1.jpg", f"{word}/cat/1.jpg", "test/dog/1.jpg", "raw/cat/1.jpg")
    assert [(label, part) for _, label, part in sorted(triples(tmp_path), key=lambda row: str(row[2]))] == [
        ("dog", "test"), ("cat", "train"), ("cat", "validation"),
    ]  # fmt: skip
    assert find_images(tmp_path).notes == ("raw/ is none of train, validation, test, and is left out",)


def test_a_class_may_be_called_test(tmp_path):
    touch(tmp_path, "test/1.jpg", "train/1.jpg", "final/1.jpg")
    assert {label for _, label, _ in triples(tmp_path)} == {"test", "train", "final"}


@pytest.mark.parametrize("header", ["path,label", "filename;class", "\ufefffile\tcategory"])
def test_a_csv_gives_paths_and_classes(tmp_path, header):
    mark = next(c for c in ",;\t" if c in header)
    touch(tmp_path, "a/1.jpg", "2.jpg")
    (tmp_path / "list.csv").write_text(f"{header}\na/1.jpg{mark}cat\n2.jpg{mark}dog\n{mark}\n", encoding="utf-8")
    assert triples(tmp_path / "list.csv") == [("2.jpg", "dog", None), ("a/1.jpg", "cat", None)]
    assert find_images(tmp_path / "list.csv").skip_counts == {"rows without an image or a label": 1}


def test_a_csv_may_give_the_split(tmp_path):
    (tmp_path / "list.csv").write_text("path,label,set\n1.jpg,cat,train\n2.jpg,cat,Valid\n3.jpg,cat,test\n")
    assert [part for _, _, part in triples(tmp_path / "list.csv")] == ["train", "validation", "test"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,label\n1.jpg,cat\n", r"list\.csv:2: needs a column for the image .* found: name, label"),
        ("path,label,split\n1.jpg,cat,train\n2.jpg,cat,trian\n", r"list\.csv:3: unknown part 'trian'; known: train"),
    ],
)
def test_a_wrong_table_is_told_by_its_line(tmp_path, text, message):
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        find_images(tmp_path / "list.csv")


def test_an_image_of_two_classes_is_refused_and_a_repeated_row_counted(tmp_path):
    (tmp_path / "list.csv").write_text("path,label\n1.jpg,cat\n1.jpg,dog\n2.jpg,dog\n./2.jpg,dog\n")
    result = find_images(tmp_path / "list.csv")
    assert [entry.path for entry in result.entries] == ["2.jpg"]
    assert result.rejects == (("1.jpg", "is listed as cat and as dog"),)
    assert result.skip_counts == {"rows that repeat another": 1}


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
@pytest.mark.parametrize("where", ["", "train"])
def test_metadata_of_hugging_face_is_read(tmp_path, suffix, where):
    rows = [{"file_name": "images/1.png", "label": 10}, {"file_name": "images/2.png", "label": 9}]
    lines = ["file_name,label", *(f"{row['file_name']},{row['label']}" for row in rows)]
    text = "\n".join(map(json.dumps, rows)) if suffix == "jsonl" else "\n".join(lines)
    touch(tmp_path / where, "images/1.png", "images/2.png")
    (tmp_path / where / f"metadata.{suffix}").write_text(text)
    below, part = (f"{where}/", "train") if where else ("", None)
    assert triples(tmp_path) == [(f"{below}images/1.png", "10", part), (f"{below}images/2.png", "9", part)]


def test_metadata_without_labels_leaves_the_folders(tmp_path):
    touch(tmp_path, "cat/1.png", "dog/1.png")
    (tmp_path / "metadata.csv").write_text("file_name,text\ncat/1.png,a cat on a mat\n")
    assert {label for _, label, _ in triples(tmp_path)} == {"cat", "dog"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("classes.txt", "n01 tench, Tinca\nbig dog: wolf\nn99 nothing\n"),
        ("class_map.csv", 'folder,name\nn01,"tench, Tinca"\nbig dog,wolf\nn99,nothing\n'),
        ("class_map.json", '{"n01": "tench, Tinca", "big dog": "wolf", "n99": "nothing"}'),
    ],
)
def test_a_class_map_gives_the_shown_names(tmp_path, name, text):
    touch(tmp_path, "n01/1.png", "big dog/1.png", "cat/1.png")
    (tmp_path / name).write_text(text)
    assert {label for _, label, _ in triples(tmp_path)} == {"tench, Tinca", "wolf", "cat"}
    assert find_images(tmp_path).notes == ("the class map names n99, which is not there",)


def test_hidden_files_and_others_are_left_out_and_counted(tmp_path):
    touch(
        tmp_path,
        "cat/1.jpg",
        "cat/._1.jpg",
        "cat/.DS_Store",
        "cat/Thumbs.db",
        "cat/notes.txt",
        "__MACOSX/cat/1.jpg",
        "0.jpg",
    )
    result = find_images(tmp_path)
    assert [entry.path for entry in result.entries] == ["cat/1.jpg"]
    assert result.skip_counts == {
        "hidden, or made by the system": 3, "images beside the class folders": 1, "without an image's suffix": 1,
    }  # fmt: skip


def test_a_format_that_is_not_read_is_listed_to_be_refused_by_name(tmp_path):
    touch(tmp_path, "cat/1.heic", "cat/2.CR2")
    assert len(find_images(tmp_path).entries) == 2


def test_loops_of_links_end(tmp_path):
    touch(tmp_path, "cat/1.jpg", "dog/1.jpg")
    (tmp_path / "cat/loop").symlink_to(tmp_path / "cat")
    (tmp_path / "cat/all").symlink_to(tmp_path)
    (tmp_path / "dog/self.jpg").symlink_to("self.jpg")
    assert triples(tmp_path) == [("cat/1.jpg", "cat", None), ("dog/1.jpg", "dog", None), ("dog/self.jpg", "dog", None)]
    assert find_images(tmp_path).skip_counts == {"links to folders that are listed already": 2}


def test_a_folder_behind_a_link_is_followed(tmp_path):
    touch(tmp_path, "elsewhere/1.jpg")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/cat").symlink_to(tmp_path / "elsewhere")
    assert triples(tmp_path / "photos") == [("cat/1.jpg", "cat", None)]


def test_names_that_differ_in_case_or_unicode_form_are_told_apart_and_said(tmp_path):
    composed, decomposed = (unicodedata.normalize(form, "é") for form in ("NFC", "NFD"))
    touch(tmp_path, f"cat/{composed}.jpg", f"cat/{decomposed}.jpg", "Dog/1.jpg", "dog/1.jpg")
    result = find_images(tmp_path)
    assert len(result.entries) == 4
    assert {entry.label for entry in result.entries} == {"cat", "Dog", "dog"}
    assert [note.split(":")[0] for note in result.notes] == [
        "2 classes differ in case or Unicode form alone", "2 files differ in case or Unicode form alone",
        "2 files differ in case or Unicode form alone",
    ]  # fmt: skip


def test_a_class_is_called_by_its_composed_name_unless_two_would_be_one(tmp_path):
    composed, decomposed = (unicodedata.normalize(form, "é") for form in ("NFC", "NFD"))
    touch(tmp_path, f"one/{decomposed}/1.jpg", f"two/{composed}/1.jpg", f"two/{decomposed}/1.jpg")
    assert {label for _, label, _ in triples(tmp_path / "one")} == {composed}
    assert {label for _, label, _ in triples(tmp_path / "two")} == {composed, decomposed}


def test_classes_without_an_image_are_said(tmp_path):
    touch(tmp_path, "cat/1.jpg", "dog/notes.txt")
    (tmp_path / "bird").mkdir()
    assert find_images(tmp_path).empty_classes == ("bird", "dog")


def test_no_image_at_all_is_an_error_that_names_the_layouts(tmp_path):
    (tmp_path / "cat").mkdir()
    with pytest.raises(UsageError, match="holds no labeled image; known layouts: class/image"):
        find_images(tmp_path)
    with pytest.raises(UsageError, match="there is no folder or table"):
        find_images(tmp_path / "absent")
