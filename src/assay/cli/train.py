"""`assay train`: one recipe to a finished run."""

from typing import Annotated

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
from assay.errors import UsageError


def train(
    recipe: Annotated[str | None, typer.Argument(metavar="RECIPE", help="A built-in recipe or a YAML file.")] = None,
    changes: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE...", help="Keys to change.")] = None,
    resume: Annotated[str | None, typer.Option(metavar="RUN", help="Go on with a stopped run.")] = None,
    as_json: JsonOption = False,
    runs: RunsOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    threads: ThreadsOption = None,
    mlflow: Annotated[bool, typer.Option(help="Mirror the run to MLflow, where it is installed.")] = True,
) -> None:
    """Train a recipe: `assay train fashion/cnn-bn training.epochs=3`. See `assay recipes list`."""
    if (recipe is None) == (resume is None) or (resume and changes):
        raise UsageError("give a recipe, with key=value changes if you like, or --resume RUN alone")
    from assay import verbs
    from assay.cli.show import show_results
    from assay.recipes import read_recipe
    from assay.run import Run
    from assay.training.parallel import join

    if recipe is not None:
        chosen = read_recipe(recipe).override(parse_changes(changes or []))
        runtime = choose_runtime(device, precision, threads)
        run = verbs.train(chosen, runs=runs, runtime=runtime, mlflow=mlflow)
    else:
        stopped, runtime = Run.find(str(resume), runs), choose_runtime(device, precision, threads)
        run = verbs.resume(stopped, runtime=runtime, mlflow=mlflow)
    if join(runtime.device).leads:
        show_results(run, as_json)
