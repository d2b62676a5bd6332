"""A file is written whole or not at all, and what the disk refuses is an error that names the file."""

import errno
import json
from pathlib import Path

import pytest

from assay.core.errors import AssayError
from assay.core.files import atomic_save, atomic_write, disk_errors, fresh_folder, remove_partial_files, write_json


def test_what_is_written_is_read_back_and_nothing_else_is_left(tmp_path: Path):
    path = tmp_path / "new" / "folder" / "note.txt"
    atomic_write(path, "grüße\n")
    assert path.read_bytes() == "grüße\n".encode()
    atomic_write(path, b"\x00\xff")
    assert path.read_bytes() == b"\x00\xff"
    assert list(path.parent.iterdir()) == [path]


def test_json_is_read_back(tmp_path: Path):
    value = {"accuracy": 0.1 + 0.2, "name": "猫", "none": None}
    write_json(tmp_path / "value.json", value)
    assert json.loads((tmp_path / "value.json").read_text()) == value


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt(), ValueError()])
def test_whatever_stops_a_writer_leaves_the_old_file_and_no_other(tmp_path: Path, error: BaseException):
    path = tmp_path / "note.txt"
    path.write_text("old")

    def save(temporary: Path) -> None:
        temporary.write_text("ne")
        raise error

    with pytest.raises((AssayError, type(error))):
        atomic_save(path, save)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("note.txt", "old")]


def test_a_reader_sees_the_old_file_until_the_new_one_is_whole(tmp_path: Path):
    path, seen = tmp_path / "note.txt", []
    path.write_text("old")

    def save(temporary: Path) -> None:
        temporary.write_text("new")
        seen.append(path.read_text())

    atomic_save(path, save)
    assert (*seen, path.read_text()) == ("old", "new")


def test_the_temporary_name_keeps_the_suffix_and_stays_hidden(tmp_path: Path):
    names = []
    atomic_save(tmp_path / "a.png", lambda path: (names.append(path.name), path.touch()))
    assert names[0].startswith(".part-")
    assert names[0].endswith(".png")


def test_a_refusal_names_the_file_the_reason_and_a_cure(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(AssayError, match=r"cannot write .*file/note\.txt: .*(exists|directory).*--runs"):
        atomic_write(tmp_path / "file" / "note.txt", "")


def test_other_errors_are_defects_and_pass():
    with pytest.raises(RuntimeError, match="of another kind"), disk_errors(Path("a.pt")):
        raise RuntimeError("of another kind")


def test_what_a_killed_writer_left_is_swept_and_nothing_else(tmp_path: Path):
    (tmp_path / "checkpoint").mkdir()
    for name in ("status.json", ".part-12.json", ".hidden", "checkpoint/.part-34.pt", "checkpoint/state.pt"):
        (tmp_path / name).touch()
    remove_partial_files(tmp_path)
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"status.json", ".hidden", "checkpoint/state.pt"}


def test_a_fresh_folder_gets_a_number_where_its_name_is_taken(tmp_path: Path):
    folders = [fresh_folder(tmp_path / "run") for _ in range(3)]
    assert [folder.name for folder in folders] == ["run", "run-2", "run-3"]
    assert all(folder.is_dir() for folder in folders)
