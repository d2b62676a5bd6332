"""airbench94_muon from the user's checkout (github.com/KellerJordan/cifar10-airbench), n times, timed by itself.

The script always runs 200 times. Here its `main` is called as in the script's last lines, n times after the same
warm-up. Its time is read from the table that it prints: training, whitening and the six-view evaluation. Each run is
one line of JSON: seconds, and accuracy with six views and plain.
"""

import argparse
import importlib.util
import io
import json
import os
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import torch

from assay.data.datasets.catalog import load_dataset
from assay.data.imageset import ImageSet

SCRIPT = "airbench94_muon.py"


def why_not(folder: Path | None) -> str | None:
    """Why airbench cannot run here, or None when it can."""
    if folder is None:
        return "no checkout given (--airbench DIR)"
    if not (folder / SCRIPT).is_file():
        return f"{folder} has no {SCRIPT}; clone github.com/KellerJordan/cifar10-airbench and name that folder"
    if not torch.cuda.is_available():
        return f"{SCRIPT} needs an NVIDIA GPU, and PyTorch finds none"
    return None


def save_images(folder: Path) -> None:
    """Write CIFAR-10 in airbench's format, so that it downloads nothing: uint8 (N, H, W, C) and int64 labels."""
    folder.mkdir()
    for part in ("train", "test"):
        images = load_dataset("cifar10", "train" if part == "train" else "test")
        torch.save(as_saved(images), folder / f"{part}.pt")


def as_saved(images: ImageSet) -> dict[str, Any]:
    """A set of images in the format of airbench's loader."""
    pixels = torch.from_numpy(images.images.transpose(0, 2, 3, 1).copy())
    return {"images": pixels, "labels": torch.from_numpy(images.labels), "classes": list(images.class_names)}


def read_table(text: str) -> dict[str, float]:
    """Seconds and accuracies from a run's table: plain from the last epoch, six views and time from the last row."""
    rows = [line.strip()[1:-1].split("|") for line in text.splitlines() if line.startswith("|") and "epoch" not in line]
    *epochs, last = [[cell.strip() for cell in row] for row in rows]
    return {"seconds": float(last[-1]), "accuracy": float(last[-2]), "plain_accuracy": float(epochs[-1][3])}


def import_script(script: Path) -> Any:
    """Import the script as a module that torch.compile finds by name. Changes sys.argv and sys.modules."""
    sys.argv = [str(script)]  # the script reads its source from there
    spec = importlib.util.spec_from_file_location(script.stem, script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[script.stem] = module
    spec.loader.exec_module(module)
    return module


def main() -> None:
    """Run airbench and print its results."""
    parser = argparse.ArgumentParser(description="airbench94_muon, n times; one line of JSON for each run.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=20)
    options = parser.parse_args()
    if reason := why_not(options.folder):
        sys.exit(reason)
    script = (options.folder / SCRIPT).resolve()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        save_images(Path(folder) / "cifar10")
        module = import_script(script)
        model = module.CifarNet().cuda().to(memory_format=torch.channels_last)
        model.compile(mode="max-autotune")
        for number in ["warmup", *range(options.runs)]:
            output = io.StringIO()
            with redirect_stdout(output):
                module.main(number, model)
            if number != "warmup":
                print(json.dumps({"run": number, **read_table(output.getvalue())}), flush=True)


if __name__ == "__main__":
    main()
