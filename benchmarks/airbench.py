"""airbench94_muon from the user's own checkout (github.com/KellerJordan/cifar10-airbench), n times, by its own clock.

Its script always runs 200 times; here its `main` is called as the script's last lines do, n times after the same
warm-up, and its clock is read from the table that it prints: training, whitening and the six-view evaluation.
Each run is one line of JSON: seconds, and accuracy with six views and plain.
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
        return f"{SCRIPT} needs an NVIDIA GPU, and torch sees none here"
    return None


def save_images(folder: Path) -> None:
    """CIFAR-10 as airbench keeps it, so that it downloads nothing: uint8 (N, H, W, C) and int64 labels."""
    folder.mkdir()
    for part in ("train", "test"):
        images = load_dataset("cifar10", "train" if part == "train" else "test")
        torch.save(as_saved(images), folder / f"{part}.pt")


def as_saved(images: ImageSet) -> dict[str, Any]:
    """What airbench's loader reads."""
    pixels = torch.from_numpy(images.images.transpose(0, 2, 3, 1).copy())
    return {"images": pixels, "labels": torch.from_numpy(images.labels), "classes": list(images.class_names)}


def read_table(text: str) -> dict[str, float]:
    """Seconds and accuracies from the table of one run: plain of the last epoch, six views and time of the last row."""
    rows = [line.strip()[1:-1].split("|") for line in text.splitlines() if line.startswith("|") and "epoch" not in line]
    *epochs, last = [[cell.strip() for cell in row] for row in rows]
    return {"seconds": float(last[-1]), "accuracy": float(last[-2]), "plain_accuracy": float(epochs[-1][3])}


def imported(script: Path) -> Any:
    """The script as a module; torch.compile wants to find it by its name."""
    sys.argv = [str(script)]  # it reads its own source there
    spec = importlib.util.spec_from_file_location(script.stem, script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[script.stem] = module
    spec.loader.exec_module(module)
    return module


def main() -> None:
    """Run it."""
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
        module = imported(script)
        model = module.CifarNet().cuda().to(memory_format=torch.channels_last)
        model.compile(mode="max-autotune")
        for number in ["warmup", *range(options.runs)]:
            said = io.StringIO()
            with redirect_stdout(said):
                module.main(number, model)
            if number != "warmup":
                print(json.dumps({"run": number, **read_table(said.getvalue())}), flush=True)


if __name__ == "__main__":
    main()
