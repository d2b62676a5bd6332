"""NamedDataset: the published files of a data set with their checksums, and how they become an ImageSet.

Downloading is in `download`, the registry in `registry`.
"""

import gzip
import hashlib
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import DataError
from assay.data.imageset import ImageSet, ImageShape

OfficialSplit = Literal["train", "test"]
Arrays = tuple[NDArray[np.uint8], NDArray[np.int64]]  # images (N, C, H, W), labels (N,)


@dataclass(frozen=True)
class File:
    """One published file. Size in bytes and MD5 are those of the unpacked content; on disk it may be a .gz."""

    name: str
    size: int
    md5: str

    def find(self, folder: Path) -> Path | None:
        """The path of the file in `folder`, unpacked (preferred) or as .gz; None if it is missing."""
        paths = (folder / self.name, folder / f"{self.name}.gz")
        return next((path for path in paths if path.is_file()), None)

    def read(self, path: Path) -> bytes:
        """The unpacked content of the file at `path`. Raises DataError if it differs from what was published."""
        try:
            with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
                content = stream.read(self.size + 1)  # one byte too many, which stops a gzip bomb
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{path} cannot be read: {error}") from error
        self.check(content, path)
        return content

    def check(self, content: bytes, where: Path | str) -> None:
        """Raise DataError unless `content`, read from `where`, is the published content."""
        if len(content) < self.size:
            raise DataError(f"{where} is truncated: {len(content):,} bytes of {self.size:,}")
        if len(content) > self.size:
            raise DataError(f"{where} is too long: it should hold {self.size:,} bytes")
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if md5 != self.md5:
            raise DataError(f"{where} is damaged or altered: its MD5 is {md5}, should be {self.md5}")


@dataclass(frozen=True)
class Edition:
    """One published format of a data set.

    folders: where to look for it, below the data root unless absolute; downloads go into the first. decode: turns the
    contents of one split's files, in the order of `files`, into arrays.
    """

    folders: tuple[str, ...]
    files: dict[OfficialSplit, tuple[File, ...]]
    decode: Callable[[Sequence[bytes]], Arrays]

    @property
    def all_files(self) -> tuple[File, ...]:
        """The files of both splits."""
        return self.files["train"] + self.files["test"]


@dataclass(frozen=True)
class DownloadMirror:
    """An https download of the first edition: one .tar.gz with its MD5, or a folder of .gz files (no MD5)."""

    url: str
    archive_size: int = 0  # bytes
    archive_md5: str = ""


@dataclass(frozen=True)
class NamedDataset:
    """A data set that assay knows by name.

    counts: images per split; debian: the Debian package that contains it, if there is one.
    """

    name: str
    class_names: tuple[str, ...]
    shape: ImageShape
    counts: dict[OfficialSplit, int]
    editions: tuple[Edition, ...]
    mirror: DownloadMirror
    debian: str | None = None

    def find_folder(self, root: Path, splits: Sequence[OfficialSplit] = ("train", "test")) -> Path | None:
        """The folder that holds every file of these splits, or None. Checks file names only."""
        match = self._find(root, splits)
        return match[1] if match else None

    def load(self, split: OfficialSplit, root: Path) -> ImageSet:
        """Load one split. Raises DataError for missing, truncated or altered files, naming the file."""
        match = self._find(root, (split,))
        if not match:
            raise DataError(f"{self._describe_missing(split, root)}; get it with: assay data get {self.name}")
        edition, folder = match
        images, labels = edition.decode(self._read(edition, folder, split))
        return ImageSet(images, labels, self.class_names, f"{self.name}/{split}")

    def check_present(self, root: Path) -> None:
        """Raise DataError, naming the first missing file, unless one edition is complete."""
        if self.find_folder(root) is None:
            split: OfficialSplit = "test" if self.find_folder(root, ("train",)) else "train"
            raise DataError(f"{self._describe_missing(split, root)}; get it with: assay data get {self.name}")

    def verify(self, root: Path) -> Path:
        """The folder of a complete and unaltered copy. Raises DataError if there is none."""
        match = self._find(root, ("train", "test"))
        if not match:
            raise DataError(self._describe_missing("train", root))
        edition, folder = match
        for split in edition.files:
            self._read(edition, folder, split)
        return folder

    def _read(self, edition: Edition, folder: Path, split: OfficialSplit) -> list[bytes]:
        try:
            return [file.read(file.find(folder) or folder / file.name) for file in edition.files[split]]
        except DataError as error:
            raise DataError(f"{error}; get a whole copy with: assay data get {self.name}") from error

    def _find(self, root: Path, splits: Sequence[OfficialSplit]) -> tuple[Edition, Path] | None:
        for edition in self.editions:
            for folder in edition.folders:
                files = [file for split in splits for file in edition.files[split]]
                if all(file.find(root / folder) for file in files):
                    return edition, root / folder
        return None

    def _describe_missing(self, split: OfficialSplit, root: Path) -> str:
        """Names the first missing file, in an existing folder if there is one, else where a download would put it."""
        places = [(edition, root / folder) for edition in self.editions for folder in edition.folders]
        edition, folder = next((place for place in places if place[1].is_dir()), places[0])
        files = (*edition.files[split], *edition.all_files)
        name = next(file.name for file in files if not file.find(folder))
        return f"{self.name} is not here: {folder / name} is missing"
