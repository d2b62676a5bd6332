"""Whether assay's training engine is correct: its results and those of a plain fp32 loop, net by net, seed by seed.

The plain loop shares the data, the split and the initial weights with assay, but none of its engine: NCHW, fp32, one
batch at a time, torch's own order of images. The means should differ by no more than their noise.
"""

import argparse
import tempfile
from collections.abc import Iterable
from pathlib import Path
from statistics import mean, stdev

import torch
from scipy import stats
from torch import nn
from torch.nn.functional import cross_entropy

import assay
from assay.core.runtime import Runtime
from assay.data.datasets.catalog import load_dataset
from assay.data.imageset import ImageSet
from assay.data.preprocess import Preprocess
from assay.data.split import split
from assay.models.sequential import build_sequential
from assay.recipes.loader import read_recipe
from assay.recipes.recipe import Recipe
from assay.training.callbacks import Callback
from benchmarks.machine import machine_line

Figures = tuple[float, float]  # validation accuracy and loss after the last epoch


def recipe(name: str, epochs: int, seed: int) -> Recipe:
    """A built-in recipe without augmentation, schedule and early stopping, which the plain loop does not have."""
    return read_recipe(name).override(
        {
            "seed": seed, "augment": [], "schedule": "constant", "training.epochs": epochs,
            "stopping": {"restore_best": False}, "optimizer": {"name": "sgd", "lr": 0.02, "momentum": 0.9},
            "training.batch_size": 64,
        }
    )  # fmt: skip


def train_with_assay(run_recipe: Recipe, runtime: Runtime) -> Figures:
    """Train with assay's default settings."""
    with tempfile.TemporaryDirectory() as folder:
        run = assay.train(run_recipe, runs=Path(folder), runtime=runtime, callback=Callback(), mlflow=False)
        return run.results["validation"]["accuracy"], run.results["validation"]["loss"]


def train_by_hand(run_recipe: Recipe, images: ImageSet) -> Figures:
    """Train with the plain loop."""
    parts = split(images.labels, run_recipe.data.validation, run_recipe.data.split_seed)
    train, validation = images.subset(parts.train), images.subset(parts.validation)
    preprocess = Preprocess.fit(run_recipe.preprocess, train)
    net = build_sequential(run_recipe.model, preprocess.shape, len(images.class_names), run_recipe.seed)
    optimizer = torch.optim.SGD(net.parameters(), run_recipe.optimizer.lr, 0.9)
    x, y = preprocess(torch.from_numpy(train.images)), torch.from_numpy(train.labels)
    torch.manual_seed(run_recipe.seed)
    for _ in range(run_recipe.training.epochs):
        net.train()
        for batch in torch.randperm(len(y)).split(run_recipe.training.batch_size):
            optimizer.zero_grad()
            cross_entropy(net(x[batch]), y[batch]).backward()
            optimizer.step()
    return evaluate(net, preprocess(torch.from_numpy(validation.images)), torch.from_numpy(validation.labels))


@torch.inference_mode()
def evaluate(net: nn.Module, x: torch.Tensor, y: torch.Tensor) -> Figures:
    """Accuracy and mean loss of a net on images."""
    logits = torch.cat([net.eval()(part) for part in x.split(500)])
    return (logits.argmax(1) == y).double().mean().item(), cross_entropy(logits, y).item()


def difference(assay_figures: Iterable[float], plain_figures: Iterable[float]) -> str:
    """Mean of the paired differences with its 95 % t interval."""
    differences = [a - b for a, b in zip(assay_figures, plain_figures, strict=True)]
    half = stats.t.ppf(0.975, len(differences) - 1) * stdev(differences) / len(differences) ** 0.5
    return f"{mean(differences):+.4f} [{mean(differences) - half:+.4f}, {mean(differences) + half:+.4f}]"


def main() -> None:
    """Print one row per net."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipes", nargs="+", default=["mlflow-grid/two-conv", "fashion/cnn-bn"])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    runtime = Runtime.choose(threads=options.threads)
    print(f"{machine_line()}\n")
    print(
        "| recipe | seeds | accuracy, assay | accuracy, plain fp32 | difference, 95 % interval | difference of losses |"
    )
    print("|---|---|---|---|---|---|")
    for name in options.recipes:
        recipes = [recipe(name, options.epochs, seed) for seed in range(options.seeds)]
        images = load_dataset(recipes[0].data.name, "train")
        assay_figures = [train_with_assay(recipe, runtime) for recipe in recipes]
        plain_figures = [train_by_hand(recipe, images) for recipe in recipes]
        (a, a_loss), (b, b_loss) = zip(*assay_figures, strict=True), zip(*plain_figures, strict=True)
        print(f"| {name} | {options.seeds} | {mean(a):.4f} | {mean(b):.4f} | {difference(a, b)} | "
              f"{difference(a_loss, b_loss)} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
