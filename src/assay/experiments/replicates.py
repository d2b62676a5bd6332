"""From names to groups: which runs are replicates of each other, and their predictions. See `evaluation/comparison`."""

import re
from collections.abc import Sequence
from pathlib import Path

from assay.core.errors import UsageError
from assay.evaluation.group import Group
from assay.evaluation.overlap import Overlap
from assay.evaluation.predictions import Predictions
from assay.experiments.run import Run, list_runs
from assay.experiments.run_identity import check_replicates, replicate_hash, scored_identity
from assay.recipes.labels import with_faults

_SEED, _HASH = re.compile(r"-s\d+(-\d+)?$"), re.compile(r"-[0-9a-f]{8}$")


def find_group(name: str, runs: Path | None = None) -> list[Run]:
    """The runs that a name stands for. Raises UsageError.

    A run: its folder, its name, or a prefix of it. Replicates: that name without its seed, `two-conv-1a2b3c4d`, or a
    recipe's name if all its runs have the same recipe. Names separated by commas: all of their runs.
    """
    if "," in name:
        return [run for part in name.split(",") for run in find_group(part.strip(), runs)]
    if (Path(name) / "recipe.yaml").is_file() or name == "latest":
        return [Run.find(name, runs)]
    experiment, slash, last = name.rpartition("/")
    folder_name = experiment.replace("/", "-") + slash + last  # as `Run.create` names it
    replicates = [run for run in list_runs(runs) if folder_name in _group_names(run)]
    stems = sorted({_SEED.sub("", run.name) for run in replicates})
    if len(stems) > 1 and len({run.recipe.hash for run in replicates}) > 1:
        raise UsageError(f"'{name}' fits runs of {len(stems)} recipes: {', '.join(stems)}; name one of these")
    return replicates or [Run.find(name, runs)]


def read_group(runs: Sequence[Run], on: str) -> Group:
    """The runs' predictions on their `validation` or `test` images, one run for each seed.

    Raises UsageError for runs of several recipes, DataError for runs that saw different images.
    """
    if len({replicate_hash(run) for run in runs}) > 1:
        raise UsageError(
            f"{', '.join(run.name for run in runs)} are not replicates: their recipes differ in more than the seed"
        )
    by_seed = _first_of_each_seed(runs, on)
    if not by_seed:
        raise UsageError(f"{runs[0].name} has no predictions on {on} images: it is not finished, or it kept none")
    predictions = tuple(Predictions.load(run.folder / "predictions" / f"{on}.npz") for run in by_seed.values())
    check_replicates(list(by_seed.values()))
    first = next(iter(by_seed.values()))
    name = first.name if len(by_seed) == 1 else _SEED.sub("", first.name)
    identities = [scored_identity(run, on) for run in by_seed.values()]
    images = next((identity for identity in identities if identity.fingerprint), identities[0])
    name = f"{with_faults(name, first.recipe.faults)} {_overlap_tag(first, on)}".strip()
    return Group(name, predictions, tuple(by_seed), images)


def _overlap_tag(run: Run, on: str) -> str:
    """How many of the scored images the run used in its training, for its name in tables."""
    entry = run.results.get(on, {})
    return Overlap.from_dict(entry["overlap"]).tag if "overlap" in entry else ""


def count_looks(runs: Sequence[Run]) -> None:
    """Record, in each run that `read_group` reads, that its predictions on its test set were compared."""
    for run in _first_of_each_seed(runs, "test").values():
        run.count_look(run.test_set, by="compare")


def _first_of_each_seed(runs: Sequence[Run], on: str) -> dict[int, Run]:
    """The first finished run of each seed."""
    by_seed: dict[int, Run] = {}
    for run in runs:
        if run.is_finished and (run.folder / "predictions" / f"{on}.npz").exists():
            by_seed.setdefault(run.recipe.seed, run)
    return by_seed


def _group_names(run: Run) -> list[str]:
    """The names of a run's replicates, by its folder alone: with or without experiment, with or without hash."""
    with_hash = _SEED.sub("", run.name)
    without_hash = _HASH.sub("", with_hash)
    return [name for full in (with_hash, without_hash) for name in (full, full.rpartition("/")[2])]
