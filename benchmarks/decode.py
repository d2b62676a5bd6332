"""Folders of photographs: assay beside torchvision's ImageFolder and DataLoader, first epoch and later ones; the second
start of a large folder; and the memory that bad files cost. Each measurement is a fresh process.

The photographs are linked as often as needed, so the copies are the same to the byte: near-duplicates are then quickly
found, and decoding is not.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from assay.core.files import atomic_write
from assay.core.runtime import Runtime
from assay.data.folders.folder import open_folder
from assay.data.preprocess import Preprocess
from benchmarks.machine import load, measure

BATCH = 64
TARGETS = {"first epoch": 1.5, "later epochs": 10.0}


def link(photos: Path, folder: Path, images: int) -> None:
    """Fill a folder with links to the photographs, class by class, until there are so many."""
    files = sorted(photos.glob("*/*.jpg"))
    for i in range(images):
        source = files[i % len(files)]
        (folder / source.parent.name).mkdir(parents=True, exist_ok=True)
        (folder / source.parent.name / f"{i // len(files):04d}-{source.name}").symlink_to(source.resolve())


def spoil(folder: Path, share: float) -> None:
    """Replace a share of the files: empty ones, words, halves, and pictures of 144 megapixels in few bytes."""
    every = round(1 / share)
    Image.new("1", (12_000, 12_000)).save(folder / "bomb", "PNG")
    bomb = (folder / "bomb").read_bytes()
    for i, path in enumerate(sorted(folder.glob("*/*.jpg"))[::every]):
        content = path.read_bytes()
        path.unlink()
        path.write_bytes((b"", b"words", content[: len(content) // 2], bomb)[i % 4])
    (folder / "bomb").unlink()


def ours(folder: Path, size: int) -> dict[str, float]:
    """Scan, cache and one epoch of shuffled float batches; then another epoch."""
    started = time.perf_counter()
    Runtime.choose("cpu")  # as a run does first
    found = open_folder(folder, (3, size, size), 1.0)
    opened = time.perf_counter() - started
    images, preprocess = found.images.subset(range(len(found.images))), Preprocess(found.images.shape)

    def batches() -> Iterator[torch.Tensor]:
        for chosen in torch.randperm(len(images)).split(BATCH):
            yield preprocess.pixels(images.take(chosen))  # as a run's BatchLoader does

    return {"opened": opened, **_epochs(batches, started)}


def theirs(folder: Path, size: int, workers: int) -> dict[str, float]:
    """ImageFolder with Resize, CenterCrop and ToTensor; a DataLoader whose workers stay for the second epoch."""
    from assay.models.torchvision_hub import import_torchvision

    torchvision = import_torchvision()
    from torch.utils.data import DataLoader
    from torchvision import transforms

    started = time.perf_counter()
    steps = [transforms.Resize(size), transforms.CenterCrop(size), transforms.ToTensor()]
    images = torchvision.datasets.ImageFolder(str(folder), transforms.Compose(steps))
    loader = DataLoader(images, BATCH, shuffle=True, num_workers=workers, persistent_workers=workers > 0)

    def batches() -> Iterator[torch.Tensor]:
        for pixels, _ in loader:
            yield pixels

    return _epochs(batches, started)


def _epochs(batches: Callable[[], Iterator[torch.Tensor]], started: float) -> dict[str, float]:
    """Images a second of the first epoch, from the very start, and of the second."""
    counts, times = [], [started]
    for _ in range(2):
        counts.append(sum(len(pixels) for pixels in batches()))
        times.append(time.perf_counter())
    return {
        "images": counts[0],
        "first epoch": counts[0] / (times[1] - times[0]),
        "later epochs": counts[1] / (times[2] - times[1]),
    }


def started_again(folder: Path, size: int) -> dict[str, float]:
    """Seconds until the images of a folder can be read."""
    began = time.perf_counter()
    found = open_folder(folder, (3, size, size), 1.0)
    return {"images": len(found.images), "seconds": time.perf_counter() - began}


def memory(folder: Path, size: int) -> dict[str, float]:
    """Greatest memory in use, in MiB, with a copy of all images."""
    before = _peak()
    found = open_folder(folder, (3, size, size), 1.0)
    copy = np.array(found.images.images)
    return {"images": len(copy), "before": before, "peak": _peak()}


def _peak() -> float:
    """The greatest memory of this process so far; getrusage would count what its parent had, too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def _measured(what: str, folder: Path, root: Path, size: int, cores: int) -> dict[str, Any]:
    os.environ["ASSAY_DATA"] = str(root)
    arguments = ["--one", what, "--folder", str(folder), "--sizes", str(size), "--cores", str(cores)]
    return measure("benchmarks.decode", arguments, cores, False, 30)


def throughput(photos: Path, images: int, rounds: int, size: int, cores: int) -> list[dict[str, Any]]:
    """Both ways in turn, each round from an empty cache."""
    found = []
    for number in range(rounds):
        with tempfile.TemporaryDirectory() as name:
            link(photos, Path(name) / "photos", images)
            for what in ("ours", "theirs") if number % 2 == 0 else ("theirs", "ours"):
                row = {
                    "what": what,
                    "size": size,
                    "load": load(),
                    **_measured(what, Path(name) / "photos", Path(name) / "root", size, cores),
                }
                print(json.dumps(row), flush=True)
                found.append(row)
    return found


def second_start(photos: Path, images: int, cores: int) -> dict[str, Any]:
    """The first and the second start of one folder."""
    with tempfile.TemporaryDirectory() as name:
        link(photos, Path(name) / "photos", images)
        first, second = (_measured("start", Path(name) / "photos", Path(name) / "root", 160, cores) for _ in range(2))
    return {"images": images, "first": first, "second": second, "load": load()}


def peaks(photos: Path, images: int, cores: int) -> dict[str, Any]:
    """Memory for a clean folder, and for one with three bad files in a hundred."""
    found = {}
    for what in ("clean", "bad"):
        with tempfile.TemporaryDirectory() as name:
            shutil.copytree(photos, Path(name) / "photos", ignore=lambda *_: {"manifest.csv"})
            link(photos, Path(name) / "photos", images - 200)
            if what == "bad":
                spoil(Path(name) / "photos", 0.03)
            found[what] = _measured("memory", Path(name) / "photos", Path(name) / "root", 160, cores)
    return found


def main() -> None:
    """Measure everything, print the ratios, and write the numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path, nargs="?", help="a folder class/*.jpg")
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--many", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 128, 224], help="sides in pixels")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--output", type=Path, default=Path("build/decode.json"))
    parser.add_argument("--one", choices=("ours", "theirs", "start", "memory"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        size = given.sizes[0]
        print(json.dumps({
            "ours": lambda: ours(given.folder, size), "theirs": lambda: theirs(given.folder, size, given.cores),
            "start": lambda: started_again(given.folder, size), "memory": lambda: memory(given.folder, size),
        }[given.one]()))  # fmt: skip
        return
    if given.photos is None:
        sys.exit("give a folder of photographs: python -m benchmarks.decode PHOTOS")
    rows = []
    for size in given.sizes:
        some = throughput(given.photos, given.images, given.rounds, size, given.cores)
        rows += some
        for name, target in TARGETS.items():
            own, peer = ([row[name] for row in some if row["what"] == what] for what in ("ours", "theirs"))
            ratios = [round(a / b, 2) for a, b in zip(own, peer, strict=True)]
            median = statistics.median(ratios)
            print(f"{size} px, {name}: {median:.2f} times torchvision's images/s (target {target:g}); {ratios}")
    start, peak = second_start(given.photos, given.many, given.cores), peaks(given.photos, 1000, given.cores)
    seconds = {when: start[when]["seconds"] for when in ("first", "second")}
    print(f"{given.many:,} images: first start {seconds['first']:.1f} s, second {seconds['second']:.2f} s")
    print(f"peak memory with 3 % bad files: {peak['bad']['peak'] / peak['clean']['peak']:.2f} times that without")
    atomic_write(given.output, json.dumps({"throughput": rows, "start": start, "memory": peak}, indent=2) + "\n")


if __name__ == "__main__":
    main()
