"""Walking a folder: which names are images by their suffix, what is left out, and loops of links survived."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

# Some of these are refused when they are opened, and then stand in the list of bad files instead of vanishing.
SUFFIXES = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff",
    ".heic", ".heif", ".avif", ".svg", ".psd", ".jp2", ".jxl", ".ico", ".ppm", ".pgm", ".pbm", ".tga",
    ".raw", ".cr2", ".cr3", ".nef", ".arw", ".dng", ".orf", ".rw2", ".exr",
})  # fmt: skip
_SYSTEM = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini", "@eaDir", "$RECYCLE.BIN"})


@dataclass
class Walk:
    """Lists folders below `root`, and remembers what it did not take: names by reason, and unreadable folders.

    Folders behind links are followed, each at most once.
    """

    root: Path
    left_out: Counter[str] = field(default_factory=Counter)
    refused: list[tuple[str, str]] = field(default_factory=list)
    seen: set[tuple[int, int]] = field(default_factory=set)

    def folders(self, below: str = "") -> list[str]:
        """The names of the folders in a folder, in order, without hidden ones."""
        return [entry.name for entry in self._entries(below, counting=False) if _is_folder(entry)]

    def images(self, below: str) -> Iterator[str]:
        """The paths, relative to the root, of all images in a folder and below it."""
        for entry in self._entries(below):
            path = os.path.join(below, entry.name)  # noqa: PTH118  # a Path costs four times as much
            if _is_folder(entry):
                if self.claim(path):
                    yield from self.images(path)
            elif os.path.splitext(entry.name)[1].lower() in SUFFIXES:  # noqa: PTH122
                yield path
            else:
                self.left_out["without an image's suffix"] += 1

    def direct(self, below: str = "") -> list[str]:
        """The names of the images that lie in a folder itself."""
        names = [entry.name for entry in self._entries(below, counting=False) if not _is_folder(entry)]
        return [name for name in names if os.path.splitext(name)[1].lower() in SUFFIXES]  # noqa: PTH122

    def _entries(self, below: str, counting: bool = True) -> list["os.DirEntry[str]"]:
        try:
            with os.scandir(self.root / below) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            if counting:
                self.refused.append((below, f"the folder cannot be read ({error.strerror or error})"))
            return []
        plain = [entry for entry in found if not entry.name.startswith(".") and entry.name not in _SYSTEM]
        if counting:
            self.left_out["hidden, or made by the system"] += len(found) - len(plain)
        return plain

    def claim(self, path: str) -> bool:
        """Whether this folder was not claimed before, under whatever name. Class folders are, before any is walked."""
        try:
            status = (self.root / path).stat()
        except OSError:
            return True  # listing it will say why
        identity = (status.st_dev, status.st_ino)
        if identity in self.seen:
            self.left_out["links to folders that are listed already"] += 1
            return False
        self.seen.add(identity)
        return True


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False
