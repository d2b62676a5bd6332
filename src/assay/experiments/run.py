"""The Run: one training, stored in a folder that is the single source of truth. Nothing here trains.

recipe.yaml environment.json config.json status.json history.csv split.npz model.safetensors results.json
checkpoint/ predictions/ figures/ looks.jsonl
"""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import chain, count
from pathlib import Path
from typing import Any

from assay.core.errors import AssayError, DataError, UsageError, unknown
from assay.core.files import atomic_write, disk_errors, fresh_folder, write_json
from assay.data.imageset import ImageSet
from assay.experiments.run_files import (
    append_json_line,
    damage_errors,
    read_json_lines,
    read_json_object,
    read_tensors,
    write_tensors,
)
from assay.recipes.loader import read_whole_recipe
from assay.recipes.recipe import Recipe
from assay.training.checkpoint import Weights
from assay.training.history import Epoch, from_csv, to_csv


class RunState(StrEnum):
    """`state` in status.json. A run that was killed stays `running`."""

    RUNNING = "running"
    STOPPED = "stopped"  # by the user, after a checkpoint
    FAILED = "failed"
    FINISHED = "finished"
    PRUNED = "pruned"  # stopped early by a study's plan; it never saw the test set


class SplitName(StrEnum):
    """The part of a data set that an image belongs to. The full name of a set is `<data set>/<split>`."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"

    def of(self, data: str) -> str:
        """The full name of this part of a data set, `cifar10/test`."""
        return f"{data}/{self}"


def is_test_set(full_name: str) -> bool:
    """Whether a set's full name, `cifar10/test`, is that of a test set."""
    return full_name.rpartition("/")[2] == SplitName.TEST


def runs_folder() -> Path:
    """The folder of all runs: $ASSAY_RUNS, or ./runs."""
    return Path(os.environ.get("ASSAY_RUNS") or "runs")


@dataclass(frozen=True)
class Run:
    """A run folder. Runs are equal if their folders are."""

    folder: Path

    @classmethod
    def create(cls, recipe: Recipe, runs: Path | None = None) -> "Run":
        """Make the folder `<experiment>/<name>-<hash>-s<seed>`, with a number appended if that name is taken."""
        parent = (runs or runs_folder()) / experiment_name(recipe)
        with disk_errors(parent):
            parent.mkdir(parents=True, exist_ok=True)
            folder = fresh_folder(parent / folder_name(recipe))
        run = cls(folder)
        atomic_write(folder / "recipe.yaml", recipe.to_yaml())
        return run

    @classmethod
    def open(cls, path: str | Path) -> "Run":
        """The run in a folder. Raises UsageError if the folder holds no run."""
        run = cls(Path(path))
        if not run.exists:
            raise UsageError(f"{run.folder} is not a run folder (it has no recipe.yaml); see: assay runs list")
        return run

    @classmethod
    def find(cls, name: str, runs: Path | None = None) -> "Run":
        """The run of a folder, a name, a unique prefix of a name, or `latest`. Raises UsageError."""
        if cls(Path(name)).exists:
            return cls(Path(name))
        by_name = {run.name: run for run in list_runs(runs)}
        if name == "latest" and by_name:
            return max(by_name.values(), key=lambda run: (run.folder / "recipe.yaml").stat().st_mtime)
        same_folder = [run for run in by_name.values() if run.folder.name == name]
        same_prefix = [run for key, run in by_name.items() if key.startswith(name) or run.folder.name.startswith(name)]
        matches = [by_name[name]] if name in by_name else same_folder or same_prefix
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise UsageError(f"'{name}' fits {len(matches)} runs: {', '.join(run.name for run in matches)}")
        if not by_name:
            raise UsageError(f"no run '{name}': there are no runs in {runs or runs_folder()} yet")
        raise unknown("run", name, by_name)

    @classmethod
    def all_of(cls, recipe: Recipe, runs: Path | None = None) -> "list[Run]":
        """The runs of a recipe and its seed, newest first, whatever their folders are called."""
        paths = ((runs or runs_folder()) / experiment_name(recipe)).glob("*/recipe.yaml")
        newest_first = sorted(paths, key=lambda path: path.stat().st_mtime, reverse=True)
        return [run for run in (cls(path.parent) for path in newest_first) if run.is_of(recipe)]

    def is_of(self, recipe: Recipe) -> bool:
        """Whether this is a run of the recipe and its seed, by the recipe that it stores."""
        try:
            own_recipe = self.recipe
        except AssayError:  # a damaged run is a run of nothing
            return False
        return (own_recipe.name, own_recipe.hash, own_recipe.seed) == (recipe.name, recipe.hash, recipe.seed)

    @property
    def exists(self) -> bool:
        """Whether the folder holds a run."""
        return (self.folder / "recipe.yaml").is_file()

    @property
    def name(self) -> str:
        """`<experiment>/<folder name>`."""
        return f"{self.folder.resolve().parent.name}/{self.folder.name}"

    @property
    def recipe(self) -> Recipe:
        """The recipe of the run. Raises UsageError if the file is not a recipe, or is cut off."""
        return read_whole_recipe(self.folder / "recipe.yaml")

    @property
    def status(self) -> dict[str, Any]:
        """State, epochs, best epoch and the like; empty before training begins."""
        return self.read_json("status.json")

    @property
    def state(self) -> str | None:
        """A RunState; None before training begins."""
        return self.status.get("state")

    @property
    def is_finished(self) -> bool:
        """Whether the run was trained and evaluated to the end."""
        return self.state == RunState.FINISHED

    @property
    def results(self) -> dict[str, Any]:
        """For each evaluated set: n, correct, accuracy, interval, loss and the other metrics."""
        return self.read_json("results.json")

    @property
    def history(self) -> list[Epoch]:
        """The epochs so far."""
        path = self.folder / "history.csv"
        with damage_errors(path):
            return from_csv(path.read_text()) if path.exists() else []

    @property
    def checkpoint(self) -> Path:
        """The file to resume from; absent once a run is finished."""
        return self.folder / "checkpoint" / "state.pt"

    @property
    def test_set(self) -> str:
        """The full name of the run's own test set, `cifar10/test`."""
        return SplitName.TEST.of(self.recipe.data.display_name)

    @property
    def looks(self) -> list[dict[str, Any]]:
        """Each look at a test set, oldest first."""
        return read_json_lines(self.folder / "looks.jsonl")

    def count_look(self, data: str, by: str) -> int:
        """Record a look at a test set, before it happens. Returns the number of looks at this set so far."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        append_json_line(self.folder / "looks.jsonl", {"time": now, "data": data, "by": by})
        return self.looks_at(data)

    def looks_at(self, data: str) -> int:
        """The number of looks at a test set, `cifar10/test`."""
        return sum(look["data"] == data for look in self.looks)

    def was_trained_on(self, images: ImageSet) -> bool:
        """Whether the run was trained on (a part of) exactly these images, wherever they are now."""
        return bool(self.read_json("config.json").get("data_fingerprint") == images.fingerprint)

    def check_images(self, images: ImageSet) -> None:
        """Raise DataError unless the run was trained on (a part of) these images."""
        if not self.was_trained_on(images):
            raise DataError(f"the images of {images.source} are not those that {self.name} was trained on")

    def set_status(self, **changes: Any) -> None:
        """Change some keys of status.json; None removes a key."""
        status = {**self.status, **changes}
        self.write_json("status.json", {key: value for key, value in status.items() if value is not None})

    def write_history(self, history: list[Epoch]) -> None:
        """Write history.csv."""
        atomic_write(self.folder / "history.csv", to_csv(history))

    def write_weights(self, weights: Weights) -> None:
        """Write model.safetensors."""
        write_tensors(self.folder / "model.safetensors", weights)

    def read_weights(self) -> Weights:
        """The tensors of model.safetensors. Raises DataError if it is missing or damaged."""
        path = self.folder / "model.safetensors"
        if not path.exists():
            raise DataError(
                f"{self.name} has no weights yet ({path} is missing); resume: assay train --resume {self.folder}"
            )
        return read_tensors(path)

    def free_label(self, label: str) -> str:
        """The label, with the first free number appended if it is taken: results are never overwritten."""
        names = chain([label], (f"{label}-{number}" for number in count(2)))
        return next(name for name in names if name not in self.results and not (self.folder / f"{name}.json").exists())

    def write_json(self, file: str, value: dict[str, Any]) -> None:
        """Write a JSON file of the folder."""
        write_json(self.folder / file, value)

    def read_json(self, file: str) -> dict[str, Any]:
        """The object in a JSON file of the folder; empty if the file is absent. Raises DataError if it is damaged."""
        return read_json_object(self.folder / file)


def experiment_name(recipe: Recipe) -> str:
    """The name of the folder that holds all runs of a recipe's experiment."""
    before, _, name = recipe.name.rpartition("/")
    return before.replace("/", "-") or name


def folder_name(recipe: Recipe) -> str:
    """The folder name of a recipe's first run: `<name>-<hash>-s<seed>`."""
    return f"{recipe.name.rpartition('/')[2]}-{recipe.hash}-s{recipe.seed}"


def list_runs(runs: Path | None = None) -> list[Run]:
    """All runs in the runs folder, by name."""
    return [Run(path.parent) for path in sorted((runs or runs_folder()).glob("*/*/recipe.yaml"))]
