"""Each image is decoded once, changes cost what changed, and neither a kill nor a second process harms the cache."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from assay.data.folders import file_record, parallel_map
from assay.data.folders.cache import read_pixels

SHAPE = (3, 16, 16)


@pytest.fixture
def decoded(monkeypatch):
    """The number of images decoded so far, as a list that grows."""
    calls, decode = [], file_record.decode

    def counting(content, shape):
        calls.append(shape)
        return decode(content, shape)

    monkeypatch.setattr(file_record, "decode", counting)
    return calls


def paths_of(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))


def open_cache(folder, shape=SHAPE):
    return read_pixels(folder, folder, paths_of(folder), shape, lambda done, total: None)


def array_files(root):
    return list(root.glob("folders/*/pixels-*.npy"))


def test_the_second_start_decodes_and_reads_nothing(fill, decoded, monkeypatch):
    folder = fill({"cat": 3, "dog": 4})
    first = open_cache(folder)
    assert len(decoded) == 7
    monkeypatch.setattr(file_record, "read_bytes", None)
    second = open_cache(folder)
    assert len(decoded) == 7
    assert np.array_equal(first.pixels, second.pixels)
    assert isinstance(second.pixels, np.memmap)
    assert second.records == first.records


def test_a_changed_file_costs_one_image(fill, decoded, picture):
    folder = fill({"cat": 3, "dog": 4})
    before = open_cache(folder).pixels.copy()
    picture(999).save(folder / "dog/01.png")
    after = open_cache(folder).pixels
    assert len(decoded) == 8
    assert [i for i in range(7) if not np.array_equal(before[i], after[i])] == [4]
    assert np.array_equal(
        after[4], np.asarray(picture(999).resize((16, 16), Image.Resampling.BILINEAR)).transpose(2, 0, 1)
    )


def test_new_removed_renamed_and_touched_files_keep_their_pixels(fill, decoded, picture):
    folder = fill({"cat": 3, "dog": 4})
    before = dict(zip(paths_of(folder), open_cache(folder).pixels.copy(), strict=True))
    (folder / "cat/00.png").unlink()
    (folder / "cat/01.png").rename(folder / "dog/zz.png")
    os.utime(folder / "cat/02.png", ns=(1, 1))
    picture(999).save(folder / "cat/aa.png")
    after = dict(zip(paths_of(folder), open_cache(folder).pixels, strict=True))
    assert len(decoded) == 8  # the new one
    assert np.array_equal(after["dog/zz.png"], before["cat/01.png"])
    assert all(np.array_equal(after[path], before[path]) for path in before.keys() & after.keys())


def test_one_array_is_kept_and_each_size_has_its_own(fill, root, picture):
    folder = fill({"cat": 3})
    open_cache(folder)
    picture(999).save(folder / "cat/00.png")
    open_cache(folder)
    assert len(array_files(root)) == 1
    assert open_cache(folder, (1, 8, 8)).pixels.shape == (3, 1, 8, 8)
    assert len(array_files(root)) == 2


def test_a_bad_file_is_remembered_and_one_that_could_not_be_read_is_tried_again(fill, decoded):
    folder = fill({"cat": 2})
    (folder / "cat/00.png").write_bytes(b"words")
    (folder / "cat/01.png").unlink()
    (folder / "cat/01.png").mkdir()
    assert [bool(record.problem) for record in open_cache(folder).records] == [True, True]
    (folder / "cat/01.png").rmdir()
    Image.new("RGB", (9, 9)).save(folder / "cat/01.png")
    assert [bool(record.problem) for record in open_cache(folder).records] == [True, False]
    assert len(decoded) == 2


@pytest.mark.parametrize("damage", ["index", "pixels", "nothing left"])
def test_a_damaged_cache_is_made_anew(fill, root, damage):
    folder = fill({"cat": 3})
    before = open_cache(folder).pixels.copy()
    (cache,) = root.glob("folders/*")
    if damage == "index":
        (cache / "index.json").write_text('{"pixels": ')
    elif damage == "pixels":
        array_files(root)[0].write_bytes(b"x")
    else:
        shutil.rmtree(cache)
    assert np.array_equal(open_cache(folder).pixels, before)


SCRIPT = """\
import os, signal, sys
from pathlib import Path
from assay.data.folders import cache, file_record, parallel_map
folder, die_at, parallel_map.MIN_FORK_ITEMS = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
decode = file_record.decode
def counting(content, shape):
    sys.stdout.write("decoded\\n"); sys.stdout.flush()
    return decode(content, shape)
file_record.decode = counting
def progress(done, total):
    if done >= die_at > 0:
        os.kill(os.getpid(), signal.SIGKILL)
paths = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))
print("ready", flush=True)
sys.stdin.readline()
found = cache.read_pixels(folder, folder, paths, (3, 16, 16), progress)
print(found.pixels.shape[0], int(found.pixels.sum()))
"""


both_ways = pytest.mark.parametrize("threshold", [0, 1000], ids=["processes", "threads"])


def start(folder: Path, threshold: int, die_at: int = 0):
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(folder), str(die_at), str(threshold)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    return process


@both_ways
def test_two_processes_that_build_at_once_decode_every_image_once(fill, root, threshold):
    folder = fill({"cat": 30, "dog": 30})
    processes = [start(folder, threshold) for _ in range(2)]
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=60)[0].splitlines() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert outputs[0][-1] == outputs[1][-1]
    assert sum(lines.count("decoded") for lines in outputs) == 60
    assert len(array_files(root)) == 1


@both_ways
def test_a_kill_during_the_build_leaves_the_old_cache_and_nothing_half_made(fill, root, picture, threshold):
    folder = fill({"cat": 20})
    before = open_cache(folder).pixels.copy()
    for i in range(10):
        picture(900 + i).save(folder / f"cat/x{i}.png")
    process = start(folder, threshold, die_at=16)
    process.communicate("go\n", timeout=60)
    assert process.returncode == -9
    assert len(array_files(root)) == 1
    assert np.array_equal(np.load(array_files(root)[0]), before)
    assert list(root.glob("folders/*/.part-*"))  # it did die in the middle
    assert len(open_cache(folder).pixels) == 30
    assert not list(root.glob("folders/*/.part-*"))


def test_processes_and_threads_give_the_same_with_bad_files_between(fill, root, monkeypatch):
    folder = fill({"cat": 40})
    for name in ("00.png", "07.png", "08.png", "39.png"):
        (folder / "cat" / name).write_bytes(b"no picture")
    monkeypatch.setattr(parallel_map, "MIN_FORK_ITEMS", 0)
    actual = open_cache(folder)
    monkeypatch.setattr(parallel_map, "MIN_FORK_ITEMS", 1000)
    shutil.rmtree(root / "folders")
    reference = open_cache(folder)
    assert len(actual.pixels) == 36
    assert np.array_equal(actual.pixels, reference.pixels)
    assert actual.records == reference.records
