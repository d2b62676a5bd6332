"""Kept features: the CPU time of the transfer report's sweeps with them and, extrapolated, without; and equal accuracy.

9 numbers of epochs, 6 learning rates and 4 batch sizes, 3 seeds each, a head on a pretrained net at 224 px, with all of
CIFAR-10. Without kept features the same would take weeks: some batches of it are measured, training and judging, and
multiplied. One process, one thread; CPU time, so that neighbors count less.
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
from benchmarks.tables import markdown

SWEEPS = ("transfer-epochs", "transfer-rates", "transfer-batches")
SEEDS = 3


class Here(DefaultEngine):
    """The usual engine without workers of its own, so that this process's CPU time is all of it."""

    def run(self, members: Sequence[Trial]) -> Iterator[Outcome | None]:
        """As of Engine."""
        for chain in self.make_chains(members):
            print(f"  {len(chain)} together: {', '.join(sorted({one.variant.name for one in chain}))}", flush=True)
            yield from zip(chain, self.train(chain), strict=True)


@contextmanager
def cpu_time(found: dict[str, float], name: str) -> Iterator[None]:
    """Adds the CPU seconds of what happens within."""
    started = time.process_time()
    yield
    found[name] = found.get(name, 0.0) + time.process_time() - started
    print(f"{name}: {found[name]:.0f} s of CPU time", flush=True)


def specs(net: str, share: float, side: int) -> list[StudySpec]:
    """The three sweeps with this net of the recipes `transfer/`."""
    model = read_recipe(f"transfer/{net}").model.model_dump(mode="json")
    changes = {"model": model, "data.share": share, "preprocess.resize": side, "reported": None}
    plain = [read_study(name) for name in SWEEPS]
    return [
        one.replace({"base": one.base.override(changes).model_dump(mode="json"), "reported": {}, "replicates": SEEDS})
        for one in plain
    ]


def slow_job(recipe: Recipe, runtime: Runtime) -> TrainingSetup:
    """The same run without kept features."""
    with patch("assay.experiments.setup_trainer.split_model", lambda *_: None):
        return set_up(recipe, runtime)


def measured_slowly(recipe: Recipe, runtime: Runtime, batches: int) -> dict[str, float]:
    """CPU seconds of an image in a training step, when an epoch is validated, and when a run is judged."""
    job = slow_job(recipe, runtime)
    trainer, found = job.trainer, dict[str, float]()
    trainer.prepare_epoch(0)
    walk = trainer.iter_batches(0)
    trainer.step(0, 0, *next(walk))  # the first pays for set-up
    with cpu_time(found, "training"):
        for step in range(1, batches + 1):
            trainer.step(0, step, *next(walk))
    size = recipe.training.images_a_step
    images, preprocess = torch.from_numpy(job.images.images[: 10 * size]), trainer.loader.preprocess
    for name, where in (("validation", runtime), ("judging", runtime.exact())):
        with cpu_time(found, name):
            infer(trainer.state.net, images, preprocess, where)
    return {
        "training": found["training"] / (batches * size),
        **{key: found[key] / len(images) for key in ("validation", "judging")},
    }


def without(recipes: Sequence[Recipe], each: dict[str, float], counts: dict[str, int]) -> float:
    """CPU seconds of these runs without kept features, by the time of an image."""
    total = 0.0
    for recipe in recipes:
        epoch = counts["train"] * each["training"] + counts["validation"] * each["validation"]
        total += recipe.training.epochs * epoch + (counts["validation"] + counts["test"]) * each["judging"]
    return total


def same_accuracy(recipe: Recipe, runtime: Runtime, images: int) -> dict[str, float]:
    """Validation accuracy of one run with and without kept features, on so many images for each purpose."""
    rest = 50_000 - images
    small = recipe.override({"training.epochs": 3, "data.validation": images / 50_000, "data.share": images / rest})
    found = {}
    for name, make in (("with", set_up), ("without", slow_job)):
        trainer = make(small, runtime).trainer
        trainer.run(Callback(), lambda state: None, lambda: False)
        found[name] = float(trainer.state.history[-1].validation_accuracy or 0.0)
    return found


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """All of it, with what is kept in that folder."""
    runtime, sweeps = Runtime.choose("cpu", threads=1), specs(options.net, options.share, options.side)
    plain, times, recipes = sweeps[0].base, dict[str, float](), list[Recipe]()
    found: dict[str, Any] = {"net": options.net, "precision": runtime.precision, "load_before": os.getloadavg()}
    found["accuracy"] = same_accuracy(plain, runtime, options.images)
    found["each"] = measured_slowly(plain, runtime, options.batches)
    with cpu_time(times, "all"):
        job = set_up(plain, runtime)
        with cpu_time(times, "pass"):
            once(job)
        for spec in sweeps:
            with cpu_time(times, spec.name):
                done = study(spec, engine=Here(runtime, 1, mlflow=False), runs=folder / "runs")
            recipes += [one.recipe for one in done.trials()]
            found[spec.name] = {row.name: [*row.test] for row in collect_rows(done)}
    counts = {"train": len(job.split.train), "validation": len(job.split.validation), "test": 10_000}
    slow = without(recipes, found["each"], counts)
    return {
        **found,
        "times": times,
        "counts": counts,
        "runs": len(recipes),
        "without": slow,
        "ratio": slow / times["all"],
    }


def once(job: TrainingSetup) -> None:
    """All images through the frozen part: as training images and as judged ones."""
    loader, cache, validation = job.trainer.loader, job.trainer.loader.feature_cache, job.trainer.validation
    assert isinstance(loader, FeatureLoader)
    assert cache is not None
    assert validation is not None
    assert len(loader.view_features[0]) == len(loader)
    for images in (validation, load_dataset(job.recipe.data.name, "test")):
        cache.features(images, exact=True)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--net", default="mobilenet_v1", help="of the recipes transfer/, with weights at hand")
    parser.add_argument("--share", type=float, default=1.0, help="of the training images, to see that it runs")
    parser.add_argument("--side", type=int, default=224, help="of the images, in pixels; fewer to see that it runs")
    parser.add_argument("--batches", type=int, default=20, help="measured without kept features")
    parser.add_argument("--images", type=int, default=500, help="to compare accuracies on")
    parser.add_argument("--out", type=Path, default=Path("build/features.json"))
    options = parser.parse_args()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    os.environ["ASSAY_WEIGHTS"], root = str(weights_folder()), data_root().resolve()
    with tempfile.TemporaryDirectory(dir=options.out.parent) as name:
        for path in root.iterdir():
            if path.name != "features":  # nothing may be kept from before
                (Path(name) / path.name).symlink_to(path)
        os.environ["ASSAY_DATA"] = name
        found = measure(options, Path(name))
    write_json(options.out, found)
    fast, slow = found["times"]["all"], found["without"]
    table = [
        ["with kept features", f"{fast:,.0f}", ""],
        ["without, extrapolated", f"{slow:,.0f}", f"{slow / fast:.0f}"],
    ]
    print(markdown([f"{found['runs']} runs, {options.net}", "CPU seconds", "times"], table))
    print(f"accuracy of {options.images} images after 3 epochs: {found['accuracy']}")


if __name__ == "__main__":
    main()
