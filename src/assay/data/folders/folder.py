"""The Folder: photographs ready to train on. Scanned, decoded into the cache, with the parts that they were given."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from assay.core.errors import DataError
from assay.core.files import atomic_write
from assay.core.progress import ProgressCallback, silent
from assay.core.text import escape_line
from assay.data.folders.cache import read
from assay.data.folders.layouts import find_images
from assay.data.folders.scan import Scan, images_csv
from assay.data.imageset import ImageSet, ImageShape
from assay.data.split import Indices, Split, fold, split
from assay.recipes.schema import Data


@dataclass(frozen=True, eq=False)
class Folder:
    """images: all good ones, of every part, memory-mapped; an image's place in it is its identity in the run."""

    scan: Scan
    images: ImageSet

    def rows(self, *parts: str | None) -> Indices:
        """The places of the images of these parts; None where no part is given."""
        return np.array([i for i, entry in enumerate(self.scan.entries) if entry.part in parts], np.int64)

    def split(self, data: Data) -> Split:
        """Given parts stay as they are; others are drawn, of each class alike, near-duplicates on one side.

        A pure function of the content, `data.split_seed`, `data.fold`, `data.validation` and `data.share`; the test
        images depend on the first three alone.
        """
        train, validation, test = self.rows("train", None), self.rows("validation"), self.rows("test")
        labels, groups = self.images.labels, self.scan.groups
        if not len(test):
            test = train[fold(labels[train], groups[train], data.split_seed, data.fold)]
            train = np.setdiff1d(train, test)
        share = 0.0 if len(validation) else data.validation
        drawn = split(labels[train], share, data.split_seed, data.share, groups[train])
        validation = validation if len(validation) else train[drawn.validation]
        return Split(train[drawn.train], validation, test)

    def test_rows(self) -> Indices:
        """The images to judge a net by that was trained elsewhere: the given test images, else all."""
        test = self.rows("test")
        return test if len(test) else np.arange(len(self.images), dtype=np.int64)

    def write_lists(self, folder: Path, parts: Split) -> None:
        """Write into a run which image is which (images.csv), and the bad ones (quarantine.csv)."""
        names = np.full(len(self.images), "unused", dtype=object)
        for name, rows in (("train", parts.train), ("validation", parts.validation), ("test", parts.test)):
            names[rows] = name
        atomic_write(folder / "images.csv", images_csv(self.scan, names.tolist()))
        if self.scan.quarantine:
            self.scan.save_quarantine(folder / "quarantine.csv")


def open_folder(path: Path, shape: ImageShape, max_bad: float, progress: ProgressCallback = silent) -> Folder:
    """Scan a folder or table, decode what is new, and give its images as uint8 (N, *shape).

    Raises UsageError where there is no image, DataError with the list where more than `max_bad` of them are bad.
    """
    path = path.expanduser().absolute()
    listing = find_images(path)
    cache = read(path, listing.root, [entry.path for entry in listing.entries], shape, progress)
    scan = Scan.of(listing, cache.records, cache.groups)
    scan.check(max_bad, cache.folder / "quarantine.csv")
    if not scan.entries:
        raise DataError(f"{escape_line(str(path))}: none of {len(scan.quarantine):,} images can be used")
    number = {name: i for i, name in enumerate(scan.class_names)}
    labels = np.array([number[entry.label] for entry in scan.entries], np.int64)
    digest = hashlib.sha256(repr((shape, scan.class_names)).encode())
    for entry, record in zip(scan.entries, scan.records, strict=True):
        digest.update(repr((entry, record.content)).encode())
    return Folder(scan, ImageSet(cache.pixels, labels, scan.class_names, str(path), digest.hexdigest()))
