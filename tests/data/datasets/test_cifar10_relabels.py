"""What people say of CIFAR-10's test images, from files made by hand in their published form."""

import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pytest

from assay.core.errors import DataError
from assay.data.datasets import cifar10_relabels
from assay.data.datasets.cifar10_relabels import (
    FOLDER,
    LEFT_OUT,
    agreed_labels,
    correct_labels,
    get_relabels,
    near_duplicates,
)
from assay.data.datasets.dataset import File


def vote(number: int, given: int, guessed: int, neither: int = 0, both: int = 0) -> dict:
    votes = {"given": given, "guessed": guessed, "neither": neither, "both": both}
    return {"id": number, "given_original_label": 0, "our_guessed_label": 7, "mturk": votes}


def publish(name: str, content: bytes, constant: str, monkeypatch: pytest.MonkeyPatch) -> File:
    """Let this be the published content of a file."""
    file = File(name, len(content), hashlib.md5(content, usedforsecurity=False).hexdigest())
    monkeypatch.setattr(cifar10_relabels, constant, file)
    return file


def place(root: Path, name: str, content: bytes) -> None:
    (root / FOLDER).mkdir(exist_ok=True)
    (root / FOLDER / name).write_bytes(content)


@pytest.fixture
def counts() -> bytes:
    """Fifty people each: all agree, exactly 90 %, 88 %, and 92 % on another class."""
    file = io.BytesIO()
    np.save(file, np.array([[50, 0, 0], [5, 45, 0], [44, 6, 0], [2, 2, 46]]))
    return file.getvalue()


def test_a_label_that_fewer_than_three_of_five_chose_is_replaced_or_left_out(tmp_path, monkeypatch):
    images = [vote(0, 3, 2), vote(1, 2, 3), vote(2, 0, 0, neither=5), vote(3, 2, 2, both=1), vote(4, 0, 5)]
    content = json.dumps(images).encode()
    publish("cifar10_mturk.json", content, "VOTES", monkeypatch)
    place(tmp_path, "cifar10_mturk.json", content)
    corrected = correct_labels(np.zeros(6, np.int64), tmp_path)
    assert corrected.tolist() == [0, 7, LEFT_OUT, LEFT_OUT, 7, 0]


def test_people_agree_where_nine_in_ten_chose_a_class(tmp_path, monkeypatch, counts):
    publish("cifar10h-counts.npy", counts, "COUNTS", monkeypatch)
    place(tmp_path, "cifar10h-counts.npy", counts)
    assert agreed_labels(tmp_path).tolist() == [0, 1, LEFT_OUT, 2]


def test_labels_that_are_not_here_are_none(tmp_path):
    assert correct_labels(np.zeros(3, np.int64), tmp_path) is None
    assert agreed_labels(tmp_path) is None


def test_a_damaged_file_is_an_error(tmp_path, monkeypatch, counts):
    publish("cifar10h-counts.npy", counts, "COUNTS", monkeypatch)
    place(tmp_path, "cifar10h-counts.npy", counts[:-1] + b"x")
    with pytest.raises(DataError, match="damaged or altered"):
        agreed_labels(tmp_path)


def test_labels_are_downloaded_once_and_checked(tmp_path, monkeypatch, counts):
    file = publish("cifar10h-counts.npy", counts, "COUNTS", monkeypatch)
    monkeypatch.setattr(cifar10_relabels, "URLS", {file: "https://example.org/counts.npy"})
    calls = []

    def fetch(url: str, size_limit: int) -> bytes:
        calls.append(url)
        return counts

    folders = {get_relabels(tmp_path, fetch) for _ in range(2)}
    assert calls == ["https://example.org/counts.npy"]
    assert [(folder / file.name).read_bytes() for folder in folders] == [counts]
    with pytest.raises(DataError, match="truncated"):
        get_relabels(tmp_path / "other", lambda url, size_limit: counts[:-1])


def test_near_duplicates_are_test_images_once_each():
    indices = near_duplicates()
    assert (np.diff(indices) > 0).all()
    assert 0 <= indices[0] < indices[-1] < 10_000
