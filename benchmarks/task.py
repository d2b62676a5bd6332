"""The task of every tool: net, images, batch size and optimizer. The scripts in `tools/` carry it out."""

import argparse
import os
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from assay.data.datasets.catalog import load_dataset
from assay.data.datasets.registry import DATASETS
from assay.data.imageset import ImageSet
from assay.data.preprocess import Preprocess
from assay.data.split import split
from assay.models.sequential import build_sequential, lines_of
from assay.recipes.loader import read_recipe
from assay.recipes.recipe import Recipe

WAYS = ("as-it-comes", "fp32", "tuned")
PAD, CLASSES = 4, 10
LR, MOMENTUM = 0.02, 0.9


@dataclass(frozen=True)
class Assignment:
    """A net of the papers: its recipe, its batch size, and the length of its measurements."""

    recipe: str
    batch_size: int
    images: int  # per epoch of a throughput measurement: whole batches, about 10 s for the peers on two cores
    epochs: int  # for time to an accuracy
    target: float  # validation accuracy


NETS = {
    "two-conv": Assignment("mlflow-grid/two-conv", 64, 44_800, 8, 0.55),
    "kth/4.A.2": Assignment("kth/4.A.2", 128, 8_960, 6, 0.65),
    "five-conv": Assignment("mlflow-grid/five-conv", 128, 2_560, 4, 0.70),
    "cerberus": Assignment("mlflow-grid/cerberus", 128, 1_024, 3, 0.60),
}


@dataclass(frozen=True)
class Task:
    """One measurement. images: how many training images, None for all. validate: after each epoch, or never."""

    net: str
    way: str = "as-it-comes"
    epochs: int = 3
    images: int | None = None
    validate: bool = False
    workers: int = 0
    synthetic: bool = False

    @property
    def tuned(self) -> bool:
        """Whether the peers run with the settings of a skilled user."""
        return self.way == "tuned"

    @property
    def batch_size(self) -> int:
        """Images per batch."""
        return NETS[self.net].batch_size

    @property
    def validation_share(self) -> float:
        """The share of the images that is held out for validation."""
        return 0.1 if self.validate else 0.0

    @property
    def recipe(self) -> Recipe:
        """The net's recipe with the settings that all tools share."""
        changes = {
            "name": "benchmark",
            "data.validation": self.validation_share,
            "preprocess.scale": "unit",
            "preprocess.normalize": "train",
            "augment": [f"crop {PAD} zero", "flip"],
            "optimizer": {"name": "sgd", "lr": LR, "momentum": MOMENTUM},
            "schedule": {"name": "constant"},
            "training": {"epochs": self.epochs, "batch_size": self.batch_size, "shuffle": True},
            "stopping": {"patience": None},
            "reported": None,
        }
        return read_recipe(NETS[self.net].recipe).override(changes)

    def pictures(self) -> ImageSet:
        """CIFAR-10's training images before the split, or the first `images` of them."""
        if self.synthetic:
            return synthetic(self.images or 1000)
        images = load_dataset("cifar10", "train")
        return images if self.images is None else images.subset(np.arange(min(self.images, len(images))))

    def parts(self) -> tuple[ImageSet, ImageSet]:
        """Training and validation images, split by assay."""
        images = self.pictures()
        split_parts = split(images.labels, self.validation_share, self.recipe.data.split_seed)
        return images.subset(split_parts.train), images.subset(split_parts.validation)

    def module(self) -> nn.Module:
        """The net: images (N, 3, 32, 32) float32 to logits (N, 10)."""
        return build_sequential(self.recipe.model, (3, 32, 32), CLASSES, self.recipe.seed)

    def lines(self) -> list[str]:
        """The net as a list of lines, for a tool that takes no torch module."""
        return lines_of(self.recipe.model, CLASSES)

    def constants(self, train: ImageSet) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and standard deviation of each channel, for pixels in [0, 1]."""
        preprocess = Preprocess.fit(self.recipe.preprocess, train)
        assert preprocess.mean is not None
        assert preprocess.std is not None
        return preprocess.mean, preprocess.std


def synthetic(n: int, seed: int = 0) -> ImageSet:
    """Random pixels (n, 3, 32, 32) with random labels, for tests that have no data."""
    generator = np.random.default_rng(seed)
    images = generator.integers(0, 256, (n, 3, 32, 32), dtype=np.uint8)
    return ImageSet(images, np.arange(n, dtype=np.int64) % CLASSES, DATASETS["cifar10"].class_names, "synthetic")


def read_task() -> Task:
    """Read the task from the command line, which is the same for every tool."""
    parser = argparse.ArgumentParser(description="One measurement of one tool; prints one line of JSON.")
    parser.add_argument("--net", choices=NETS, required=True)
    parser.add_argument("--way", choices=WAYS, default="as-it-comes")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--images", type=int, help="number of training images (default: all)")
    parser.add_argument("--validate", action="store_true", help="hold out a tenth and validate after every epoch")
    parser.add_argument("--workers", type=int, default=0, help="loader processes, for tools that use them")
    parser.add_argument("--synthetic", action="store_true", help="random images instead of CIFAR-10")
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", torch.get_num_threads())))
    return Task(**vars(parser.parse_args()))
