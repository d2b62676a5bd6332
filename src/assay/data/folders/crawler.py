"""Listing the images in folders, by suffix. Hidden and system files are skipped, loops of links are survived."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

# Some of these cannot be read. They are listed all the same, so that they are reported as bad instead of vanishing.
SUFFIXES = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff",
    ".heic", ".heif", ".avif", ".svg", ".psd", ".jp2", ".jxl", ".ico", ".ppm", ".pgm", ".pbm", ".tga",
    ".raw", ".cr2", ".cr3", ".nef", ".arw", ".dng", ".orf", ".rw2", ".exr",
})  # fmt: skip
_SYSTEM = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini", "@eaDir", "$RECYCLE.BIN"})


@dataclass
class Crawler:
    """Lists folders below `root`, and remembers what it skipped: counts by reason, and unreadable folders.

    Links to folders are followed; each folder is visited once.
    """

    root: Path
    skip_counts: Counter[str] = field(default_factory=Counter)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    claims: set[tuple[int, int]] = field(default_factory=set)

    def list_folders(self, below: str = "") -> list[str]:
        """The names of the folders in a folder, in order, without hidden ones."""
        return [entry.name for entry in self._entries(below, counting=False) if _is_folder(entry)]

    def list_images(self, below: str = "") -> list[str]:
        """The names of the images directly in a folder."""
        names = [entry.name for entry in self._entries(below, counting=False) if not _is_folder(entry)]
        return [name for name in names if _has_image_suffix(name)]

    def walk_images(self, below: str) -> Iterator[str]:
        """The paths, relative to the root, of all images in a folder and below it."""
        for entry in self._entries(below):
            path = os.path.join(below, entry.name)  # noqa: PTH118  # a Path costs four times as much
            if _is_folder(entry):
                if self.claim(path):
                    yield from self.walk_images(path)
            elif _has_image_suffix(entry.name):
                yield path
            else:
                self.skip_counts["without an image's suffix"] += 1

    def claim(self, path: str) -> bool:
        """Claim a folder; False if it was claimed before, under any name. Claim class folders before walking any."""
        try:
            status = (self.root / path).stat()
        except OSError:
            return True  # listing it will give the reason
        identity = (status.st_dev, status.st_ino)
        if identity in self.claims:
            self.skip_counts["links to folders that are listed already"] += 1
            return False
        self.claims.add(identity)
        return True

    def _entries(self, below: str, counting: bool = True) -> list["os.DirEntry[str]"]:
        try:
            with os.scandir(self.root / below) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError as error:
            if counting:
                self.unreadable.append((below, f"the folder cannot be read ({error.strerror or error})"))
            return []
        visible = [entry for entry in entries if not entry.name.startswith(".") and entry.name not in _SYSTEM]
        if counting:
            self.skip_counts["hidden, or made by the system"] += len(entries) - len(visible)
        return visible


def _has_image_suffix(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in SUFFIXES  # noqa: PTH122  # a Path costs four times as much


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False
