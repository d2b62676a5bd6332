"""Second figures on CIFAR-10's test set, against counts by hand over its real labels."""

import hashlib
import io
import json

import numpy as np
import pytest

from assay.data.datasets import cifar10_relabels
from assay.data.datasets.catalog import load_dataset
from assay.data.datasets.cifar10_relabels import FOLDER, near_duplicates
from assay.data.datasets.dataset import File
from assay.data.imageset import ImageSet
from assay.evaluation.cifar10_truths import measure_cifar10_truths
from assay.evaluation.predictions import Predictions

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def test_set(data_root) -> ImageSet:
    return load_dataset("cifar10", "test", data_root)


def answer(images: ImageSet, classes: np.ndarray) -> Predictions:
    logits = np.eye(10, dtype=np.float32)[classes]
    return Predictions(logits, images.labels, np.arange(len(images)), images.class_names, "cifar10/test")


def publish(name: str, content: bytes, constant: str, root, monkeypatch) -> None:
    """Let this be the published content of a file, and put it in place."""
    file = File(name, len(content), hashlib.md5(content, usedforsecurity=False).hexdigest())
    monkeypatch.setattr(cifar10_relabels, constant, file)
    (root / FOLDER).mkdir(exist_ok=True)
    (root / FOLDER / name).write_bytes(content)


def test_errors_on_near_duplicates_do_not_count(test_set, tmp_path):
    classes, copies = test_set.labels.copy(), near_duplicates()
    others = np.setdiff1d(np.arange(10_000), copies)
    wrong = np.concatenate([copies[:50], others[:7]])
    classes[wrong] = (classes[wrong] + 1) % 10
    truths = measure_cifar10_truths(answer(test_set, classes), tmp_path)
    assert truths.without_duplicates.n == 10_000 - len(copies)
    assert truths.without_duplicates.correct == 10_000 - len(copies) - 7


def test_people_decide_where_their_labels_are_here(test_set, tmp_path, monkeypatch):
    """The net says what people say of image 0; people agree on images 0 and 1, where the net is right once."""
    other = (test_set.labels + 1) % 10
    votes = {"given": 1, "guessed": 4, "neither": 0, "both": 0}
    content = json.dumps([{"id": 0, "our_guessed_label": int(other[0]), "mturk": votes}]).encode()
    publish("cifar10_mturk.json", content, "VOTES", tmp_path, monkeypatch)
    counts = np.full((10_000, 10), 5)
    counts[:2] = 0
    counts[0, other[0]] = counts[1, other[1]] = 50
    file = io.BytesIO()
    np.save(file, counts)
    publish("cifar10h-counts.npy", file.getvalue(), "COUNTS", tmp_path, monkeypatch)
    classes = test_set.labels.copy()
    classes[0] = other[0]
    truths = measure_cifar10_truths(answer(test_set, classes), tmp_path)
    assert (truths.corrected_labels.n, truths.corrected_labels.correct) == (10_000, 10_000)
    assert (truths.people_agree.n, truths.people_agree.correct) == (2, 1)


def test_the_order_of_images_and_classes_does_not_matter(test_set, tmp_path):
    generator = np.random.default_rng(0)
    plain = answer(test_set, generator.integers(0, 10, 10_000))
    rows, classes = generator.permutation(10_000), generator.permutation(10)
    names = tuple(test_set.class_names[i] for i in classes)
    shuffled = Predictions(plain.logits[rows][:, classes], np.argsort(classes)[plain.labels[rows]], rows, names, "x")
    assert measure_cifar10_truths(shuffled, tmp_path) == measure_cifar10_truths(plain, tmp_path)


def test_other_images_with_these_classes_have_no_truths(test_set, tmp_path):
    labels = test_set.labels.copy()
    labels[[0, 1]] = labels[[1, 0]]
    changed = ImageSet(test_set.images, labels, test_set.class_names, "mine")
    assert measure_cifar10_truths(answer(changed, labels), tmp_path) is None


def test_the_line_names_each_number_with_its_n(test_set, tmp_path):
    text = measure_cifar10_truths(answer(test_set, test_set.labels), tmp_path).text
    n = 10_000 - len(near_duplicates())
    assert text.startswith("without near-duplicates of training images 100.00 % [99.9")
    assert text.endswith(f"(n = {n:,})")
    assert "people" not in text  # their labels are not here


def test_both_images_of_a_pair_have_the_same_label(test_set, data_root):
    """Pairs were found by pixels alone, so this is independent evidence; other labels are one in a few thousand."""
    train = load_dataset("cifar10", "train", data_root)
    path = cifar10_relabels.__file__.replace("cifar10_relabels.py", "cifar10_near_duplicates.csv")
    rows = np.loadtxt(path, delimiter=",", skiprows=1)
    same = rows[rows[:, 4] == 1].astype(int)
    assert (test_set.labels[same[:, 0]] == train.labels[same[:, 1]]).mean() > 0.99
