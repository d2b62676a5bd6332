"""Whether the engine's numbers are right: assay's training against a plain fp32 loop, net by net, seed by seed.

The loop here shares with assay the data, the split and the initial weights, and nothing of its engine: NCHW, fp32, one
batch at a time, torch's own order. The means of both should differ by no more than their noise.
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

Figures = tuple[float, float]  # validation accuracy and loss after the last epoch


def recipe(name: str, epochs: int, seed: int) -> Recipe:
    """The built-in recipe for so many epochs, without what the plain loop has not: augmentation, schedule, stopping."""
    return read_recipe(name).override(
        {
            "seed": seed, "augment": [], "schedule": "constant", "training.epochs": epochs,
            "stopping": {"restore_best": False}, "optimizer": {"name": "sgd", "lr": 0.02, "momentum": 0.9},
            "training.batch_size": 64,
        }
    )  # fmt: skip


def by_assay(one: Recipe, runtime: Runtime) -> Figures:
    """assay as it comes."""
    with tempfile.TemporaryDirectory() as folder:
        run = assay.train(one, runs=Path(folder), runtime=runtime, callback=Callback(), mlflow=False)
        return run.results["validation"]["accuracy"], run.results["validation"]["loss"]


def by_hand(one: Recipe, images: ImageSet) -> Figures:
    """The plain loop."""
    parts = split(images.labels, one.data.validation, one.data.split_seed)
    train, validation = images.subset(parts.train), images.subset(parts.validation)
    preprocess = Preprocess.fit(one.preprocess, train)
    net = build_sequential(one.model, preprocess.shape, len(images.class_names), one.seed)
    optimizer = torch.optim.SGD(net.parameters(), one.optimizer.lr, 0.9)
    x, y = preprocess(torch.from_numpy(train.images)), torch.from_numpy(train.labels)
    torch.manual_seed(one.seed)
    for _ in range(one.training.epochs):
        net.train()
        for batch in torch.randperm(len(y)).split(one.training.batch_size):
            optimizer.zero_grad()
            cross_entropy(net(x[batch]), y[batch]).backward()
            optimizer.step()
    return judged(net, preprocess(torch.from_numpy(validation.images)), torch.from_numpy(validation.labels))


@torch.inference_mode()
def judged(net: nn.Module, x: torch.Tensor, y: torch.Tensor) -> Figures:
    """Accuracy and mean loss of the net on images."""
    logits = torch.cat([net.eval()(part) for part in x.split(500)])
    return (logits.argmax(1) == y).double().mean().item(), cross_entropy(logits, y).item()


def difference(ours: Iterable[float], theirs: Iterable[float]) -> str:
    """Mean of the differences, seed by seed, with its 95 % t interval."""
    found = [a - b for a, b in zip(ours, theirs, strict=True)]
    half = stats.t.ppf(0.975, len(found) - 1) * stdev(found) / len(found) ** 0.5
    return f"{mean(found):+.4f} [{mean(found) - half:+.4f}, {mean(found) + half:+.4f}]"


def main() -> None:
    """Print a row for each net."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipes", nargs="+", default=["mlflow-grid/two-conv", "fashion/cnn-bn"])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    runtime = Runtime.choose(threads=options.threads)
    print(
        "| recipe | seeds | accuracy, assay | accuracy, plain fp32 | difference, 95 % interval | difference of losses |"
    )
    print("|---|---|---|---|---|---|")
    for name in options.recipes:
        recipes = [recipe(name, options.epochs, seed) for seed in range(options.seeds)]
        images = load_dataset(recipes[0].data.name, "train")
        ours, theirs = [by_assay(r, runtime) for r in recipes], [by_hand(r, images) for r in recipes]
        (a, a_loss), (b, b_loss) = zip(*ours, strict=True), zip(*theirs, strict=True)
        print(f"| {name} | {options.seeds} | {mean(a):.4f} | {mean(b):.4f} | {difference(a, b)} | "
              f"{difference(a_loss, b_loss)} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
