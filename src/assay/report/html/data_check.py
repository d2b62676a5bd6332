"""The page of `assay data check`: one HTML file with thumbnails of what a scan of a folder has found.

The template escapes all text. Thumbnails are embedded, so you can mail the file.
"""

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader
from PIL import Image

from assay.core.files import atomic_write
from assay.core.text import escape_line
from assay.data.folders.folder import Folder
from assay.data.folders.scan import Scan
from assay.data.folders.summary import count_by_part, notes

_TILE_PX = 96
_MAX_GROUPS, _MAX_GROUP_IMAGES = 30, 6
_MAX_FILES, _MAX_TILES = 500, 60  # bad files, and tiles of suspicious ones
_MAX_CLASSES, _MAX_CLASS_IMAGES = 100, 10


def write_check_page(path: Path, folder: Folder, title: str) -> None:
    """Write the page. Raises AssayError if the disk cannot be written."""
    atomic_write(path, check_page(folder, title))


def check_page(folder: Folder, title: str) -> str:
    """The whole page as HTML, with thumbnails of what training will see. Long lists are cut, with a count of the rest.

    title: such as the folder's name.
    """
    scan = folder.scan
    environment = Environment(loader=PackageLoader("assay.report.html"), autoescape=True, trim_blocks=True)
    thumbnails = _Thumbnails(folder)
    return environment.get_template("check.html").render(
        title=escape_line(title),
        root=escape_line(str(scan.listing.root)),
        layout=scan.listing.layout,
        numbers=_list_numbers(scan),
        notes=notes(scan),
        groups=_list_groups(scan, thumbnails),
        bad=[(escape_line(path), escape_line(reason)) for path, reason in scan.quarantine[:_MAX_FILES]],
        more_bad=max(0, len(scan.quarantine) - _MAX_FILES),
        suspicious=thumbnails.suspicious_tiles(),
        more_suspicious=max(0, len({path for path, _ in scan.suspicious}) - _MAX_TILES),
        sizes=_size_histogram(scan),
        classes=thumbnails.classes(),
        more_classes=max(0, len(scan.class_names) - _MAX_CLASSES),
    )


class _Thumbnails:
    """Thumbnails of a folder's images, as data URLs."""

    def __init__(self, folder: Folder) -> None:
        self.scan, self.images = folder.scan, folder.images
        self.position = {entry.path: i for i, entry in enumerate(self.scan.entries)}

    def source(self, position: int) -> str:
        """The image as a JPEG of at most the size of a tile."""
        pixels = np.asarray(self.images.images[position]).transpose(1, 2, 0).squeeze()
        image, file = Image.fromarray(pixels), io.BytesIO()
        image.thumbnail((_TILE_PX, _TILE_PX))
        image.save(file, "JPEG", quality=85)
        return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()

    def tile(self, position: int, caption: str = "") -> dict[str, str]:
        """A thumbnail with the given caption, or the image's path."""
        return {"src": self.source(position), "caption": caption or escape_line(self.scan.entries[position].path)}

    def suspicious_tiles(self) -> list[dict[str, str]]:
        """The first suspicious images, each with its path and reasons."""
        reasons: dict[str, list[str]] = {}
        for path, reason in self.scan.suspicious:
            reasons.setdefault(path, []).append(reason)
        return [
            self.tile(self.position[path], f"{escape_line(path)}: {'; '.join(texts)}")
            for path, texts in list(reasons.items())[:_MAX_TILES]
        ]

    def classes(self) -> list[dict[str, Any]]:
        """The first classes, each with its count and some of its images."""
        return [
            {
                "name": escape_line(name),
                "count": count_by_part(self.scan.counts[name]),
                "pictures": [self.source(i) for i in self._sample_class(label)],
            }
            for label, name in enumerate(self.scan.class_names[:_MAX_CLASSES])
        ]

    def _sample_class(self, label: int) -> list[int]:
        """Some images of a class, evenly spaced."""
        positions = np.flatnonzero(self.images.labels == label)
        steps = np.linspace(0, len(positions) - 1, min(len(positions), _MAX_CLASS_IMAGES)).round().astype(int)
        return [int(position) for position in positions[steps]]


def _list_numbers(scan: Scan) -> list[dict[str, Any]]:
    """The figures at the top of the page; bad ones stand out."""
    suspicious = {path for path, _ in scan.suspicious}
    numbers = [
        ("images", len(scan.entries), False),
        ("classes", len(scan.class_names), len(scan.class_names) < 2),
        ("bad files", len(scan.quarantine), bool(scan.quarantine)),
        ("suspicious", len(suspicious), False),
        ("near-duplicates", sum(map(len, scan.duplicates)), False),
        ("in several classes", len(scan.conflicts), bool(scan.conflicts)),
        ("leaks between parts", len(scan.leaks), bool(scan.leaks)),
    ]
    return [{"name": name, "value": f"{value:,}", "bad": is_bad} for name, value, is_bad in numbers]


def _list_groups(scan: Scan, thumbnails: _Thumbnails) -> list[dict[str, Any]]:
    """Sections of near-duplicates, the worst first. Harmless ones are those in no section above."""
    large = [group for group, _ in scan.large_groups]
    harmful = {group[0] for group in (*scan.leaks, *scan.conflicts, *large)}
    harmless = [group for group in scan.duplicates if group[0] not in harmful]
    sections: list[tuple[str, str, Sequence[list[int]], bool]] = [
        ("Leaks", "The same picture in more than one of the given parts.", scan.leaks, True),
        ("One picture, several classes", "At least one of the labels is wrong.", scan.conflicts, True),
        (
            "A large share of a class",
            "A trait of the data: the class is tested on few different pictures.",
            large,
            False,
        ),
        ("Near-duplicates", "A drawn split keeps them together.", harmless, False),
    ]
    return [
        {
            "title": title, "text": text, "bad": is_bad, "more": max(0, len(groups) - _MAX_GROUPS),
            "groups": [[thumbnails.tile(i) for i in group[:_MAX_GROUP_IMAGES]] for group in groups[:_MAX_GROUPS]],
        }
        for title, text, groups, is_bad in sections
    ]  # fmt: skip


def _size_histogram(scan: Scan) -> list[dict[str, Any]]:
    """A histogram of the longer sides; each bin is twice as wide as the one before."""
    sides = np.array([max(record.width, record.height) for record in scan.records])
    powers = np.floor(np.log2(sides)).astype(int)
    counts = {power: int((powers == power).sum()) for power in range(powers.min(), powers.max() + 1)}
    highest = max(counts.values())
    return [
        {
            "name": f"{2**power:,} to {2 ** (power + 1) - 1:,}",
            "count": f"{count:,}",
            "percent": round(100 * count / highest),
        }
        for power, count in counts.items()
    ]
