"""One training that goes on until it is stopped: a line `seconds images` after each step, for `busy.py` to read.

The seconds are those of the machine's monotonic clock, which all processes share.
"""

import argparse
import tempfile
import time
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy

import assay
from assay.core.runtime import Runtime
from assay.recipes.loader import read_recipe
from assay.recipes.recipe import Recipe
from assay.training.callbacks import Callback, Progress
from benchmarks.task import LR, MOMENTUM, NETS, Task, synthetic

IMAGES = 20_000
ENDLESS = 1000  # epochs


class StepLog(Callback):
    """Writes a line after each step, and messages as comments."""

    def __init__(self) -> None:
        self.total, self.in_epoch = 0, 0

    def on_step(self, progress: Progress) -> None:
        """Write the time and the number of images so far."""
        new = progress.images - self.in_epoch
        self.in_epoch = progress.images
        write(self.total + new)
        self.total += new
        if progress.images >= progress.epoch_images:
            self.in_epoch = 0

    def on_message(self, text: str) -> None:
        """Write a comment."""
        for line in text.splitlines():
            print(f"# {time.monotonic():.1f} {line}", flush=True)


def write(images: int) -> None:
    """Write a line of the log."""
    print(f"{time.monotonic():.4f} {images}", flush=True)


def steady_recipe(net: str) -> Recipe:
    """The net at its own recipe's batch size, without validation, for ever."""
    batch_size = read_recipe(NETS[net].recipe).training.images_a_step
    training = {"epochs": ENDLESS, "batch_size": batch_size, "shuffle": True}
    return Task(net).recipe.override({"training": training, "data.validation": 0.0})


def train_assay(net: str, threads: int | None, precision: str) -> None:
    """Train with assay; without a number of threads it chooses them."""
    with tempfile.TemporaryDirectory() as folder:
        assay.train(
            steady_recipe(net), images=synthetic(IMAGES), test=synthetic(100), runs=Path(folder),
            runtime=Runtime.choose("cpu", precision, threads), callback=StepLog(), mlflow=False,
        )  # fmt: skip


def train_torch(net: str, threads: int) -> None:
    """Train the same module with PyTorch's plain loop on tensors that are ready."""
    torch.set_num_threads(threads)
    recipe, images = steady_recipe(net), synthetic(2000)
    module = Task(net).module().train()
    optimizer = torch.optim.SGD(module.parameters(), LR, MOMENTUM)
    pixels, labels = torch.from_numpy(images.images).float() / 255, torch.from_numpy(images.labels)
    total = 0
    while True:
        for indices in torch.randperm(len(labels)).split(recipe.training.images_a_step):
            optimizer.zero_grad()
            cross_entropy(module(pixels[indices]), labels[indices]).backward()
            optimizer.step()
            total += len(indices)
            write(total)


def main() -> None:
    """Train as the command line says."""
    parser = argparse.ArgumentParser(description="A training without end; a line of time and images after each step.")
    parser.add_argument("--net", choices=NETS, required=True)
    parser.add_argument("--tool", choices=("assay", "torch"), required=True)
    parser.add_argument("--threads", type=int, help="fixed number of threads (default: the tool's choice)")
    parser.add_argument("--precision", default="auto")
    options = parser.parse_args()
    if options.tool == "torch":
        train_torch(options.net, options.threads or torch.get_num_threads())
    else:
        train_assay(options.net, options.threads, options.precision)


if __name__ == "__main__":
    main()
