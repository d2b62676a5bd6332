"""Cached features: the CPU time of the transfer paper's sweeps with and without them, and equal accuracy.

The sweeps are 9 numbers of epochs, 6 learning rates and 4 batch sizes, 3 seeds each: a head on a pretrained net at
224 px, on all of CIFAR-10. Without the cache they would take weeks, so that time is extrapolated from a few batches of
training and evaluation. One process, one thread; CPU time, because other processes disturb it less.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from assay.core.files import write_json
from assay.core.folders import data_root, weights_folder
from assay.core.runtime import Runtime
from assay.data.datasets.catalog import load_dataset
from assay.experiments.setup import TrainingSetup, set_up
from assay.recipes.loader import read_recipe
from assay.recipes.recipe import Recipe
from assay.studies.engines import Outcome
from assay.studies.engines.stacked import DefaultEngine
from assay.studies.results import collect_rows
from assay.studies.runner import study
from assay.studies.spec import StudySpec, read_study
from assay.studies.study import Trial
from assay.training.callbacks import Callback
from assay.training.feature_loader import FeatureLoader
from assay.training.inference import infer
from benchmarks.machine import machine_line
from benchmarks.tables import markdown

SWEEPS = ("transfer-epochs", "transfer-rates", "transfer-batches")
SEEDS = 3


class InProcessEngine(DefaultEngine):
    """The default engine without worker processes, so that this process's CPU time is the total."""

    def run(self, members: Sequence[Trial]) -> Iterator[Outcome | None]:
        """As in Engine."""
        for chain in self.make_chains(members):
            print(f"  {len(chain)} together: {', '.join(sorted({trial.variant.name for trial in chain}))}", flush=True)
            yield from zip(chain, self.train(chain), strict=True)


@contextmanager
def cpu_time(times: dict[str, float], name: str) -> Iterator[None]:
    """Add the CPU seconds of the context to `times[name]`."""
    start = time.process_time()
    yield
    times[name] = times.get(name, 0.0) + time.process_time() - start
    print(f"{name}: {times[name]:.0f} s of CPU time", flush=True)


def specs(net: str, share: float, side: int) -> list[StudySpec]:
    """The three sweeps with a net of the recipes `transfer/`."""
    model = read_recipe(f"transfer/{net}").model.model_dump(mode="json")
    changes = {"model": model, "data.share": share, "preprocess.resize": side, "reported": None}
    plain = [read_study(name) for name in SWEEPS]
    return [
        spec.replace({"base": spec.base.override(changes).model_dump(mode="json"), "reported": {}, "replicates": SEEDS})
        for spec in plain
    ]


def set_up_without_cache(recipe: Recipe, runtime: Runtime) -> TrainingSetup:
    """The setup of a run without cached features."""
    with patch("assay.experiments.setup_trainer.split_model", lambda *_: None):
        return set_up(recipe, runtime)


def measure_without_cache(recipe: Recipe, runtime: Runtime, batches: int) -> dict[str, float]:
    """CPU seconds per image of training, of validation after an epoch, and of the evaluation of a run."""
    setup = set_up_without_cache(recipe, runtime)
    trainer, times = setup.trainer, dict[str, float]()
    trainer.prepare_epoch(0)
    iterator = trainer.iter_batches(0)
    trainer.step(0, 0, *next(iterator))  # the first pays for set-up
    with cpu_time(times, "training"):
        for step in range(1, batches + 1):
            trainer.step(0, step, *next(iterator))
    size = recipe.training.images_a_step
    images, preprocess = torch.from_numpy(setup.images.images[: 10 * size]), trainer.loader.preprocess
    for name, where in (("validation", runtime), ("judging", runtime.exact())):
        with cpu_time(times, name):
            infer(trainer.state.net, images, preprocess, where)
    return {
        "training": times["training"] / (batches * size),
        **{key: times[key] / len(images) for key in ("validation", "judging")},
    }


def seconds_without_cache(recipes: Sequence[Recipe], per_image: dict[str, float], counts: dict[str, int]) -> float:
    """CPU seconds of these runs without cached features, extrapolated from the time per image."""
    total = 0.0
    for recipe in recipes:
        epoch = counts["train"] * per_image["training"] + counts["validation"] * per_image["validation"]
        total += recipe.training.epochs * epoch + (counts["validation"] + counts["test"]) * per_image["judging"]
    return total


def compare_accuracy(recipe: Recipe, runtime: Runtime, images: int) -> dict[str, float]:
    """Validation accuracy of one run with and without cached features. images: to train on, and to validate on."""
    share = images / (50_000 - images)
    small = recipe.override({"training.epochs": 3, "data.validation": images / 50_000, "data.share": share})
    accuracies = {}
    for name, make in (("with", set_up), ("without", set_up_without_cache)):
        trainer = make(small, runtime).trainer
        trainer.run(Callback(), lambda state: None, lambda: False)
        accuracies[name] = float(trainer.state.history[-1].validation_accuracy or 0.0)
    return accuracies


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """All measurements, with the cache in a folder."""
    runtime, sweeps = Runtime.choose("cpu", threads=1), specs(options.net, options.share, options.side)
    plain, times, recipes = sweeps[0].base, dict[str, float](), list[Recipe]()
    results: dict[str, Any] = {"net": options.net, "precision": runtime.precision, "load_before": os.getloadavg()}
    results["accuracy"] = compare_accuracy(plain, runtime, options.images)
    results["each"] = measure_without_cache(plain, runtime, options.batches)
    with cpu_time(times, "all"):
        setup = set_up(plain, runtime)
        with cpu_time(times, "pass"):
            fill_cache(setup)
        for spec in sweeps:
            with cpu_time(times, spec.name):
                finished_study = study(spec, engine=InProcessEngine(runtime, 1, mlflow=False), runs=folder / "runs")
            recipes += [trial.recipe for trial in finished_study.trials()]
            results[spec.name] = {row.name: [*row.test] for row in collect_rows(finished_study)}
    counts = {"train": len(setup.split.train), "validation": len(setup.split.validation), "test": 10_000}
    slow = seconds_without_cache(recipes, results["each"], counts)
    return {
        **results,
        "times": times,
        "counts": counts,
        "runs": len(recipes),
        "without": slow,
        "ratio": slow / times["all"],
    }


def fill_cache(setup: TrainingSetup) -> None:
    """Compute the features of all images: training images in the runtime's precision, the others in float32."""
    loader, cache, validation = setup.trainer.loader, setup.trainer.loader.feature_cache, setup.trainer.validation
    assert isinstance(loader, FeatureLoader)
    assert cache is not None
    assert validation is not None
    assert len(loader.view_features[0]) == len(loader)
    for images in (validation, load_dataset(setup.recipe.data.name, "test")):
        cache.features(images, exact=True)


def main() -> None:
    """Measure, print and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--net", default="mobilenet_v1", help="a net of the recipes transfer/ whose weights are available"
    )
    parser.add_argument(
        "--share", type=float, default=1.0, help="share of the training images; lower it for a quick check"
    )
    parser.add_argument(
        "--side", type=int, default=224, help="side of the images in pixels; lower it for a quick check"
    )
    parser.add_argument("--batches", type=int, default=20, help="batches measured without cached features")
    parser.add_argument("--images", type=int, default=500, help="images to compare accuracies on")
    parser.add_argument("--out", type=Path, default=Path("build/features.json"))
    options = parser.parse_args()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    os.environ["ASSAY_WEIGHTS"], root = str(weights_folder()), data_root().resolve()
    with tempfile.TemporaryDirectory(dir=options.out.parent) as name:
        for path in root.iterdir():
            if path.name != "features":  # start with an empty cache
                (Path(name) / path.name).symlink_to(path)
        os.environ["ASSAY_DATA"] = name
        results = measure(options, Path(name))
    write_json(options.out, results)
    fast, slow = results["times"]["all"], results["without"]
    table = [
        ["with cached features", f"{fast:,.0f}", ""],
        ["without, extrapolated", f"{slow:,.0f}", f"{slow / fast:.0f}"],
    ]
    print(f"{machine_line()}\n")
    print(markdown([f"{results['runs']} runs, {options.net}", "CPU seconds", "times"], table))
    print(f"accuracy of {options.images} images after 3 epochs: {results['accuracy']}")


if __name__ == "__main__":
    main()
