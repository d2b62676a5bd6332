"""What a named data set is: its published files with their checksums, and how these become an ImageSet.

No data set is named here, and nothing is downloaded (assay.data.datasets.download does that).
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
from assay.data.imageset import ImageSet

Part = Literal["train", "test"]
Arrays = tuple[NDArray[np.uint8], NDArray[np.int64]]  # images (N, C, H, W), labels (N,)


@dataclass(frozen=True)
class File:
    """One published file: name, size in bytes and MD5, both of the unpacked content. On disk it may be a .gz."""

    name: str
    size: int
    md5: str

    def find(self, folder: Path) -> Path | None:
        """Where the file lies in `folder`: unpacked (preferred), as .gz, or None."""
        paths = (folder / self.name, folder / f"{self.name}.gz")
        return next((path for path in paths if path.is_file()), None)

    def read(self, path: Path) -> bytes:
        """The unpacked content of the file at `path`. Raises DataError when it is not what was published."""
        try:
            with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
                content = stream.read(self.size + 1)  # one more than allowed, so that a gzip bomb stops here
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{path} cannot be read: {error}") from error
        self.check(content, path)
        return content

    def check(self, content: bytes, where: Path | str) -> None:
        """Raise DataError unless `content`, which came from `where`, is the published content."""
        if len(content) < self.size:
            raise DataError(f"{where} is truncated: {len(content):,} bytes of {self.size:,}")
        if len(content) > self.size:
            raise DataError(f"{where} is too long: it should hold {self.size:,} bytes")
        found = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if found != self.md5:
            raise DataError(f"{where} is damaged or altered: its MD5 is {found}, should be {self.md5}")


@dataclass(frozen=True)
class Edition:
    """One form in which a data set is published.

    `folders` are the places where it may lie, below the data root unless absolute; the first is where a download puts
    it. `decode` turns the contents of one part's files, in the order of `files`, into arrays.
    """

    folders: tuple[str, ...]
    files: dict[Part, tuple[File, ...]]
    decode: Callable[[Sequence[bytes]], Arrays]

    @property
    def all_files(self) -> tuple[File, ...]:
        """The files of both parts."""
        return self.files["train"] + self.files["test"]


@dataclass(frozen=True)
class Mirror:
    """Where the first edition can be had over https: one .tar.gz with its MD5, or a folder of .gz files (no MD5)."""

    url: str
    archive_size: int = 0  # bytes
    archive_md5: str = ""


@dataclass(frozen=True)
class Source:
    """A named data set. `shape` is (C, H, W); `counts` the images of each part; `debian` a package that holds it."""

    name: str
    class_names: tuple[str, ...]
    shape: tuple[int, int, int]
    counts: dict[Part, int]
    editions: tuple[Edition, ...]
    mirror: Mirror
    debian: str | None = None

    def where(self, root: Path, parts: Sequence[Part] = ("train", "test")) -> Path | None:
        """The folder that holds every file of these parts, or None. Looks at names only, not into the files."""
        found = self._find(root, parts)
        return found[1] if found else None

    def load(self, part: Part, root: Path) -> ImageSet:
        """The images of one part. Raises DataError for missing, truncated or altered files, naming the file."""
        found = self._find(root, (part,))
        if not found:
            raise DataError(f"{self._missing(part, root)}; get it with: assay data get {self.name}")
        edition, folder = found
        images, labels = edition.decode(self._contents(edition, folder, part))
        return ImageSet(images, labels, self.class_names, f"{self.name}/{part}")

    def check_present(self, root: Path) -> None:
        """Raise DataError, naming the first missing file, unless one edition is there with both parts."""
        if self.where(root) is None:
            part: Part = "test" if self.where(root, ("train",)) else "train"
            raise DataError(f"{self._missing(part, root)}; get it with: assay data get {self.name}")

    def verify(self, root: Path) -> Path:
        """The folder of a whole and unaltered copy of both parts. Raises DataError when there is none."""
        found = self._find(root, ("train", "test"))
        if not found:
            raise DataError(self._missing("train", root))
        for part in found[0].files:
            self._contents(*found, part)
        return found[1]

    def _contents(self, edition: Edition, folder: Path, part: Part) -> list[bytes]:
        try:
            return [file.read(file.find(folder) or folder / file.name) for file in edition.files[part]]
        except DataError as error:
            raise DataError(f"{error}; get a whole copy with: assay data get {self.name}") from error

    def _find(self, root: Path, parts: Sequence[Part]) -> tuple[Edition, Path] | None:
        for edition in self.editions:
            for folder in edition.folders:
                files = [file for part in parts for file in edition.files[part]]
                if all(file.find(root / folder) for file in files):
                    return edition, root / folder
        return None

    def _missing(self, part: Part, root: Path) -> str:
        """Which file is not there: of a folder that exists, else of the place where a download would put it."""
        places = [(edition, root / folder) for edition in self.editions for folder in edition.folders]
        edition, folder = next((place for place in places if place[1].is_dir()), places[0])
        files = (*edition.files[part], *edition.all_files)
        name = next(file.name for file in files if not file.find(folder))
        return f"{self.name} is not here: {folder / name} is missing"
