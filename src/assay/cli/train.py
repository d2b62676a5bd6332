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


RecipeArgument = Annotated[str | None, typer.Argument(metavar="RECIPE", help="A built-in recipe or a YAML file.")]
ChangesArgument = Annotated[
    list[str] | None, typer.Argument(metavar="KEY=VALUE...", help="Recipe keys to change, such as training.epochs=3.")
]
DataOption = Annotated[
    str | None,
    typer.Option(metavar="FOLDER", help="A folder of photos; without a recipe assay chooses a net and prints why."),
]
FoldsOption = Annotated[
    bool | None, typer.Option(help="Evaluate every photo once, in five trainings (default: for fewer than 2,000).")
]
ResumeOption = Annotated[str | None, typer.Option(metavar="RUN", help="Resume a stopped run.")]


def train(
    recipe: RecipeArgument = None,
    changes: ChangesArgument = None,
    data: DataOption = None,
    folds: FoldsOption = None,
    resume: ResumeOption = None,
    as_json: JsonOption = False,
    runs: RunsOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    threads: ThreadsOption = None,
    mlflow: Annotated[bool, typer.Option(help="Mirror the run to MLflow, if installed.")] = True,
) -> None:
    """Train a recipe, `assay train fashion/cnn-bn training.epochs=3`, or on a folder, `assay train --data photos`."""
    if recipe is not None and data is not None and "=" in recipe:  # without a recipe the first word is a change
        changes, recipe = [recipe, *(changes or [])], None
    _check_options(recipe, changes, data, folds, resume)
    from assay.cli.show import show_folds, show_results
    from assay.experiments import train as verbs
    from assay.experiments.cross_validation import cross_validate
    from assay.experiments.run import Run
    from assay.report.terminal import RunsProgress, progress
    from assay.training.distributed import join_process_group

    runtime = choose_runtime(device, precision, threads)
    if resume is None:
        selection, photos = _select_recipe(recipe, data, parse_changes(changes or []), runtime)
        if photos is not None and _use_folds(folds, photos):
            result = cross_validate(
                selection, photos, runs=runs, runtime=runtime, mlflow=mlflow, progress=RunsProgress()
            )
            show_folds(result, as_json)
            return
        run = verbs.train(selection, runs=runs, runtime=runtime, mlflow=mlflow, callback=progress())
    else:
        run = verbs.resume(Run.find(resume, runs), runtime=runtime, mlflow=mlflow, callback=progress())
    if join_process_group(runtime.device).is_main:
        show_results(run, as_json)


def _check_options(
    recipe: str | None, changes: list[str] | None, data: str | None, folds: bool | None, resume: str | None
) -> None:
    """Raise UsageError for options that do not go together."""
    if folds is not None and data is None:
        raise UsageError("--folds and --no-folds go with --data FOLDER")
    has_recipe = recipe is not None or data is not None
    if has_recipe == (resume is not None) or (resume and changes):
        raise UsageError(
            "give a recipe, with key=value changes if you like, or --data FOLDER, or both, or --resume RUN alone"
        )


def _select_recipe(
    recipe: str | None, data: str | None, changes: dict[str, Any], runtime: "Runtime"
) -> "tuple[Recipe, LoadedData | None]":
    """The recipe, or for a folder without one assay's suggestion; and the photos of the folder."""
    from assay.data.load import load_data
    from assay.experiments.auto_recipe import suggest
    from assay.experiments.stored_size import complete_data
    from assay.recipes.loader import read_recipe
    from assay.report.terminal import progress_bar

    if recipe is not None and data is None:
        return read_recipe(recipe).override(changes), None
    with progress_bar("reading images", talks=True) as reading:
        if recipe is not None:
            folder_recipe = complete_data(read_recipe(recipe).override({"data.name": data, **changes}))
            return folder_recipe, load_data(folder_recipe.data, reading)
        suggestion = suggest(str(data), runtime, changes, reading)
    typer.echo(suggestion.reason, err=True)
    return suggestion.recipe, suggestion.photos


def _use_folds(option: bool | None, photos: "LoadedData") -> bool:
    """The option; by default yes for few photos, where a test set would be too small."""
    from assay.experiments.cross_validation import FOLDS_BELOW, has_folds

    if option is not None:
        return option
    return has_folds(photos) and len(photos.images) < FOLDS_BELOW
