"""Near-duplicates of a folder: the share of false groups among distinct images, and the share of copies that are found.

A copy counts as found if it is in the group of its original. Each kind of copy is added to the whole set alone.
"""

import argparse
import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from assay.core.files import atomic_write
from assay.data.decode import decode, silence_pillow
from assay.data.folders.duplicates import group_duplicates
from benchmarks.image_copies import COPIES, draw_castings, draw_digits, draw_xrays, named_images, photos

SHAPE = (3, 160, 160)  # as a folder is stored by default


def image_sets(photo_folder: Path | None) -> dict[str, Callable[[], list[Image.Image]]]:
    """The sets by name; photos only where there are some."""
    sets: dict[str, Callable[[], list[Image.Image]]] = {
        "fashion-mnist": lambda: named_images("fashion-mnist", 6000),
        "digits": draw_digits,
        "cifar10": lambda: named_images("cifar10", 6000),
        "x-rays": lambda: draw_xrays(500, np.random.default_rng(0)),
        "castings": lambda: draw_castings(500, np.random.default_rng(0)),
    }
    return sets | ({"photos": lambda: photos(photo_folder)} if photo_folder else {})


def _decode(files: list[bytes]) -> NDArray[np.uint8]:
    with silence_pillow():
        return np.stack([decode(file, SHAPE).pixels for file in files])


def _save(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _group(pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
    return group_duplicates(pixels, [str(i) for i in range(len(pixels))])


def measure_set(images: list[Image.Image], copies: int) -> dict[str, Any]:
    """Groups among distinct images, seconds of processor time, and the recall of each kind of copy."""
    generator = np.random.default_rng(1)
    originals = np.sort(generator.choice(len(images), min(copies, len(images)), replace=False))
    pixels = _decode([_save(image) for image in images])
    start = time.process_time()
    sizes = np.bincount(_group(pixels), minlength=len(pixels))
    row: dict[str, Any] = {"n": len(images), "copies": len(originals), "seconds": time.process_time() - start}
    row |= {"groups": int((sizes > 1).sum()), "grouped": int(sizes[sizes > 1].sum()), "largest": int(sizes.max())}
    for name, copy in COPIES.items():
        changed = _decode([copy(images[i], generator) for i in originals])
        groups = _group(np.concatenate([pixels, changed]))
        row[name] = float((groups[len(pixels) :] == groups[originals]).mean())
    return row


def table(rows: dict[str, dict[str, Any]]) -> str:
    """A line for each set."""
    lines = ["| set | n | groups | images in them | largest | copies | " + " | ".join(COPIES) + " |", "|---" * 12 + "|"]
    for name, row in rows.items():
        recalls = " | ".join(f"{row[copy]:.1%}" for copy in COPIES)
        counts = f"{row['n']:,} | {row['groups']} | {row['grouped']} | {row['largest']} | {row['copies']}"
        lines.append(f"| {name} | {counts} | {recalls} |")
    return "\n".join(lines)


def main() -> None:
    """Measure the sets, print the table and write the numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, help="a folder class/*.jpg")
    parser.add_argument("--only", nargs="+", help="these sets")
    parser.add_argument("--copies", type=int, default=500, help="originals that are copied")
    parser.add_argument("--output", type=Path, default=Path("build/duplicates.json"))
    options = parser.parse_args()
    rows = {}
    for name, load in image_sets(options.photos).items():
        if not options.only or name in options.only:
            rows[name] = measure_set(load(), options.copies)
            print(json.dumps({"set": name, **rows[name]}), flush=True)
    print(table(rows))
    atomic_write(options.output, json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
