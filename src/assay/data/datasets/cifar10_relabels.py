"""What is known about the test images of CIFAR-10 beyond their labels: near-duplicates, and how people label them.

cifar10_near_duplicates.csv, beside this file, was made by benchmarks/cifar10_duplicates.py; its last column is what was
seen on the sheets. The labels by people are not part of assay: `get_relabels` downloads them from their authors.
"""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import DataError
from assay.core.files import atomic_write
from assay.data.datasets.dataset import File
from assay.data.datasets.download import download

LEFT_OUT = -1  # in place of a label
MIN_AGREEMENT = 0.9
MIN_VOTES = 3  # of five
TEST_IMAGES = 10_000

FOLDER = "cifar10-relabels"  # below the data root
COUNTS = File("cifar10h-counts.npy", 800_128, "f1284b6fba48a67d3db69bbafb5685ad")  # Peterson et al. 2019
VOTES = File("cifar10_mturk.json", 88_252, "d3f2217f2bb7fe18eca521458e936602")  # Northcutt et al. 2021
URLS = {
    COUNTS: "https://raw.githubusercontent.com/jcpeterson/cifar-10h/master/data/cifar10h-counts.npy",
    VOTES: "https://raw.githubusercontent.com/cleanlab/label-errors/main/mturk/cifar10_mturk.json",
}


def near_duplicates() -> NDArray[np.int64]:
    """The test images that show the same picture as a training image, as ascending indices, int64 (n,)."""
    text = Path(__file__).with_name("cifar10_near_duplicates.csv").read_text()
    rows = csv.DictReader(io.StringIO(text))
    return np.array([int(row["test"]) for row in rows if row["same_picture"] == "1"], np.int64)


def correct_labels(labels: NDArray[np.int64], root: Path) -> NDArray[np.int64] | None:
    """The test labels after a check by five people each (Northcutt et al. 2021), int64 (10000,); None without the file.

    A label is wrong if fewer than three chose it. It is replaced where three chose the same other one, else LEFT_OUT.
    Raises DataError if the file is damaged.
    """
    content = _read(VOTES, root)
    if content is None:
        return None
    new_labels = labels.copy()
    for image in json.loads(content):
        votes = image["mturk"]
        if votes["given"] < MIN_VOTES:
            is_clear = votes["guessed"] >= MIN_VOTES
            new_labels[image["id"]] = image["our_guessed_label"] if is_clear else LEFT_OUT
    return new_labels


def agreed_labels(root: Path) -> NDArray[np.int64] | None:
    """The class that at least 90 % of about 50 people chose (CIFAR-10H, Peterson et al. 2019), else LEFT_OUT.

    int64 (10000,); None without the file. Raises DataError if the file is damaged.
    """
    content = _read(COUNTS, root)
    if content is None:
        return None
    counts = np.load(io.BytesIO(content), allow_pickle=False)
    is_agreed = counts.max(1) >= MIN_AGREEMENT * counts.sum(1)
    return np.where(is_agreed, counts.argmax(1), LEFT_OUT).astype(np.int64)


def get_relabels(root: Path, fetch: Callable[[str, int], bytes] = download) -> Path:
    """The folder with people's labels, downloaded first where they are missing or damaged. Raises DataError."""
    folder = root / FOLDER
    for file, url in URLS.items():
        try:
            file.read(folder / file.name)
        except DataError:
            content = fetch(url, file.size)
            file.check(content, url)
            atomic_write(folder / file.name, content)
    return folder


def _read(file: File, root: Path) -> bytes | None:
    path = root / FOLDER / file.name
    return file.read(path) if path.is_file() else None
