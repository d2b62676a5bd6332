"""The Run: one training as a folder that is the truth. Here live its files and their names; nothing here trains.

recipe.yaml environment.json config.json status.json history.csv split.npz model.safetensors results.json
checkpoint/ predictions/ figures/ looks.jsonl
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from assay.core.errors import DataError, UsageError, unknown
from assay.core.files import atomic_write, disk_errors, fresh_folder, write_json
from assay.data.imageset import ImageSet
from assay.recipes.loader import read_recipe
from assay.recipes.recipe import Recipe
from assay.training.checkpoint import Weights
from assay.training.history import Epoch, from_csv, to_csv

_LAST_KEY = list(Recipe.model_fields)[-1]


def runs_folder() -> Path:
    """Where runs are kept: $ASSAY_RUNS, or ./runs."""
    return Path(os.environ.get("ASSAY_RUNS") or "runs")


@dataclass(frozen=True)
class Run:
    """A run folder. Equal folders are equal runs."""

    folder: Path

    @classmethod
    def create(cls, recipe: Recipe, runs: Path | None = None) -> "Run":
        """A new folder `<experiment>/<name>-<hash>-s<seed>`, with a number behind it if that name is taken."""
        parent = (runs or runs_folder()) / experiment(recipe)
        with disk_errors(parent):
            parent.mkdir(parents=True, exist_ok=True)
            folder = fresh_folder(parent / stem(recipe))
        run = cls(folder)
        atomic_write(folder / "recipe.yaml", recipe.to_yaml())
        return run

    @classmethod
    def all_of(cls, recipe: Recipe, runs: Path | None = None) -> "list[Run]":
        """The runs of a recipe with its seed, newest first."""
        paths = ((runs or runs_folder()) / experiment(recipe)).glob(f"{stem(recipe)}*/recipe.yaml")
        found = sorted(paths, key=lambda path: path.stat().st_mtime, reverse=True)
        return [
            run
            for run in (cls(path.parent) for path in found)
            if (run.recipe.hash, run.recipe.seed) == (recipe.hash, recipe.seed)
        ]

    @classmethod
    def open(cls, path: str | Path) -> "Run":
        """The run in that folder. Raises UsageError if there is none."""
        folder = Path(path)
        if not (folder / "recipe.yaml").is_file():
            raise UsageError(f"{folder} is not a run folder (it has no recipe.yaml); see: assay runs list")
        return cls(folder)

    @classmethod
    def find(cls, name: str, runs: Path | None = None) -> "Run":
        """The run of that folder, name, unique beginning of a name, or `latest`. Raises UsageError."""
        if (Path(name) / "recipe.yaml").is_file():
            return cls(Path(name))
        known = {run.name: run for run in list_runs(runs)}
        if name == "latest" and known:
            return max(known.values(), key=lambda run: (run.folder / "recipe.yaml").stat().st_mtime)
        by_folder = [run for run in known.values() if run.folder.name == name]
        begins = [run for key, run in known.items() if key.startswith(name) or run.folder.name.startswith(name)]
        fitting = [known[name]] if name in known else by_folder or begins
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            raise UsageError(f"'{name}' fits {len(fitting)} runs: {', '.join(run.name for run in fitting)}")
        if not known:
            raise UsageError(f"no run '{name}': there are no runs in {runs or runs_folder()} yet")
        raise unknown("run", name, known)

    @property
    def name(self) -> str:
        """`<experiment>/<folder name>`."""
        return f"{self.folder.resolve().parent.name}/{self.folder.name}"

    @property
    def recipe(self) -> Recipe:
        """The recipe as it was run. Raises UsageError if the file was changed into none, or is cut off."""
        path = self.folder / "recipe.yaml"
        recipe = read_recipe(str(path))
        if f"\n{_LAST_KEY}:" not in path.read_text(encoding="utf-8"):  # its first keys alone make a recipe as well
            raise UsageError(f"{path} is cut off: its last key, {_LAST_KEY}, is missing")
        return recipe

    @property
    def status(self) -> dict[str, Any]:
        """State (running, stopped, failed, finished, pruned), epochs, best epoch and the like; empty at first."""
        return self.read_json("status.json")

    @property
    def results(self) -> dict[str, Any]:
        """For each evaluated set: n, correct, accuracy, interval, loss and the other metrics."""
        return self.read_json("results.json")

    @property
    def history(self) -> list[Epoch]:
        """The epochs so far."""
        path = self.folder / "history.csv"
        with _damage_named(path):
            return from_csv(path.read_text()) if path.exists() else []

    @property
    def checkpoint(self) -> Path:
        """The file to go on from; absent once a run is finished."""
        return self.folder / "checkpoint" / "state.pt"

    @property
    def looks(self) -> list[dict[str, Any]]:
        """Each look at a test set, oldest first."""
        path = self.folder / "looks.jsonl"
        with _damage_named(path):
            return [dict(json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []

    def count_look(self, data: str, by: str) -> int:
        """Write down a look at a test set, before it happens; returns how many there are now for this set."""
        path = self.folder / "looks.jsonl"
        line = json.dumps({"time": datetime.now(UTC).isoformat(timespec="seconds"), "data": data, "by": by}) + "\n"
        with disk_errors(path), path.open("ab", buffering=0) as file:  # one write: two processes cannot lose a line
            file.write(line.encode())
            os.fsync(file.fileno())
        return self.looks_at(data)

    def looks_at(self, data: str) -> int:
        """How often a test set has been looked at, `cifar10/test`."""
        return sum(look["data"] == data for look in self.looks)

    def check_images(self, images: ImageSet) -> None:
        """Raise DataError unless these are the images that the run split into training and validation."""
        if self.read_json("config.json").get("data_fingerprint") != images.fingerprint:
            raise DataError(f"the images of {images.source} are not those that {self.name} was trained on")

    def set_status(self, **changes: Any) -> None:
        """Change some keys of status.json; None takes a key away."""
        changed = {**self.status, **changes}
        self.write_json("status.json", {key: value for key, value in changed.items() if value is not None})

    def write_history(self, history: list[Epoch]) -> None:
        """Write history.csv."""
        atomic_write(self.folder / "history.csv", to_csv(history))

    def write_weights(self, weights: Weights) -> None:
        """Write model.safetensors."""
        plain = {name: tensor.contiguous() for name, tensor in weights.items()}
        atomic_write(self.folder / "model.safetensors", save_tensors(plain))

    def read_weights(self) -> Weights:
        """The tensors of model.safetensors. Raises DataError if it is missing or damaged."""
        path = self.folder / "model.safetensors"
        try:
            return load_tensors(path.read_bytes())
        except FileNotFoundError:
            raise DataError(
                f"{self.name} has no weights yet ({path} is missing); go on with: assay train --resume {self.folder}"
            ) from None
        except (SafetensorError, OSError, ValueError) as error:
            raise DataError(f"{path} is damaged: {error}") from None

    def free_label(self, label: str) -> str:
        """The label, or with the first free number behind it: earlier results are never overwritten."""
        names = chain([label], (f"{label}-{number}" for number in count(2)))
        return next(name for name in names if name not in self.results and not (self.folder / f"{name}.json").exists())

    def write_json(self, file: str, value: dict[str, Any]) -> None:
        """Write a JSON file of the folder."""
        write_json(self.folder / file, value)

    def read_json(self, file: str) -> dict[str, Any]:
        """The object in a JSON file of the folder; empty if there is none. Raises DataError if it is damaged."""
        path = self.folder / file
        with _damage_named(path):
            return dict(json.loads(path.read_text())) if path.exists() else {}


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    """Turn whatever a damaged file makes a reader raise into a DataError that names it."""
    try:
        yield
    except (ValueError, TypeError, OSError) as error:
        raise DataError(f"{path} is damaged: {error}") from None


def experiment(recipe: Recipe) -> str:
    """The folder that a recipe's runs share."""
    before, _, name = recipe.name.rpartition("/")
    return before.replace("/", "-") or name


def stem(recipe: Recipe) -> str:
    """The name of a recipe's first run in that folder."""
    return f"{recipe.name.rpartition('/')[2]}-{recipe.hash}-s{recipe.seed}"


def list_runs(runs: Path | None = None) -> list[Run]:
    """All runs in the runs folder, by name."""
    return [Run(path.parent) for path in sorted((runs or runs_folder()).glob("*/*/recipe.yaml"))]


def weights_hash(weights: Weights) -> str:
    """Sixteen hex digits over names and numbers of all tensors: equal for equal weights."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(name.encode())
        digest.update(weights[name].detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()[:16]
