"""`assay train`: one recipe to a finished run."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.options import (
    DeviceOption,
    JsonOption,
    PrecisionOption,
    RunsOption,
    ThreadsOption,
    choose_runtime,
    parse_changes,
)
from assay.core.errors import UsageError

if TYPE_CHECKING:
    from assay.core.runtime import Runtime
    from assay.data.load import LoadedData
    from assay.recipes.recipe import Recipe


def train(
    recipe: Annotated[str | None, typer.Argument(metavar="RECIPE", help="A built-in recipe or a YAML file.")] = None,
    changes: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE...", help="Keys to change.")] = None,
    data: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="Photographs; without a recipe assay chooses a net, and says why."),
    ] = None,
    folds: Annotated[
        bool | None, typer.Option(help="Judge every photograph once, in five trainings (default: of less than 2,000).")
    ] = None,
    resume: Annotated[str | None, typer.Option(metavar="RUN", help="Go on with a stopped run.")] = None,
    as_json: JsonOption = False,
    runs: RunsOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    threads: ThreadsOption = None,
    mlflow: Annotated[bool, typer.Option(help="Mirror the run to MLflow, where it is installed.")] = True,
) -> None:
    """Train a recipe, `assay train fashion/cnn-bn training.epochs=3`, or on a folder, `assay train --data photos`."""
    if recipe is not None and data is not None and "=" in recipe:  # without a recipe the first word is a change
        changes, recipe = [recipe, *(changes or [])], None
    if folds is not None and data is None:
        raise UsageError("--folds and --no-folds go with --data FOLDER")
    if sum(one is not None for one in (recipe or data, resume)) != 1 or (resume and changes):
        raise UsageError(
            "give a recipe, with key=value changes if you like, or --data FOLDER, or both, or --resume RUN alone"
        )
    from assay.cli.show import show_folds, show_results
    from assay.experiments import train as verbs
    from assay.experiments.cross_validation import cross_validate
    from assay.experiments.run import Run
    from assay.report.terminal import RunsProgress, progress
    from assay.training.distributed import join_process_group

    runtime = choose_runtime(device, precision, threads)
    if resume is None:
        chosen, photographs = _chosen(recipe, data, parse_changes(changes or []), runtime)
        if photographs is not None and _wants_folds(folds, photographs):
            result = cross_validate(
                chosen, photographs, runs=runs, runtime=runtime, mlflow=mlflow, progress=RunsProgress()
            )
            show_folds(result, as_json)
            return
        run = verbs.train(chosen, runs=runs, runtime=runtime, mlflow=mlflow, callback=progress())
    else:
        run = verbs.resume(Run.find(resume, runs), runtime=runtime, mlflow=mlflow, callback=progress())
    if join_process_group(runtime.device).is_main:
        show_results(run, as_json)


def _chosen(
    recipe: str | None, data: str | None, changes: dict[str, Any], runtime: "Runtime"
) -> "tuple[Recipe, LoadedData | None]":
    """The recipe, assay's own for a folder where none is named, and the folder's photographs."""
    from assay.data.load import load_data
    from assay.data.location import with_absolute_paths
    from assay.experiments.auto_recipe import suggest
    from assay.recipes.loader import read_recipe
    from assay.report.terminal import progress_bar

    if recipe is not None and data is None:
        return read_recipe(recipe).override(changes), None
    with progress_bar("reading images", talks=True) as reading:
        if recipe is not None:
            chosen = with_absolute_paths(read_recipe(recipe).override({"data.name": data, **changes}))
            return chosen, load_data(chosen.data, reading)
        found = suggest(str(data), runtime, changes, reading)
    typer.echo(found.reason, err=True)
    return found.recipe, found.photos


def _wants_folds(asked: bool | None, photographs: "LoadedData") -> bool:
    """As asked; else for few photographs, where a test set would be too small to say much."""
    from assay.experiments.cross_validation import FOLDS_BELOW, has_folds

    return has_folds(photographs) and len(photographs.images) < FOLDS_BELOW if asked is None else asked
