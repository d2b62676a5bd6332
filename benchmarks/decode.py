"""Folders of photos: assay and torchvision's ImageFolder with a DataLoader, first and later epochs; the second start on
a large folder; and the memory that bad files cost. Each measurement is a fresh process.

The photos are linked as often as needed. Copies are equal byte by byte, which makes the search for near-duplicates
fast but not decoding.
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
from assay.models.torchvision_hub import import_torchvision
from benchmarks.machine import load_average, machine_line, measure

BATCH = 64
TARGETS = {"first epoch": 1.5, "later epochs": 10.0}


def link(photos: Path, folder: Path, images: int) -> None:
    """Fill a folder with links to the photos, class by class, up to a number of images."""
    files = sorted(photos.glob("*/*.jpg"))
    for i in range(images):
        source = files[i % len(files)]
        (folder / source.parent.name).mkdir(parents=True, exist_ok=True)
        (folder / source.parent.name / f"{i // len(files):04d}-{source.name}").symlink_to(source.resolve())


def spoil(folder: Path, share: float) -> None:
    """Replace a share of the files by empty files, text, half images, and images of 144 megapixels in few bytes."""
    stride = round(1 / share)
    Image.new("1", (12_000, 12_000)).save(folder / "bomb", "PNG")
    bomb = (folder / "bomb").read_bytes()
    for i, path in enumerate(sorted(folder.glob("*/*.jpg"))[::stride]):
        content = path.read_bytes()
        path.unlink()
        path.write_bytes((b"", b"words", content[: len(content) // 2], bomb)[i % 4])
    (folder / "bomb").unlink()


def read_with_assay(folder: Path, size: int) -> dict[str, float]:
    """assay: scan, cache and one epoch of shuffled float batches; then another epoch."""
    start = time.perf_counter()
    Runtime.choose("cpu")  # as a run does first
    data = open_folder(folder, (3, size, size), 1.0)
    opening_seconds = time.perf_counter() - start
    images, preprocess = data.images.subset(range(len(data.images))), Preprocess(data.images.shape)

    def batches() -> Iterator[torch.Tensor]:
        for indices in torch.randperm(len(images)).split(BATCH):
            yield preprocess.pixels(images.take(indices))  # as a run's BatchLoader does

    return {"opened": opening_seconds, **_epochs(batches, start)}


def read_with_torchvision(folder: Path, size: int, workers: int) -> dict[str, float]:
    """torchvision: ImageFolder with Resize, CenterCrop and ToTensor; a DataLoader with persistent workers."""
    torchvision = import_torchvision()
    from torch.utils.data import DataLoader
    from torchvision import transforms

    start = time.perf_counter()
    steps = [transforms.Resize(size), transforms.CenterCrop(size), transforms.ToTensor()]
    images = torchvision.datasets.ImageFolder(str(folder), transforms.Compose(steps))
    loader = DataLoader(images, BATCH, shuffle=True, num_workers=workers, persistent_workers=workers > 0)

    def batches() -> Iterator[torch.Tensor]:
        for pixels, _ in loader:
            yield pixels

    return _epochs(batches, start)


def _epochs(batches: Callable[[], Iterator[torch.Tensor]], start: float) -> dict[str, float]:
    """Images per second of the first epoch, set-up included, and of the second."""
    counts, times = [], [start]
    for _ in range(2):
        counts.append(sum(len(pixels) for pixels in batches()))
        times.append(time.perf_counter())
    return {
        "images": counts[0],
        "first epoch": counts[0] / (times[1] - times[0]),
        "later epochs": counts[1] / (times[2] - times[1]),
    }


def read_again(folder: Path, size: int) -> dict[str, float]:
    """Seconds until the images of a folder are ready."""
    start = time.perf_counter()
    data = open_folder(folder, (3, size, size), 1.0)
    return {"images": len(data.images), "seconds": time.perf_counter() - start}


def memory(folder: Path, size: int) -> dict[str, float]:
    """Peak memory in MiB, with a copy of all images."""
    before = _peak()
    data = open_folder(folder, (3, size, size), 1.0)
    copy = np.array(data.images.images)
    return {"images": len(copy), "before": before, "peak": _peak()}


def _peak() -> float:
    """Peak memory of this process so far; getrusage would include its parent's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def measure_task(task: str, folder: Path, root: Path, size: int, cores: int) -> dict[str, Any]:
    os.environ["ASSAY_DATA"] = str(root)
    arguments = ["--one", task, "--folder", str(folder), "--sizes", str(size), "--cores", str(cores)]
    return measure("benchmarks.decode", arguments, cores, False, 30)


def throughput(photos: Path, images: int, rounds: int, size: int, cores: int) -> list[dict[str, Any]]:
    """Both tools in turn; each round starts with an empty cache."""
    rows = []
    for number in range(rounds):
        with tempfile.TemporaryDirectory() as name:
            link(photos, Path(name) / "photos", images)
            for task in ("assay", "torchvision") if number % 2 == 0 else ("torchvision", "assay"):
                row = {
                    "what": task,
                    "size": size,
                    "load": load_average(),
                    **measure_task(task, Path(name) / "photos", Path(name) / "root", size, cores),
                }
                print(json.dumps(row), flush=True)
                rows.append(row)
    return rows


def second_start(photos: Path, images: int, cores: int) -> dict[str, Any]:
    """The first and the second start on a folder."""
    with tempfile.TemporaryDirectory() as name:
        link(photos, Path(name) / "photos", images)
        folder, root = Path(name) / "photos", Path(name) / "root"
        first, second = (measure_task("start", folder, root, 160, cores) for _ in range(2))
    return {"images": images, "first": first, "second": second, "load": load_average()}


def peaks(photos: Path, images: int, cores: int) -> dict[str, Any]:
    """Memory for a clean folder, and for one with 3 % bad files."""
    memory_by_folder = {}
    for kind in ("clean", "bad"):
        with tempfile.TemporaryDirectory() as name:
            shutil.copytree(photos, Path(name) / "photos", ignore=lambda *_: {"manifest.csv"})
            link(photos, Path(name) / "photos", images - 200)
            if kind == "bad":
                spoil(Path(name) / "photos", 0.03)
            memory_by_folder[kind] = measure_task("memory", Path(name) / "photos", Path(name) / "root", 160, cores)
    return memory_by_folder


def main() -> None:
    """Measure, print the ratios and write the numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path, nargs="?", help="a folder class/*.jpg")
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--many", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 128, 224], help="sides in pixels")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--output", type=Path, default=Path("build/decode.json"))
    parser.add_argument("--one", choices=("assay", "torchvision", "start", "memory"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        size = options.sizes[0]
        tasks = {
            "assay": lambda: read_with_assay(options.folder, size),
            "torchvision": lambda: read_with_torchvision(options.folder, size, options.cores),
            "start": lambda: read_again(options.folder, size),
            "memory": lambda: memory(options.folder, size),
        }
        print(json.dumps(tasks[options.one]()))
        return
    if options.photos is None:
        sys.exit("give a folder of photos: python -m benchmarks.decode PHOTOS")
    print(machine_line())
    rows = []
    for size in options.sizes:
        size_rows = throughput(options.photos, options.images, options.rounds, size, options.cores)
        rows += size_rows
        for name, target in TARGETS.items():
            assay_rates, torchvision_rates = (
                [row[name] for row in size_rows if row["what"] == tool] for tool in ("assay", "torchvision")
            )
            ratios = [round(a / b, 2) for a, b in zip(assay_rates, torchvision_rates, strict=True)]
            median = statistics.median(ratios)
            print(f"{size} px, {name}: {median:.2f} times torchvision's images/s (target {target:g}); {ratios}")
    starts, peak = second_start(options.photos, options.many, options.cores), peaks(options.photos, 1000, options.cores)
    seconds = {when: starts[when]["seconds"] for when in ("first", "second")}
    print(f"{options.many:,} images: first start {seconds['first']:.1f} s, second {seconds['second']:.2f} s")
    print(f"peak memory with 3 % bad files: {peak['bad']['peak'] / peak['clean']['peak']:.2f} times that without")
    atomic_write(options.output, json.dumps({"throughput": rows, "start": starts, "memory": peak}, indent=2) + "\n")


if __name__ == "__main__":
    main()
