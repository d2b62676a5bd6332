"""CIFAR-10: its pickles run no code, and both editions give the same images."""

import collections
import gzip
import os
import pickle
import shutil

import numpy as np
import pytest

from assay.core.errors import DataError
from assay.data.datasets.cifar10 import CIFAR10, decode_pickles, decode_records, unpickle


def cifar_pickle(images, labels, numpy_code=b"u1"):
    """A batch as CIFAR's authors wrote it, with python 2 and protocol 2, opcode by opcode. images: (N, 3072)."""

    def short(text):
        return b"U" + bytes([len(text)]) + text

    pixels = images.tobytes()
    dtype = b"cnumpy\ndtype\n" + short(numpy_code) + b"K\x00K\x01\x87R"
    state_of_dtype = b"(K\x03" + short(b"|") + b"NNN" + 2 * b"J\xff\xff\xff\xff" + b"K\x00tb"
    shape = b"M" + len(images).to_bytes(2, "little") + b"M\x00\x0c\x86"
    data = b"T" + len(pixels).to_bytes(4, "little") + pixels
    empty = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + short(b"b") + b"\x87R"
    array = empty + b"(K\x01" + shape + dtype + state_of_dtype + b"\x89" + data + b"tb"
    listed = b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    return b"\x80\x02}(" + short(b"labels") + listed + short(b"data") + array + b"u."


IMAGES = np.random.default_rng(0).integers(0, 256, (4, 3072), np.uint8)
LABELS = [3, 8, 0, 9]


def test_pickles_become_images_and_labels():
    images, labels = decode_pickles([cifar_pickle(IMAGES, LABELS), cifar_pickle(IMAGES[:1], [7])])
    assert np.array_equal(images, np.concatenate([IMAGES, IMAGES[:1]]).reshape(5, 3, 32, 32))
    assert labels.tolist() == [*LABELS, 7]
    assert labels.dtype == np.int64


def test_records_become_the_same_images_and_labels():
    records = np.concatenate([np.array(LABELS, np.uint8)[:, None], IMAGES], axis=1).tobytes()
    for actual, reference in zip(
        decode_records([records]), decode_pickles([cifar_pickle(IMAGES, LABELS)]), strict=True
    ):
        assert np.array_equal(actual, reference)
        assert actual.dtype == reference.dtype


class Hostile:
    """Pickles to a call of os.system."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_would_run_code_is_refused_and_not_run(tmp_path, protocol):
    content = pickle.dumps({"data": Hostile(f"touch {tmp_path / 'ran'}")}, protocol)
    pickle.loads(content)
    (tmp_path / "ran").unlink()  # so plain pickle does run it
    with pytest.raises(DataError, match=r"asks for (posix|nt)\.system, which no CIFAR file needs; it was not run"):
        unpickle(content)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "name",
    ["builtins\neval", "__builtin__\neval", "numpy\nload", "numpy\nndarray.tofile", "numpy.core.multiarray\nfromfile",
     "numpy\ncore.multiarray._reconstruct", "assay.data.datasets.cifar10\nos"],
)  # fmt: skip
def test_any_other_name_is_refused(name):
    with pytest.raises(DataError, match="no CIFAR file needs"):
        unpickle(b"\x80\x02c" + name.encode() + b"\n.")


def test_harmless_pickles_of_other_types_are_refused_too():
    with pytest.raises(DataError, match=r"collections\.OrderedDict"):
        unpickle(pickle.dumps(collections.OrderedDict(a=1), 2))


def test_an_array_of_objects_is_refused():
    with pytest.raises(DataError, match="not of bytes"):
        unpickle(cifar_pickle(IMAGES, LABELS, numpy_code=b"O8"))


def test_a_truncated_pickle_is_a_data_error():
    with pytest.raises(DataError, match="not a readable CIFAR pickle"):
        unpickle(cifar_pickle(IMAGES, LABELS)[:-900])


@pytest.mark.data
def test_the_real_files_become_the_published_data_set(data_root):
    images = CIFAR10.load("test", data_root)
    assert len(images) == CIFAR10.counts["test"]
    assert images.shape == CIFAR10.shape
    assert images.class_counts().tolist() == [1000] * 10
    assert images.class_names[images.labels[0]] == "cat"  # the cat of torchvision's own documentation
    meta = pickle.loads((data_root / "cifar-10-batches-py/batches.meta").read_bytes(), encoding="bytes")
    assert [name.decode() for name in meta[b"label_names"]] == list(images.class_names)


@pytest.mark.data
def test_the_binary_edition_is_the_same_data_set(data_root, tmp_path):
    images = CIFAR10.load("test", data_root)
    records = np.concatenate([images.labels.astype(np.uint8)[:, None], images.images.reshape(-1, 3072)], axis=1)
    (tmp_path / "cifar-10-batches-bin").mkdir()
    (tmp_path / "cifar-10-batches-bin/test_batch.bin").write_bytes(records.tobytes())
    assert CIFAR10.load("test", tmp_path).fingerprint == images.fingerprint


@pytest.mark.data
def test_a_flipped_bit_in_a_real_file_is_named(data_root, tmp_path):
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    shutil.copy(data_root / "cifar-10-batches-py/test_batch", folder)
    with (folder / "test_batch").open("r+b") as file:
        file.seek(12_345_678)
        byte = file.read(1)[0]
        file.seek(12_345_678)
        file.write(bytes([byte ^ 16]))
    with pytest.raises(DataError, match=r"test_batch is damaged or altered.*assay data get cifar10"):
        CIFAR10.load("test", tmp_path)
    (folder / "test_batch").write_bytes(gzip.compress(b"x"))
    with pytest.raises(DataError, match="test_batch is truncated"):
        CIFAR10.load("test", tmp_path)
