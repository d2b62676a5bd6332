"""From names to Groups: which runs belong together, and what each predicted. See `evaluation/comparison.py`."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from assay.core.errors import UsageError
from assay.evaluation.comparison import Group
from assay.evaluation.predictions import Predictions
from assay.experiments.run import Run, list_runs
from assay.report.tables.formats import named

_SEED, _HASH = re.compile(r"-s\d+(-\d+)?$"), re.compile(r"-[0-9a-f]{8}$")


def find_group(name: str, runs: Path | None = None) -> list[Run]:
    """The runs that a name stands for.

    One run: its folder, name, or the start of it. Replicates: that name without its seed, `two-conv-1a2b3c4d`, or a
    recipe's name if all runs of it are alike. Names with commas between them are all of these. Raises UsageError.
    """
    if "," in name:
        return [run for part in name.split(",") for run in find_group(part.strip(), runs)]
    if (Path(name) / "recipe.yaml").is_file() or name == "latest":
        return [Run.find(name, runs)]
    known = list_runs(runs)
    experiment, slash, last = name.rpartition("/")
    folder = experiment.replace("/", "-") + slash + last  # as `Run.create` names it
    replicates = [run for run in known if folder in _names(run)]
    stems = sorted({_SEED.sub("", run.name) for run in replicates})
    if len(stems) > 1:
        raise UsageError(f"'{name}' fits runs of {len(stems)} recipes: {', '.join(stems)}; name one of these")
    return replicates or [Run.find(name, runs)]


def read_group(found: Sequence[Run], on: str) -> Group:
    """The runs' predictions on their `validation` or `test` images, one run for each seed. Raises UsageError."""
    recipes = {run: run.recipe for run in found}
    if len({recipe.hash for recipe in recipes.values()}) > 1:
        raise UsageError(
            f"{', '.join(run.name for run in found)} are not replicates: their recipes differ in more than the seed"
        )
    chosen = _chosen(found, on)
    if not chosen:
        raise UsageError(f"{found[0].name} has no predictions on {on} images: it is not finished, or it kept none")
    predictions = tuple(Predictions.load(run.folder / "predictions" / f"{on}.npz") for run in chosen.values())
    first = next(iter(chosen.values()))
    name = first.name if len(chosen) == 1 else _SEED.sub("", first.name)
    return Group(named(name, recipes[first].faults), predictions, tuple(chosen))


def count_looks(found: Sequence[Run]) -> None:
    """Write down, in each run that `read_group` read, that its predictions on its test set were compared."""
    for run in _chosen(found, "test").values():
        run.count_look(f"{run.recipe.data.display_name}/test", by="compare")


def _chosen(found: Sequence[Run], on: str) -> dict[int, Run]:
    """The first finished run of each seed."""
    chosen: dict[int, Run] = {}
    for run in found:
        if run.status.get("state") == "finished" and (run.folder / "predictions" / f"{on}.npz").exists():
            chosen.setdefault(run.recipe.seed, run)
    return chosen


def _names(run: Run) -> Iterable[str]:
    """What one may call a run's replicates, by its folder alone: with or without experiment, with or without hash."""
    stem = _SEED.sub("", run.name)
    for name in (stem, _HASH.sub("", stem)):
        yield from (name, name.rpartition("/")[2])
