"""The page of `assay data check`: one HTML file with pictures of what a scan found, which is in `data/folders/scan.py`.

The template escapes every text; pictures are in the file itself, so that it can be mailed.
"""

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader
from PIL import Image

from assay.core.text import escape_line
from assay.data.folders.folder import Folder
from assay.data.folders.scan import Scan
from assay.data.folders.summary import count_by_part, notes

_TILE_PX = 96
_GROUPS, _OF_GROUP, _LISTED, _TILES, _CLASSES, _OF_CLASS = 30, 6, 500, 60, 100, 10


def check_page(folder: Folder, title: str) -> str:
    """The whole page as HTML, with thumbnails of what training will see; long lists are cut, and say so."""
    scan = folder.scan
    environment = Environment(loader=PackageLoader("assay.report.html"), autoescape=True, trim_blocks=True)
    pictures = _Pictures(folder)
    return environment.get_template("check.html").render(
        title=escape_line(title),
        root=escape_line(str(scan.listing.root)),
        layout=scan.listing.layout,
        numbers=_numbers(scan),
        notes=notes(scan),
        groups=_groups(scan, pictures),
        bad=[(escape_line(path), escape_line(reason)) for path, reason in scan.quarantine[:_LISTED]],
        more_bad=max(0, len(scan.quarantine) - _LISTED),
        suspicious=pictures.suspicious(),
        more_suspicious=max(0, len({path for path, _ in scan.suspicious}) - _TILES),
        sizes=_sizes(scan),
        classes=pictures.classes(),
        more_classes=max(0, len(scan.class_names) - _CLASSES),
    )


class _Pictures:
    """Thumbnails of a folder's images, as data URLs."""

    def __init__(self, folder: Folder) -> None:
        self.scan, self.images = folder.scan, folder.images
        self.place = {entry.path: i for i, entry in enumerate(self.scan.entries)}

    def src(self, place: int) -> str:
        """The image as a JPEG of at most a tile's size."""
        image, file = Image.fromarray(np.asarray(self.images.images[place]).transpose(1, 2, 0).squeeze()), io.BytesIO()
        image.thumbnail((_TILE_PX, _TILE_PX))
        image.save(file, "JPEG", quality=85)
        return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()

    def tile(self, place: int, caption: str = "") -> dict[str, str]:
        """A thumbnail with the image's path, or another caption."""
        return {"src": self.src(place), "caption": caption or escape_line(self.scan.entries[place].path)}

    def suspicious(self) -> list[dict[str, str]]:
        """The first suspicious images, each with its path and reason."""
        reasons: dict[str, list[str]] = {}
        for path, reason in self.scan.suspicious:
            reasons.setdefault(path, []).append(reason)
        first = list(reasons.items())[:_TILES]
        return [self.tile(self.place[path], f"{escape_line(path)}: {'; '.join(found)}") for path, found in first]

    def classes(self) -> list[dict[str, Any]]:
        """The first classes, each with its count and some of its images, evenly spread."""
        return [
            {
                "name": escape_line(name),
                "count": count_by_part(self.scan.counts[name]),
                "pictures": [self.src(i) for i in self._some(label)],
            }
            for label, name in enumerate(self.scan.class_names[:_CLASSES])
        ]

    def _some(self, label: int) -> list[int]:
        places = np.flatnonzero(self.images.labels == label)
        return [
            int(places[i]) for i in np.linspace(0, len(places) - 1, min(len(places), _OF_CLASS)).round().astype(int)
        ]


def _numbers(scan: Scan) -> list[dict[str, Any]]:
    """The figures on top; those that are wrong stand out."""
    copies = sum(map(len, scan.duplicates))
    found = [
        ("images", len(scan.entries), False),
        ("classes", len(scan.class_names), len(scan.class_names) < 2),
        ("bad files", len(scan.quarantine), bool(scan.quarantine)),
        ("suspicious", len({path for path, _ in scan.suspicious}), False),
        ("near-duplicates", copies, False),
        ("in several classes", len(scan.conflicts), bool(scan.conflicts)),
        ("leaks between parts", len(scan.leaks), bool(scan.leaks)),
    ]
    return [{"name": name, "value": f"{value:,}", "bad": bad} for name, value, bad in found]


def _groups(scan: Scan, pictures: _Pictures) -> list[dict[str, Any]]:
    """Copies, worst first: each group once."""
    leaks, conflicts = ({places[0] for places in groups} for groups in (scan.leaks, scan.conflicts))
    harmless = [places for places in scan.duplicates if places[0] not in leaks | conflicts]
    sections: list[tuple[str, str, Sequence[list[int]], bool]] = [
        ("Leaks", "The same picture in more than one of the given parts.", scan.leaks, True),
        ("One picture, several classes", "At least one of the labels is wrong.", scan.conflicts, True),
        ("Near-duplicates", "They stay on one side of a split that is drawn.", harmless, False),
    ]
    return [
        {
            "title": title, "text": text, "bad": bad, "more": max(0, len(groups) - _GROUPS),
            "groups": [[pictures.tile(i) for i in places[:_OF_GROUP]] for places in groups[:_GROUPS]],
        }
        for title, text, groups, bad in sections
    ]  # fmt: skip


def _sizes(scan: Scan) -> list[dict[str, Any]]:
    """A histogram of the longer sides, each step twice as long as the one before."""
    sides = np.array([max(record.width, record.height) for record in scan.records])
    steps = np.floor(np.log2(sides)).astype(int)
    counts = [(step, int((steps == step).sum())) for step in range(steps.min(), steps.max() + 1)]
    most = max(count for _, count in counts)
    return [
        {"name": f"{2**step:,} to {2 ** (step + 1) - 1:,}", "count": f"{count:,}", "percent": round(100 * count / most)}
        for step, count in counts
    ]
