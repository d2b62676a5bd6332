"""The Folder: photos ready to train on, scanned, decoded into the cache, with the parts that the layout gives them."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from assay.core.errors import DataError
from assay.core.files import atomic_write
from assay.core.progress import ProgressCallback, silent
from assay.core.text import escape_line
from assay.data.folders.cache import read_pixels
from assay.data.folders.layouts import find_images
from assay.data.folders.scan import Scan, images_csv
from assay.data.folds import draw_fold
from assay.data.imageset import ImageSet, ImageShape
from assay.data.split import Indices, Split, split
from assay.recipes.schema import Data


@dataclass(frozen=True, eq=False)
class Folder:
    """images: all good images of all parts, memory-mapped. An image's index is its identity in a run."""

    scan: Scan
    images: ImageSet

    @property
    def contents(self) -> str:
        """A hash of the good files in their order, whatever their names and the size they are read at."""
        return hashlib.sha256("".join(record.content for record in self.scan.records).encode()).hexdigest()

    def rows(self, *parts: str | None) -> Indices:
        """The indices of the images of these parts; None stands for images without a part."""
        return np.array([i for i, entry in enumerate(self.scan.entries) if entry.part in parts], np.int64)

    def split(self, data: Data) -> Split:
        """Keep the parts of the layout; draw the missing ones, stratified by class, with near-duplicates together.

        Depends only on the content, `data.split_seed`, `data.fold`, `data.validation` and `data.share`; the test
        images depend only on the first three.
        """
        train, validation, test = self.rows("train", None), self.rows("validation"), self.rows("test")
        labels, groups = self.images.labels, self.scan.groups
        if not len(test):
            test = train[draw_fold(labels[train], groups[train], data.split_seed, data.fold)]
            train = np.setdiff1d(train, test)
        fraction = 0.0 if len(validation) else data.validation
        draw = split(labels[train], fraction, data.split_seed, data.share, groups[train])
        validation = validation if len(validation) else train[draw.validation]
        return Split(train[draw.train], validation, test)

    def test_rows(self) -> Indices:
        """The images to evaluate a net on that was trained elsewhere: the test part, or all without one."""
        test = self.rows("test")
        return test if len(test) else np.arange(len(self.images), dtype=np.int64)

    def write_lists(self, folder: Path, parts: Split) -> None:
        """Write the images with their parts (images.csv) and the bad files (quarantine.csv) into a run's folder."""
        names = np.full(len(self.images), "unused", dtype=object)
        for name, rows in (("train", parts.train), ("validation", parts.validation), ("test", parts.test)):
            names[rows] = name
        atomic_write(folder / "images.csv", images_csv(self.scan, names.tolist()))
        if self.scan.quarantine:
            self.scan.save_quarantine(folder / "quarantine.csv")


def open_folder(
    path: Path, shape: ImageShape, max_bad: float, progress: ProgressCallback = silent, duplicates: str = "auto"
) -> Folder:
    """Scan a folder or table, decode new files, and return its images as uint8 (N, *shape).

    duplicates: `data.duplicates` of a recipe. Raises UsageError if there is no image, DataError with a list if more
    than the share `max_bad` of them are bad.
    """
    path = path.expanduser().absolute()
    listing = find_images(path)
    cache = read_pixels(path, listing.root, [entry.path for entry in listing.entries], shape, progress)
    scan = Scan.from_records(listing, cache.records, cache.groups, duplicates)
    scan.check_bad_share(max_bad, cache.folder / "quarantine.csv")
    if not scan.entries:
        raise DataError(f"{escape_line(str(path))}: none of {len(scan.quarantine):,} images can be used")
    number = {name: i for i, name in enumerate(scan.class_names)}
    labels = np.array([number[entry.label] for entry in scan.entries], np.int64)
    digest = hashlib.sha256(repr((shape, scan.class_names)).encode())
    for entry, record in zip(scan.entries, scan.records, strict=True):
        digest.update(repr((entry, record.content)).encode())
    return Folder(scan, ImageSet(cache.pixels, labels, scan.class_names, str(path), digest.hexdigest()))
